// SPDX-License-Identifier: GPL-2.0
/*
 * Clients that are killed because there is no memory: of the machine, or of their
 * cgroup. Nobody else loses anything by it, and what the kernel keeps for a client is
 * charged to the client's cgroup.
 *
 * For a guest only: it leaves the machine without memory.
 */
#include "load.h"
#include "stress.h"

#include "../netlink.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#define WORKERS		3
#define ROOT		"/sys/fs/cgroup"
#define GROUP		ROOT "/pinpool-stress"
#define MEMORY_MAX	"24M"

#define OFFSETS		"stress-offsets"	/* A pool without memory */
#define GRANULE		4096
#define MANY		65536ULL		/* Buffers there */
#define NODE_SIZE	32ULL			/* What the allocator keeps for each */

/* Of the kernel's memory, what may be another's */
#define NOISE_KIB	(16 * 1024)

static void set_score(const char *score)
{
	stress_write("/proc/self/oom_score_adj", score);
}

/* Take memory until one is killed for it. */
static void hog(void)
{
	char *memory;

	for (;;) {
		memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
		if (memory != MAP_FAILED)
			memset(memory, 1, 2 * MIB);
	}
}

/* A client with all that it can have, which wants more than there is */
static void victim(void)
{
	struct pp_client client;
	struct pinpool_buf buf;
	struct iovec iov;
	int i, pins[2];

	if (!pp_client_open(&client) || pipe(pins))
		_exit(1);
	for (i = 0; i < 32; i++) {
		if (pp_alloc(client.fd, (1 + i) * client.granule, 0, &buf))
			break;
		pp_fill(client.window + buf.offset, buf.length, i);
		if (i % 4 == 0)
			pp_export(client.fd, buf.handle, 0);
		if (i % 8 == 0) {
			iov = (struct iovec){ client.window + buf.offset, client.granule };
			vmsplice(pins[1], &iov, 1, 0);
			pp_free(client.fd, buf.handle);
		}
	}
	hog();
}

/* How a process ended that does @run in a cgroup, or in none */
static int child(const char *group, const char *score, void (*run)(void))
{
	char procs[128];
	int status;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		set_score(score);
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", group ?: "");
		if (!group || !stress_write(procs, "0"))
			run();
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* What a line of a file that has many says, or -1 */
static long long number_of(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	long long value, found = -1;
	char key[64];

	while (file && fscanf(file, "%63s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

/* Bytes of a record of the module's */
static unsigned long long record_size(const char *cache)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	unsigned long long size = 0;
	char line[512], name[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %*u %*u %llu", name, &size) == 2 && !strcmp(name, cache))
			break;
	if (file)
		fclose(file);
	return size;
}

FIXTURE(oom)
{
	int fd;
	struct load load;
};

FIXTURE_SETUP(oom)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	/* Nor are those that this one forks, unless they ask for it. */
	set_score("-1000");
	ASSERT_TRUE(load_start(&self->load, WORKERS));
	/* What the kernel says of a task that it kills */
	stress_expect("Out of memory:");
	stress_expect("Call Trace:");
	/* Drivers want memory at once. */
	stress_expect("page allocation failure");
}

FIXTURE_TEARDOWN(oom)
{
	EXPECT_TRUE(load_go_on(&self->load, 100));
	EXPECT_TRUE(load_stop(&self->load));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
	stress_expect_nothing();
}

/*
 * All but 128 MiB is nobody's, as huge pages, so that it doesn't take long to have the
 * rest.
 */
static void take_most(bool take)
{
	char pages[32];

	snprintf(pages, sizeof(pages), "%lu", take ? pp_available_kib() / 2048 - 64 : 0);
	stress_write("/proc/sys/vm/nr_hugepages", pages);
}

TEST_F_TIMEOUT(oom, of_the_machine, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 2;
	int kills = 0;

	take_most(true);
	do {
		ASSERT_EQ(SIGKILL, child(NULL, "1000", victim));
		kills++;
	} while (stress_now() < end);
	take_most(false);
	TH_LOG("%d clients killed for the machine's memory", kills);
}

TEST_F_TIMEOUT(oom, of_a_cgroup, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 2;
	int kills = 0;

	do {
		ASSERT_EQ(SIGKILL, child(GROUP, "0", victim));
		kills++;
	} while (stress_now() < end);
	EXPECT_EQ(kills, number_of(GROUP "/memory.events", "oom_kill"));
	TH_LOG("%d clients killed for their cgroup's memory", kills);
}

static int offsets_new(void)
{
	struct nl nl;
	struct nlmsghdr *msg;
	int err = nl_open(&nl);

	if (err)
		return err;
	nl_pool_del(&nl, OFFSETS, true);
	msg = nl_request(&nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, OFFSETS);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, 1ULL << 40);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, GRANULE);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_NONE);
	err = nl_talk(&nl, msg, NULL, NULL);
	nl_close(&nl);
	return err;
}

