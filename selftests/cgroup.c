// SPDX-License-Identifier: GPL-2.0
/*
 * Pools as regions of the dmem cgroup controller: who is charged, for how much and for
 * how long, and what a limit does
 *
 * Needs root, and a kernel with CONFIG_CGROUP_DMEM, which few have.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"
#include "netlink.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"cgroup-test"
#define NODE	"/dev/pinpool/" NAME
#define REGION	"pinpool/" NAME

#define ROOT	"/sys/fs/cgroup"
#define A	ROOT "/pinpool-a"
#define B	ROOT "/pinpool-b"
#define NESTED	A "/nested"

#define CAPACITY	(4 * MIB)
#define PIB		(1ULL << 50)

/* How often a task is moved while it allocates */
#define MOVES	3000

static int write_file(const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* What a cgroup's file says of a region, or -1; *@lines: how often, or NULL */
static long long read_file(const char *dir, const char *file, const char *region, int *lines)
{
	char path[128], name[128];
	long long value, found = -1;
	FILE *stream;

	if (lines)
		*lines = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	stream = fopen(path, "re");
	while (stream && fscanf(stream, "%127s %lld", name, &value) == 2) {
		if (strcmp(name, region))
			continue;
		found = value;
		if (lines)
			++*lines;
	}
	if (stream)
		fclose(stream);
	return found;
}

static long long charged(const char *dir)
{
	return read_file(dir, "dmem.current", REGION, NULL);
}

static int regions(void)
{
	int lines;

	read_file(ROOT, "dmem.capacity", REGION, &lines);
	return lines;
}

/* Let this process be one of a cgroup. */
static int enter(const char *dir)
{
	return write_file(dir, "cgroup.procs", "0");
}

static int set_max(const char *dir, unsigned long long bytes)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %llu", REGION, bytes);
	return write_file(dir, "dmem.max", text);
}

static int alloc_scatter(int fd, uint64_t length, struct pinpool_buf *bufs, uint32_t count,
			 uint32_t *done)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_SCATTER, .length = length,
		.bufs = (uintptr_t)bufs, .count = count, .buf_size = sizeof(*bufs),
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	*done = alloc.done;
	return err;
}

static bool wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

FIXTURE(cgroup)
{
	struct nl nl;
	struct pp_client client;
	size_t granule;
};

static bool join(struct pp_client *client)
{
	struct pinpool_info info;

	client->window = MAP_FAILED;
	client->fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (client->fd < 0 || pp_info(client->fd, &info))
		return false;
	client->capacity = info.capacity;
	client->granule = info.granule;
	client->window = pp_window(client->fd, PROT_READ | PROT_WRITE);
	return client->window != MAP_FAILED;
}

static void clean(struct nl *nl)
{
	enter(ROOT);
	nl_pool_del(nl, NAME, true);
	rmdir(NESTED);
	rmdir(A);
	rmdir(B);
}

FIXTURE_SETUP(cgroup)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	clean(&self->nl);
	ASSERT_EQ(0, mkdir(A, 0755));
	ASSERT_EQ(0, mkdir(B, 0755));
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, CAPACITY, 0600));
	ASSERT_TRUE(join(&self->client));
	self->granule = self->client.granule;
	ASSERT_EQ(0, enter(A));
}

FIXTURE_TEARDOWN(cgroup)
{
	pp_client_close(&self->client);
	/* A test may have deleted the pool, and what is deleted has no charges. */
	EXPECT_GE(0, charged(A));
	EXPECT_GE(0, charged(B));
	EXPECT_GE(0, charged(ROOT));
	clean(&self->nl);
	EXPECT_EQ(0, regions());
	nl_close(&self->nl);
}

TEST_F(cgroup, region_is_the_pool)
{
	EXPECT_EQ(CAPACITY, read_file(ROOT, "dmem.capacity", REGION, NULL));
	EXPECT_LT(0, read_file(ROOT, "dmem.capacity", "pinpool/default", NULL));
	EXPECT_EQ(1, regions());
	EXPECT_EQ(0, charged(A));
	pp_client_close(&self->client);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(0, regions());
	EXPECT_EQ(-1, charged(A));
	EXPECT_LT(0, read_file(ROOT, "dmem.capacity", "pinpool/default", NULL));
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, 2 * CAPACITY, 0600));
	EXPECT_EQ(2 * CAPACITY, read_file(ROOT, "dmem.capacity", REGION, NULL));
	ASSERT_TRUE(join(&self->client));
}

