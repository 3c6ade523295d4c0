// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of one contiguous run, of the kernel's pages or of what it set aside for
 * devices: that it is one, where it lies, who is told, and what happens when there is none
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#define NAME	"contig-test"
#define NODE	"/dev/pinpool/" NAME

FIXTURE(contig)
{
	struct nl nl;
	uint32_t backing;
};

FIXTURE_VARIANT(contig)
{
	uint32_t backing;
	uint32_t longterm;
	uint64_t large;		/* What can be had, again and again */
	uint64_t align;		/* Where, if that can be asked for */
};

FIXTURE_VARIANT_ADD(contig, pages)
{
	.backing = PINPOOL_BACKING_CONTIG,
	.longterm = PINPOOL_LONGTERM_YES,
	.large = 64 * MIB,
	.align = 2 * MIB,
};

FIXTURE_VARIANT_ADD(contig, cma)
{
	.backing = PINPOOL_BACKING_CMA,
	.longterm = PINPOOL_LONGTERM_NO_MOVABLE,
	.large = 16 * MIB,
};

static int make_at(struct nl *nl, uint32_t backing, uint64_t capacity, uint64_t align, bool tell,
		   int node)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, backing);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_MODE, 0666);
	if (align)
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_ALIGN, align);
	if (tell)
		mnl_attr_put(msg, PINPOOL_A_POOL_TELL_BUS, 0, NULL);
	if (node >= 0)
		mnl_attr_put_u32(msg, PINPOOL_A_POOL_NODE, node);
	return nl_talk(nl, msg, NULL, NULL);
}

static int make(FIXTURE_DATA(contig) *self, uint64_t capacity, uint64_t align, bool tell)
{
	return make_at(&self->nl, self->backing, capacity, align, tell, -1);
}

/* Whether the kernel has set memory aside for devices */
static bool has_cma(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CmaTotal: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

FIXTURE_SETUP(contig)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	nl_pool_del(&self->nl, NAME, true);
	self->backing = variant->backing;
	if (self->backing == PINPOOL_BACKING_CMA && !has_cma())
		PP_SKIP_SETUP("this kernel has no CMA, or was booted without cma=<size>");
	if (make(self, MIB, 0, false) == -EINVAL)
		PP_SKIP_SETUP("%s", self->nl.error);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
}

FIXTURE_TEARDOWN(contig)
{
	nl_pool_del(&self->nl, NAME, true);
	nl_close(&self->nl);
}

/* What is told of the pool; all bits set if nothing is */
struct told {
	uint64_t bus;
	uint64_t chunks;
	uint64_t chunk_min;
	uint64_t chunk_max;
	uint64_t nodes;
	uint32_t longterm;
};

static void told_reply(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct told *told = data;

	nl_attrs(msg, attrs);
	told->bus = nl_u64(attrs[PINPOOL_A_POOL_BUS_ADDRESS]);
	told->chunks = nl_u64(attrs[PINPOOL_A_POOL_CHUNKS]);
	told->chunk_min = nl_u64(attrs[PINPOOL_A_POOL_CHUNK_MIN]);
	told->chunk_max = nl_u64(attrs[PINPOOL_A_POOL_CHUNK_MAX]);
	told->nodes = nl_u64(attrs[PINPOOL_A_POOL_NODES]);
	told->longterm = nl_u32(attrs[PINPOOL_A_POOL_LONGTERM]);
}

static int get(struct nl *nl, struct told *told)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_GET);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	return nl_talk(nl, msg, told_reply, told);
}

/* The page frame behind an address, which root is told */
static uint64_t pfn_of(const void *address)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)address / 4096 * sizeof(entry)) !=
	    sizeof(entry))
		entry = 0;
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

static const uint64_t aligns[] = { 0, 4 * KIB, 2 * MIB, 16 * MIB };