static int offsets_del(void)
{
	struct nl nl;
	int err = nl_open(&nl);

	if (!err)
		err = nl_pool_del(&nl, OFFSETS, false);
	nl_close(&nl);
	return err;
}

/* Arrays of small buffers, until there are so many or it fails; all of them in @count */
static int hoard(int fd, uint64_t most, uint64_t *count)
{
	static struct pinpool_buf bufs[4096];
	uint32_t i, done;
	int err = 0;

	while (!err && *count < most) {
		for (i = 0; i < ARRAY_LEN(bufs); i++)
			bufs[i] = (struct pinpool_buf){ .length = 1 };
		err = pp_alloc_array(fd, bufs, ARRAY_LEN(bufs), 0, &done);
		if (!err)
			*count += done;
	}
	return err;
}

static void hoard_for_ever(void)
{
	int fd = open("/dev/pinpool/" OFFSETS, O_RDWR | O_CLOEXEC);
	uint64_t count = 0;

	_exit(hoard(fd, UINT64_MAX, &count) == -ENOMEM && count ? 42 : 1);
}

/* Records alone fill a cgroup, whose limit the machine doesn't feel. */
TEST_F_TIMEOUT(oom, of_records, STRESS_TIMEOUT)
{
	unsigned long long before, kernel;

	ASSERT_EQ(0, offsets_new());
	before = pp_available_kib();
	EXPECT_EQ(SIGKILL, child(GROUP, "0", hoard_for_ever));
	/* Whom the kernel may not kill is told. */
	EXPECT_EQ(42 << 8, child(GROUP, "-1000", hoard_for_ever));
	kernel = number_of(GROUP "/memory.stat", "kernel");
	EXPECT_GT(8 * MIB, kernel);
	EXPECT_EQ(0, offsets_del());
	EXPECT_TRUE(pp_memory_is_back(before, NOISE_KIB));
}

/* It waits, with as many buffers as it was told to have, until its parent lets go. */
static pid_t hoarder(int *line)
{
	int socks[2];
	uint64_t count = 0;
	char byte = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return -1;
	pid = fork();
	if (!pid) {
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[0]);
		if (stress_write(GROUP "/cgroup.procs", "0"))
			_exit(1);
		fd = open("/dev/pinpool/" OFFSETS, O_RDWR | O_CLOEXEC);
		if (hoard(fd, MANY, &count) || send(socks[1], &byte, 1, 0) != 1)
			_exit(1);
		_exit(recv(socks[1], &byte, 1, 0));
	}
	close(socks[1]);
	*line = socks[0];
	return pid;
}

TEST_F_TIMEOUT(oom, records_are_charged, STRESS_TIMEOUT)
{
	uint64_t least = record_size("pinpool_buffer");
	long long charged;
	int line, status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, offsets_new());
	ASSERT_LT(0, least);
	pid = hoarder(&line);
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, recv(line, &byte, 1, 0));
	charged = number_of(GROUP "/memory.stat", "kernel");
	TH_LOG("%lld bytes for each of %llu buffers: a record of %llu, a node of %llu",
	       charged / (long long)MANY, MANY, (unsigned long long)least, NODE_SIZE);
	EXPECT_LE(MANY * (least + NODE_SIZE), charged);
	close(line);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, offsets_del());
}

/* A view of the cgroups of its own, wherever the system has them */
static void __attribute__((constructor)) prepare(void)
{
	pp_require_pool();
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("cgroup2", ROOT, "cgroup2", 0, NULL) ||
	    stress_write(ROOT "/cgroup.subtree_control", "+memory") ||
	    (mkdir(GROUP, 0755) && errno != EEXIST) ||
	    stress_write(GROUP "/memory.max", MEMORY_MAX)) {
		printf("TAP version 13\n1..0 # SKIP no memory cgroup controller, or not root\n");
		exit(getenv("PINPOOL_REQUIRE") ? 1 : 4);
	}
	stress_write(GROUP "/memory.swap.max", "0");
}

TEST_HARNESS_MAIN
