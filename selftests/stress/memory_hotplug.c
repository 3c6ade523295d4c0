// SPDX-License-Identifier: GPL-2.0
/*
 * Attempts to take memory out of the machine while clients are at work: what pools have
 * stays, and is not moved; what can be taken comes back
 *
 * Needs root: it looks up where the pool's pages lie.
 */
#include "load.h"
#include "stress.h"

#include "../netlink.h"
#include "../user.h"

#include <sys/stat.h>

#include "kselftest_harness.h"

#define WORKERS	3
#define BLOCKS	"/sys/devices/system/memory"
#define MAX_NR	4096		/* Of memory blocks */
#define CONTIG	"stress-contig"

/* Long enough for any machine: where an attempt takes so long it hangs. */
#define HANG_S	120

/* With user memory the kernel itself tries until it gets a signal. */
#define PATIENCE_S	2

static unsigned long block_size(void)
{
	char line[64];

	return stress_read(BLOCKS "/block_size_bytes", line, sizeof(line)) ?
	       strtoul(line, NULL, 16) : 0;
}

static void block_path(char *path, size_t size, unsigned int nr, const char *file)
{
	snprintf(path, size, BLOCKS "/memory%u/%s", nr, file);
}

static bool block_is(unsigned int nr, const char *state)
{
	char path[128], line[64];

	block_path(path, sizeof(path), nr, "state");
	return stress_read(path, line, sizeof(line)) && !strcmp(line, state);
}

static void interrupt(int sig)
{
}

/* Returns 0 or a negative errno; -EINTR after @seconds */
static int block_set(unsigned int nr, const char *state, unsigned int seconds)
{
	struct sigaction action = { .sa_handler = interrupt };
	char path[128];
	int err;

	block_path(path, sizeof(path), nr, "state");
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
	err = stress_write(path, state);
	alarm(0);
	return err;
}

/* Note in @blocks which of them have pages of a range. False if that isn't to be known */
static bool blocks_of(const char *memory, size_t length, bool *blocks)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned long nr, size = block_size();
	uint64_t entry, pfn;
	bool good = size;
	size_t at;

	for (at = 0; good && at < length; at += page) {
		good = pread(fd, &entry, sizeof(entry), ((uintptr_t)memory + at) / page *
			     sizeof(entry)) == sizeof(entry);
		pfn = entry & ((1ULL << 55) - 1);
		nr = pfn * page / size;
		good = good && pfn && nr < MAX_NR;
		if (good)
			blocks[nr] = true;
	}
	close(fd);
	return good;
}

/* For stress_begin(): memory that can be moved, and has what was written to it */
static bool movable_memory(void)
{
	static uint64_t round;
	size_t length = 8 * MIB;
	bool good;
	char *memory;

	memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	pp_fill(memory, length, ++round);
	usleep(10000);
	good = pp_matches(memory, length, round);
	munmap(memory, length);
	return good;
}

/* A client that has most of a pool, and what it wrote there */
struct owner {
	struct pp_client client;
	struct pinpool_buf buf;
	bool blocks[MAX_NR];
};

/* @base: where the pool's memory is mapped as ordinary memory, or NULL: in the window */
static bool owner_start(struct owner *owner, const char *node, const char *base)
{
	uint64_t length;
	char *memory;

	memset(owner, 0, sizeof(*owner));
	if (!pp_client_open_at(&owner->client, node))
		return false;
	length = owner->client.capacity * 3 / 4 / MIB * MIB;
	if (pp_alloc(owner->client.fd, length, 0, &owner->buf))
		return false;
	memory = owner->client.window + owner->buf.offset;
	pp_fill(memory, length, owner->buf.handle);
	return blocks_of(base ? base + owner->buf.offset : memory, length, owner->blocks);
}

static bool owner_check(const struct owner *owner)
{
	return pp_matches(owner->client.window + owner->buf.offset, owner->buf.length,
			  owner->buf.handle);
}

FIXTURE(memory_hotplug)
{
	int fd;
	struct load load;
	struct owner owner;
	struct stress_aside movable;
	unsigned int refused, taken;
};

FIXTURE_SETUP(memory_hotplug)
{
	if (!block_size())
		PP_SKIP_SETUP("memory can't go on this kernel");
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(owner_start(&self->owner, pp_node(), NULL));
	ASSERT_TRUE(load_start(&self->load, WORKERS));
	ASSERT_TRUE(stress_begin(&self->movable, movable_memory));
}

FIXTURE_TEARDOWN(memory_hotplug)
{
	fprintf(stderr, "# %u attempts refused, %u blocks went and came back\n", self->refused,
		self->taken);
	EXPECT_LT(0, stress_end(&self->movable));
	EXPECT_TRUE(load_go_on(&self->load, 100));
	EXPECT_TRUE(load_stop(&self->load));
	EXPECT_TRUE(owner_check(&self->owner));
	pp_client_close(&self->owner.client);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* Try to take each block once; those of @owner must stay. */
static void try_all(struct __test_metadata *_metadata, FIXTURE_DATA(memory_hotplug) *self,
		    const struct owner *owner, unsigned int seconds)
{
	unsigned int nr, tried = 0;
	int err;

	for (nr = 0; nr < MAX_NR; nr++) {
		if (!block_is(nr, "online"))
			continue;
		err = block_set(nr, "offline", seconds);
		if (owner->blocks[nr]) {
			EXPECT_NE(0, err);
			EXPECT_TRUE(block_is(nr, "online"));
			tried++;
		}
		if (seconds == HANG_S)
			EXPECT_NE(-EINTR, err);
		if (!err) {
			ASSERT_EQ(0, block_set(nr, "online", HANG_S));
			ASSERT_TRUE(block_is(nr, "online"));
			self->taken++;
		} else {
			self->refused++;
		}
		ASSERT_TRUE(owner_check(owner));
	}
	EXPECT_LT(0, tried);
}

TEST_F_TIMEOUT(memory_hotplug, of_pages, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 2;

	do {
		try_all(_metadata, self, &self->owner, HANG_S);
	} while (stress_now() < end);
}

static int contig_new(struct nl *nl)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, CONTIG);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, 16 * MIB);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_CONTIG);
	return nl_talk(nl, msg, NULL, NULL);
}

TEST_F_TIMEOUT(memory_hotplug, of_contiguous_pages, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 4;
	struct owner owner;
	struct nl nl;

	ASSERT_EQ(0, nl_open(&nl));
	nl_pool_del(&nl, CONTIG, true);
	ASSERT_EQ(0, contig_new(&nl)) {
		TH_LOG("%s", nl.error);
	}
	ASSERT_TRUE(owner_start(&owner, "/dev/pinpool/" CONTIG, NULL));
	do {
		try_all(_metadata, self, &owner, HANG_S);
	} while (stress_now() < end);
	pp_client_close(&owner.client);
	EXPECT_EQ(0, nl_pool_del(&nl, CONTIG, false));
	nl_close(&nl);
}

/* Memory of a process is moved out of where it could be taken, before it is pinned. */
TEST_F_TIMEOUT(memory_hotplug, of_registered_memory, STRESS_TIMEOUT)
{
	int control = user_control();
	size_t length = 16 * MIB;
	struct owner owner;
	char *memory;

	ASSERT_LE(0, control);
	memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, user_register(control, NAME, memory, length));
	ASSERT_TRUE(owner_start(&owner, NODE, memory));
	try_all(_metadata, self, &owner, PATIENCE_S);
	pp_client_close(&owner.client);
	close(control);
	munmap(memory, length);
}

PP_HARNESS_MAIN