TEST_F(contig, it_is_one_run)
{
	struct pinpool_info info;
	struct pinpool_buf buf;
	struct told told;
	uint64_t i, pfn;
	char *window;
	size_t align;
	int fd;

	for (align = 0; align < ARRAY_LEN(aligns); align++) {
		if (aligns[align] && self->backing != PINPOOL_BACKING_CONTIG)
			break;
		/* Not a power of two, nor of chunks */
		ASSERT_EQ(0, make(self, 11 * MIB + 12 * KIB, aligns[align], true)) {
			TH_LOG("%s", self->nl.error);
		}
		ASSERT_EQ(0, get(&self->nl, &told));
		EXPECT_EQ(1, told.chunks);
		EXPECT_EQ(11 * MIB + 12 * KIB, told.chunk_min);
		EXPECT_EQ(11 * MIB + 12 * KIB, told.chunk_max);
		EXPECT_EQ(variant->longterm, told.longterm);
		fd = open(NODE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, pp_info(fd, &info));
		EXPECT_EQ(variant->backing, info.backing);
		EXPECT_EQ(variant->longterm, info.longterm);
		EXPECT_EQ(1, info.chunks);
		EXPECT_EQ(info.capacity, info.chunk_max);
		EXPECT_EQ(0, info.base);
		window = pp_window(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, window);
		ASSERT_EQ(0, pp_alloc(fd, info.capacity, 0, &buf));
		EXPECT_TRUE(pp_is_zero(window, info.capacity));
		pp_fill(window, info.capacity, 8);
		EXPECT_TRUE(pp_matches(window, info.capacity, 8));
		EXPECT_NE(0, told.bus);
		EXPECT_EQ(0, told.bus % (aligns[align] ?: 4096));
		/* Nobody is told what lies behind a window that can't be pinned. */
		pfn = variant->longterm == PINPOOL_LONGTERM_YES ? told.bus / 4096 : 0;
		for (i = 0; pfn && i < info.capacity / 4096; i++)
			ASSERT_EQ(pfn + i, pfn_of(window + i * 4096));
		munmap(window, info.capacity);
		close(fd);
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	}
}

TEST_F(contig, its_address_is_told_to_the_privileged)
{
	struct told told;
	struct nl other;

	ASSERT_EQ(0, make(self, MIB, 0, false));
	ASSERT_EQ(0, get(&self->nl, &told));
	EXPECT_EQ(~0ULL, told.bus);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));

	ASSERT_EQ(0, make(self, MIB, 0, true));
	ASSERT_EQ(0, get(&self->nl, &told));
	EXPECT_NE(~0ULL, told.bus);
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	ASSERT_EQ(0, nl_open(&other));
	ASSERT_EQ(0, get(&other, &told));
	EXPECT_EQ(~0ULL, told.bus);
	EXPECT_EQ(1, told.chunks);
	nl_close(&other);
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

/* Nor to those who only listen */
TEST_F(contig, events_have_no_address)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	struct nl events;

	ASSERT_EQ(0, nl_open(&events));
	ASSERT_EQ(0, nl_listen(&events, events.events));
	ASSERT_EQ(0, make(self, MIB, 0, true));
	msg = nl_event(&events, PINPOOL_NL_CMD_POOL_NEW_NTF, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	nl_attrs(msg, attrs);
	EXPECT_NE(NULL, attrs[PINPOOL_A_POOL_TELL_BUS]);
	EXPECT_EQ(NULL, attrs[PINPOOL_A_POOL_BUS_ADDRESS]);
	nl_close(&events);
}

TEST_F(contig, what_can_not_be_had)
{
	unsigned long before = pp_available_kib();
	unsigned long long kib;
	char rest[256] = "";
	int log, tries, err;

	/* There is so much memory, but not in one piece: the kernel is in it. */
	log = pp_log_open();
	ASSERT_LE(0, log);
	EXPECT_EQ(-ENOMEM, make(self, before * KIB / MIB * MIB, 0, false));
	EXPECT_NE(NULL, strstr(self->nl.error, "log"));
	EXPECT_NE(0, access(NODE, F_OK));
	/* What can, is in the log, and can be had. */
	ASSERT_TRUE(pp_log_find(log, "pool '" NAME "': ", rest, sizeof(rest)));
	ASSERT_NE(NULL, strstr(rest, "; one of "));
	kib = strtoull(strstr(rest, "; one of ") + strlen("; one of "), NULL, 10);
	EXPECT_LE(MIB / KIB, kib);
	EXPECT_GT(before, kib);
	/* Others may be about to do something with a page of it. */
	for (tries = 0, err = -ENOMEM; err == -ENOMEM && tries < 10; tries++)
		err = make(self, kib * KIB, 0, false);
	EXPECT_EQ(0, err) {
		TH_LOG("%llu KiB: %s", kib, self->nl.error);
	}
	nl_pool_del(&self->nl, NAME, false);
	close(log);

	EXPECT_EQ(-ENOMEM, make(self, 1ULL << 50, 0, false));
	EXPECT_NE(NULL, strstr(self->nl.error, "memory"));
	EXPECT_EQ(-EINVAL, make(self, MIB, 3 * MIB, false));
	EXPECT_EQ(-EINVAL, make(self, MIB, 1ULL << 40, false));
	/* Nothing is lost over it. */
	EXPECT_TRUE(pp_memory_is_back(before, 64 * KIB));
	EXPECT_EQ(0, make(self, MIB, 0, false));
}