TEST_F(cgroup, buffers_are_charged_with_their_extents)
{
	struct pinpool_buf bufs[3] = {
		{ .length = 1 }, { .length = self->granule + 1 }, { .length = 4 * self->granule },
	};
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->client.fd, 1, 0, &buf));
	EXPECT_EQ(self->granule, charged(A));
	ASSERT_EQ(0, pp_alloc_array(self->client.fd, bufs, 3, 0, NULL));
	EXPECT_EQ(8 * self->granule, charged(A));
	EXPECT_EQ(8 * self->granule, charged(ROOT));
	EXPECT_EQ(0, charged(B));
	ASSERT_EQ(0, pp_free(self->client.fd, buf.handle));
	EXPECT_EQ(7 * self->granule, charged(A));
	/* Each takes away its own part. */
	ASSERT_EQ(0, pp_free(self->client.fd, bufs[1].handle));
	EXPECT_EQ(5 * self->granule, charged(A));
	pp_client_close(&self->client);
	EXPECT_EQ(0, charged(A));
	EXPECT_EQ(0, charged(ROOT));
	ASSERT_TRUE(join(&self->client));
}

TEST_F(cgroup, more_than_can_be_counted_is_not_charged)
{
	struct nlmsghdr *msg;
	struct pinpool_buf buf;
	int fd;

	pp_client_close(&self->client);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, 4 * PIB);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_NONE);
	ASSERT_EQ(0, nl_talk(&self->nl, msg, NULL, NULL));
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_alloc(fd, 4 * PIB, 0, &buf));
	EXPECT_EQ(0, charged(A));
	ASSERT_EQ(0, pp_free(fd, buf.handle));
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, PIB));
	ASSERT_EQ(0, pp_alloc(fd, PIB, 0, &buf));
	EXPECT_EQ(PIB, charged(A));
	close(fd);
	EXPECT_EQ(0, charged(A));
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, CAPACITY, 0600));
	ASSERT_TRUE(join(&self->client));
}

TEST_F(cgroup, resizing_goes_with_the_charge)
{
	const int fd = self->client.fd;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(fd, 2 * self->granule, 0, &buf));
	ASSERT_EQ(0, pp_resize(fd, buf.handle, 5 * self->granule));
	EXPECT_EQ(5 * self->granule, charged(A));
	ASSERT_EQ(0, pp_resize(fd, buf.handle, 3 * self->granule));
	EXPECT_EQ(3 * self->granule, charged(A));
	ASSERT_EQ(0, set_max(A, 4 * self->granule));
	EXPECT_EQ(-EDQUOT, pp_resize(fd, buf.handle, 5 * self->granule));
	EXPECT_EQ(3 * self->granule, charged(A));
	EXPECT_EQ(0, pp_resize(fd, buf.handle, 4 * self->granule));
	/* Of another cgroup, it can't get what would be charged to this one. */
	ASSERT_EQ(0, enter(B));
	EXPECT_EQ(-EBUSY, pp_resize(fd, buf.handle, 6 * self->granule));
	EXPECT_EQ(-EBUSY, pp_resize(fd, buf.handle, self->granule));
	EXPECT_EQ(0, charged(B));
	ASSERT_EQ(0, pp_free(fd, buf.handle));
	EXPECT_EQ(0, charged(A));
	ASSERT_EQ(0, enter(A));
}

TEST_F(cgroup, what_fails_is_not_charged)
{
	struct pinpool_buf bufs[2] = {
		{ .length = self->granule }, { .length = CAPACITY },
	};
	struct pinpool_alloc alloc = { .size = sizeof(alloc), .length = self->granule };
	struct pinpool_buf buf;
	char *readonly;
	uint32_t done;

	ASSERT_EQ(0, pp_alloc(self->client.fd, self->granule, 0, &buf));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->client.fd, CAPACITY, 0, &buf));
	EXPECT_EQ(-EINVAL, pp_alloc(self->client.fd, CAPACITY + 1, 0, &buf));
	EXPECT_EQ(-ENOSPC, pp_alloc_array(self->client.fd, bufs, 2, 0, NULL));
	EXPECT_EQ(-ENOSPC, alloc_scatter(self->client.fd, CAPACITY, bufs, 2, &done));
	/* Nobody can be told of this one. */
	readonly = mmap(NULL, self->granule, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(readonly != MAP_FAILED);
	memcpy(readonly, &alloc, sizeof(alloc));
	mprotect(readonly, self->granule, PROT_READ);
	EXPECT_EQ(-EFAULT, pp_ioctl(self->client.fd, PINPOOL_IOC_ALLOC, readonly));
	munmap(readonly, self->granule);
	EXPECT_EQ(self->granule, charged(A));
}

/* Every second granule of the first eight is free, and nothing behind them. */
static int make_holes(int fd, size_t granule, struct pinpool_buf *walls,
		      struct pinpool_buf *rest)
{
	struct pinpool_buf holes[4];
	int i, err = 0;

	for (i = 0; !err && i < 4; i++)
		err = pp_alloc(fd, granule, 0, &holes[i]) ?:
		      pp_alloc(fd, granule, 0, &walls[i]);
	if (!err)
		err = pp_alloc(fd, CAPACITY - 8 * granule, 0, rest);
	for (i = 0; !err && i < 4; i++)
		err = pp_free(fd, holes[i].handle);
	return err;
}

TEST_F(cgroup, what_is_scattered_is_charged_by_parts)
{
	const int fd = self->client.fd;
	struct pinpool_buf walls[4], rest;
	struct pinpool_buf bufs[8];
	uint32_t done;

	ASSERT_EQ(0, enter(B));
	ASSERT_EQ(0, make_holes(fd, self->granule, walls, &rest));
	EXPECT_EQ(CAPACITY - 4 * self->granule, charged(B));
	ASSERT_EQ(0, enter(A));

	ASSERT_EQ(0, alloc_scatter(fd, 2 * self->granule + 1, bufs, 8, &done));
	ASSERT_EQ(3, done);
	EXPECT_EQ(3 * self->granule, charged(A));
	/* The first one was charged for all of them. */
	ASSERT_EQ(0, pp_free(fd, bufs[0].handle));
	EXPECT_EQ(2 * self->granule, charged(A));
	ASSERT_EQ(0, pp_free(fd, bufs[2].handle));
	EXPECT_EQ(self->granule, charged(A));
	ASSERT_EQ(0, pp_free(fd, bufs[1].handle));
	EXPECT_EQ(0, charged(A));

	EXPECT_EQ(-ENOSPC, alloc_scatter(fd, 4 * self->granule, bufs, 3, &done));
	EXPECT_EQ(-ENOSPC, alloc_scatter(fd, 5 * self->granule, bufs, 8, &done));
	EXPECT_EQ(0, charged(A));
	EXPECT_EQ(CAPACITY - 4 * self->granule, charged(B));

	ASSERT_EQ(0, set_max(A, 3 * self->granule));
	EXPECT_EQ(-EDQUOT, alloc_scatter(fd, 4 * self->granule, bufs, 8, &done));
	EXPECT_EQ(0, charged(A));
	ASSERT_EQ(0, alloc_scatter(fd, 3 * self->granule, bufs, 8, &done));
	EXPECT_EQ(3 * self->granule, charged(A));
}

TEST_F(cgroup, a_limit_refuses_and_changes_nothing)
{
	struct pinpool_buf bufs[3] = {
		{ .length = self->granule }, { .length = 2 * self->granule },
		{ .length = 2 * self->granule },
	};
	const int fd = self->client.fd;
	struct pinpool_stats before, after;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = self->granule, .deadline_ns = INT64_MAX,
	};
	struct pinpool_buf buf, more;
	uint32_t done;

	ASSERT_EQ(0, set_max(A, 4 * self->granule));
	ASSERT_EQ(0, pp_stats(fd, &before));
	EXPECT_EQ(-EDQUOT, pp_alloc(fd, 4 * self->granule + 1, 0, &buf));
	EXPECT_EQ(-EDQUOT, pp_alloc_array(fd, bufs, 3, 0, NULL));
	ASSERT_EQ(0, pp_stats(fd, &after));
	EXPECT_EQ(2, nl_stat(&self->nl, NAME, PINPOOL_A_STATS_REFUSALS));
	EXPECT_EQ(0, memcmp(&before, &after, offsetof(struct pinpool_stats, peak)));
	EXPECT_EQ(before.allocs, after.allocs);
	EXPECT_EQ(before.failures, after.failures);
	EXPECT_EQ(0, charged(A));

	ASSERT_EQ(0, pp_alloc_array(fd, bufs, 3, PINPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(3 * self->granule, charged(A));
	ASSERT_EQ(0, pp_alloc(fd, self->granule, 0, &buf));
	EXPECT_EQ(-EDQUOT, pp_alloc(fd, 1, 0, &more));
	/* There is nothing to wait for. */
	EXPECT_EQ(-EDQUOT, pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc));
	/* Others are not concerned. */
	ASSERT_EQ(0, enter(B));
	EXPECT_EQ(0, pp_alloc(fd, MIB, 0, &more));
	ASSERT_EQ(0, enter(A));
	ASSERT_EQ(0, pp_free(fd, buf.handle));
	EXPECT_EQ(0, pp_alloc(fd, 1, 0, &buf));
	/* Lowering it takes nothing from anybody. */
	ASSERT_EQ(0, set_max(A, self->granule));
	EXPECT_EQ(4 * self->granule, charged(A));
	ASSERT_EQ(0, pp_free(fd, buf.handle));
	EXPECT_EQ(-EDQUOT, pp_alloc(fd, 1, 0, &buf));
}