/* Each node that is there, and nowhere else */
TEST_F(contig, it_lies_on_the_node_asked_for)
{
	struct told told;
	char path[64];
	int node, err;

	for (node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		err = make_at(&self->nl, self->backing, 4 * MIB, 0, false, node);
		if (access(path, F_OK) || self->backing != PINPOOL_BACKING_CONTIG) {
			EXPECT_EQ(-EINVAL, err);
			EXPECT_NE(NULL, strstr(self->nl.error, "node"));
			continue;
		}
		ASSERT_EQ(0, err) {
			TH_LOG("node %d: %s", node, self->nl.error);
		}
		ASSERT_EQ(0, get(&self->nl, &told));
		EXPECT_EQ(1ULL << node, told.nodes);
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	}
}

TEST_F(contig, it_stays_as_large_as_it_is)
{
	ASSERT_EQ(0, make(self, 2 * MIB, 0, false));
	EXPECT_EQ(-EOPNOTSUPP, nl_set_capacity(&self->nl, NAME, 4 * MIB));
	EXPECT_NE(NULL, strstr(self->nl.error, "contiguous"));
	EXPECT_EQ(-EOPNOTSUPP, nl_set_capacity(&self->nl, NAME, MIB));
	EXPECT_EQ(0, nl_set_capacity(&self->nl, NAME, 2 * MIB));
}

/* What can't be pinned for long is refused at once, to whoever wants to pin it at all. */
TEST_F(contig, pins_as_it_says)
{
	struct pinpool_buf buf;
	struct iovec iovec;
	int fd, pipes[2];
	char *window;

	ASSERT_EQ(0, make(self, 4 * MIB, 0, false));
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	window = pp_window(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_alloc(fd, 4 * MIB, 0, &buf));
	pp_fill(window, 4 * MIB, 3);
	ASSERT_EQ(0, pipe(pipes));
	iovec.iov_base = window;
	iovec.iov_len = 4 * KIB;
	if (variant->longterm == PINPOOL_LONGTERM_YES) {
		EXPECT_EQ(4 * KIB, vmsplice(pipes[1], &iovec, 1, 0));
	} else {
		EXPECT_EQ(-1, vmsplice(pipes[1], &iovec, 1, 0));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_TRUE(pp_matches(window, 4 * MIB, 3));
	close(pipes[0]);
	close(pipes[1]);
	munmap(window, 4 * MIB);
	close(fd);
}

/* Pages that are pinned when the pool goes stay away, and what is in them. */
TEST_F(contig, pinned_pages_outlive_it)
{
	struct pinpool_buf buf;
	struct iovec iovec;
	char *window, *read_back;
	int fd, pipes[2];
	size_t done;

	if (variant->longterm != PINPOOL_LONGTERM_YES)
		SKIP(return, "nobody can pin them");
	ASSERT_EQ(0, make(self, 4 * MIB, 0, false));
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	window = pp_window(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_alloc(fd, 32 * KIB, 0, &buf));
	pp_fill(window + buf.offset, 32 * KIB, 7);
	ASSERT_EQ(0, pipe(pipes));
	iovec.iov_base = window + buf.offset;
	iovec.iov_len = 32 * KIB;
	ASSERT_EQ(32 * KIB, vmsplice(pipes[1], &iovec, 1, 0));
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	munmap(window, 4 * MIB);
	close(fd);
	/* Had they gone back, this would be written over them. */
	window = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, window);
	memset(window, 0x5a, 64 * MIB);
	read_back = malloc(32 * KIB);
	for (done = 0; done < 32 * KIB;)
		done += read(pipes[0], read_back + done, 32 * KIB - done);
	EXPECT_TRUE(pp_matches(read_back, 32 * KIB, 7));
	free(read_back);
	munmap(window, 64 * MIB);
	close(pipes[0]);
	close(pipes[1]);
}

/* Again and again, with memory in use around it */
TEST_F(contig, many_times)
{
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, make(self, variant->large, i % 2 ? variant->align : 0, false)) {
			TH_LOG("%d: %s", i, self->nl.error);
		}
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	}
}

TEST_HARNESS_MAIN