TEST_F(cgroup, a_limit_is_for_all_below_it)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, enter(ROOT));
	ASSERT_EQ(0, write_file(A, "cgroup.subtree_control", "+dmem"));
	ASSERT_EQ(0, mkdir(NESTED, 0755));
	ASSERT_EQ(0, set_max(A, self->granule));
	ASSERT_EQ(0, enter(NESTED));
	EXPECT_EQ(-EDQUOT, pp_alloc(self->client.fd, self->granule + 1, 0, &buf));
	EXPECT_EQ(0, charged(NESTED));
	EXPECT_EQ(0, pp_alloc(self->client.fd, self->granule, 0, &buf));
	EXPECT_EQ(self->granule, charged(NESTED));
	EXPECT_EQ(self->granule, charged(A));
}

TEST_F(cgroup, the_killed_have_no_charges)
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, enter(B));
	pid = fork();
	if (!pid) {
		struct pp_client client;
		struct pinpool_buf buf;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (join(&client) && !pp_alloc(client.fd, MIB, 0, &buf))
			write(ready[1], "", 1);
		pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(MIB, charged(B));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, charged(B));
	close(ready[0]);
	close(ready[1]);
}

/* It is the allocation that is charged, whoever's file it is. */
TEST_F(cgroup, charges_stay_where_they_were_made)
{
	const int fd = self->client.fd;
	struct pinpool_buf mine, other;
	int go[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pp_alloc(fd, MIB, 0, &mine));
	ASSERT_EQ(0, pp_alloc(fd, self->granule, 0, &other));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		struct pinpool_buf buf;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		_exit(enter(B) || pp_free(fd, other.handle) ||
		      pp_alloc(fd, 2 * MIB, 0, &buf) || read(go[0], &byte, 1));
	}
	close(go[0]);
	pp_client_close(&self->client);
	while (charged(B) != 2 * MIB && !waitpid(pid, NULL, WNOHANG))
		usleep(1000);
	EXPECT_EQ(2 * MIB, charged(B));
	EXPECT_EQ(MIB, charged(A));
	close(go[1]);
	EXPECT_TRUE(wait_for(pid));
	EXPECT_EQ(0, charged(A));
	EXPECT_EQ(0, charged(B));
	ASSERT_TRUE(join(&self->client));
}

TEST_F(cgroup, who_imports_pays_nothing)
{
	struct pinpool_buf buf, imported;
	struct pp_client other;
	int share;

	ASSERT_TRUE(join(&other));
	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &buf));
	share = pp_export(self->client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, enter(B));
	ASSERT_EQ(0, pp_import(other.fd, share, 0, &imported));
	EXPECT_EQ(0, charged(B));
	EXPECT_EQ(MIB, charged(A));
	ASSERT_EQ(0, pp_free(self->client.fd, buf.handle));
	EXPECT_EQ(MIB, charged(A));
	ASSERT_EQ(0, pp_free(other.fd, imported.handle));
	EXPECT_EQ(MIB, charged(A));
	close(share);
	EXPECT_EQ(0, charged(A));
	EXPECT_EQ(0, charged(B));
	pp_client_close(&other);
}

TEST_F(cgroup, quarantine_is_no_charge)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	struct iovec iov;
	int pins[2];

	ASSERT_EQ(0, pipe(pins));
	ASSERT_EQ(0, pp_alloc(self->client.fd, 2 * self->granule, 0, &buf));
	iov = (struct iovec){
		.iov_base = self->client.window + buf.offset, .iov_len = 2 * self->granule,
	};
	ASSERT_EQ(iov.iov_len, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->client.fd, buf.handle));
	ASSERT_EQ(0, pp_stats(self->client.fd, &stats));
	ASSERT_EQ(2 * self->granule, stats.client_quarantined);
	EXPECT_EQ(0, charged(A));
	/* Who gets it again pays again. */
	ASSERT_EQ(0, enter(B));
	ASSERT_EQ(0, pp_alloc(self->client.fd, self->granule, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->client.fd, &stats));
	ASSERT_EQ(self->granule, stats.client_quarantined);
	EXPECT_EQ(self->granule, charged(B));
	EXPECT_EQ(0, charged(A));
	close(pins[0]);
	close(pins[1]);
}

TEST_F(cgroup, a_deleted_pool_has_no_charges)
{
	struct pinpool_buf buf;
	struct pp_client fresh;

	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &buf));
	pp_fill(self->client.window + buf.offset, buf.length, 1);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	EXPECT_EQ(0, regions());
	EXPECT_EQ(-ENODEV, pp_alloc(self->client.fd, MIB, 0, &buf));
	/* Another one is not mistaken for it. */
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, CAPACITY, 0600));
	EXPECT_EQ(1, regions());
	EXPECT_EQ(0, charged(A));
	ASSERT_TRUE(join(&fresh));
	ASSERT_EQ(0, pp_alloc(fresh.fd, 2 * MIB, 0, &buf));
	EXPECT_EQ(2 * MIB, charged(A));
	pp_client_close(&self->client);
	EXPECT_EQ(2 * MIB, charged(A));
	self->client = fresh;
}

TEST_F(cgroup, a_share_of_a_deleted_pool_is_charged)
{
	struct pinpool_buf buf, other;
	int share;

	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &buf));
	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &other));
	share = pp_export(self->client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	/* Its memory isn't back yet, but that of the other is. */
	EXPECT_EQ(1, regions());
	EXPECT_EQ(MIB, charged(A));
	close(share);
	EXPECT_EQ(0, regions());
}

TEST_F(cgroup, charges_outlive_their_cgroup)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &buf));
	ASSERT_EQ(0, enter(ROOT));
	ASSERT_EQ(0, rmdir(A));
	EXPECT_EQ(MIB, charged(ROOT));
	/* One of the same name has nothing to do with it. */
	ASSERT_EQ(0, mkdir(A, 0755));
	EXPECT_EQ(0, charged(A));
	ASSERT_EQ(0, pp_free(self->client.fd, buf.handle));
	EXPECT_EQ(0, charged(ROOT));
}

/* The parts of one allocation must be of one cgroup: else one of them gets below zero. */
TEST_F(cgroup, a_task_may_move_meanwhile)
{
	const int fd = self->client.fd;
	struct pinpool_buf walls[4], rest;
	struct pinpool_buf bufs[PINPOOL_MAX_SCATTER];
	uint32_t done, i;
	pid_t pid;
	int move;

	ASSERT_EQ(0, make_holes(fd, self->granule, walls, &rest));
	pid = fork();
	if (!pid) {
		char text[16];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(text, sizeof(text), "%d", getppid());
		for (move = 0; move < MOVES; move++)
			if (write_file(move % 2 ? A : B, "cgroup.procs", text))
				_exit(1);
		_exit(0);
	}
	while (!waitpid(pid, &move, WNOHANG)) {
		ASSERT_EQ(0, alloc_scatter(fd, 4 * self->granule, bufs, PINPOOL_MAX_SCATTER,
					   &done));
		ASSERT_EQ(4, done);
		for (i = 0; i < done; i++)
			ASSERT_EQ(0, pp_free(fd, bufs[i].handle));
	}
	EXPECT_EQ(0, move);
	EXPECT_EQ(CAPACITY - 4 * self->granule, charged(A));
	EXPECT_EQ(0, charged(B));
}

TEST_F(cgroup, the_module_goes)
{
	struct pinpool_buf buf;

	if (!getenv("PINPOOL_KO"))
		SKIP(return, "needs PINPOOL_KO");
	ASSERT_EQ(0, pp_alloc(self->client.fd, MIB, 0, &buf));
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	pp_client_close(&self->client);
	nl_close(&self->nl);
	EXPECT_EQ(0, pp_unload());
	EXPECT_EQ(0, regions());
	EXPECT_EQ(-1, read_file(ROOT, "dmem.capacity", "pinpool/default", NULL));
	ASSERT_EQ(0, pp_load());
	EXPECT_LT(0, read_file(ROOT, "dmem.capacity", "pinpool/default", NULL));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, CAPACITY, 0600));
	ASSERT_TRUE(join(&self->client));
}

static void skip(const char *why, bool fail)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	exit(fail ? 1 : 4);
}

/* A view of the cgroups of its own, wherever the system has them */
static void __attribute__((constructor)) prepare(void)
{
	bool required = getenv("PINPOOL_REQUIRE");
	int err;

	pp_require_pool();
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("cgroup2", ROOT, "cgroup2", 0, NULL))
		skip("can't mount cgroup2: needs root", required);
	/* Most kernels are made without it: that is no fault of whoever requires tests. */
	err = write_file(ROOT, "cgroup.subtree_control", "+dmem");
	if (err)
		skip("no dmem cgroup controller", required && err != -EINVAL);
}

TEST_HARNESS_MAIN
