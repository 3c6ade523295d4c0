// SPDX-License-Identifier: GPL-2.0
/*
 * Pools without memory: that they divide offsets of any size as other pools do, and say
 * so where somebody wants to have memory
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"none-test"
#define NODE	"/dev/pinpool/" NAME
#define GIB	(1024 * MIB)
#define LIMIT	(1ULL << 62)

FIXTURE(none)
{
	struct nl nl;
	int fd;
};

static int make(struct nl *nl, uint64_t capacity, uint64_t granule, uint64_t base)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, granule);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_NONE);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_MODE, 0666);
	if (base)
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_BASE, base);
	return nl_talk(nl, msg, NULL, NULL);
}

FIXTURE_SETUP(none)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	nl_pool_del(&self->nl, NAME, true);
	self->fd = -1;
}

FIXTURE_TEARDOWN(none)
{
	if (self->fd >= 0) {
		EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
		close(self->fd);
	}
	nl_pool_del(&self->nl, NAME, true);
	nl_close(&self->nl);
}

static bool make_open(struct nl *nl, int *fd, uint64_t capacity, uint64_t granule, uint64_t base)
{
	if (make(nl, capacity, granule, base))
		return false;
	*fd = open(NODE, O_RDWR | O_CLOEXEC);
	return *fd >= 0;
}

TEST_F(none, it_tells_what_it_is)
{
	struct pinpool_info info;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, GIB, 4096, 0x123456789000));
	ASSERT_EQ(0, pp_info(self->fd, &info));
	EXPECT_EQ(PINPOOL_BACKING_NONE, info.backing);
	EXPECT_EQ(0x123456789000, info.base);
	EXPECT_EQ(GIB, info.capacity);
	EXPECT_EQ(PINPOOL_LONGTERM_NO_MEMORY, info.longterm);
	EXPECT_EQ(0, info.chunks);
	EXPECT_EQ(0, info.nodes);
	EXPECT_TRUE(info.features & PINPOOL_FEATURE_WAIT);
	EXPECT_TRUE(info.features & PINPOOL_FEATURE_SCATTER);
	EXPECT_TRUE(info.features & PINPOOL_FEATURE_AT);
	EXPECT_FALSE(info.features & (PINPOOL_FEATURE_POPULATE | PINPOOL_FEATURE_SHARE |
				      PINPOOL_FEATURE_HUGE));
}

struct told {
	uint64_t base;
	uint64_t chunks;
	uint32_t longterm;
};

static void told_reply(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct told *told = data;

	nl_attrs(msg, attrs);
	told->base = nl_u64(attrs[PINPOOL_A_POOL_BASE]);
	told->chunks = nl_u64(attrs[PINPOOL_A_POOL_CHUNKS]);
	told->longterm = nl_u32(attrs[PINPOOL_A_POOL_LONGTERM]);
}

/* The base is no secret: it is of no memory of this machine. */
TEST_F(none, it_tells_everybody)
{
	struct nlmsghdr *msg;
	struct told told;
	struct nl other;

	ASSERT_EQ(0, make(&self->nl, MIB, 4096, 1ULL << 40));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	ASSERT_EQ(0, nl_open(&other));
	msg = nl_request(&other, PINPOOL_NL_CMD_POOL_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	ASSERT_EQ(0, nl_talk(&other, msg, told_reply, &told));
	EXPECT_EQ(1ULL << 40, told.base);
	EXPECT_EQ(~0ULL, told.chunks);
	EXPECT_EQ(PINPOOL_LONGTERM_NO_MEMORY, told.longterm);
	nl_close(&other);
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(none, there_is_no_memory_to_be_had)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_POPULATE, .length = 4096,
		.window = 4096,
	};
	struct pinpool_buf buf;
	struct pinpool_stats stats;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, MIB, 4096, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
	ASSERT_EQ(0, pp_alloc(self->fd, 5000, 0, &buf));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, buf.offset));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, pp_export(self->fd, buf.handle, 0));
	EXPECT_EQ(-ENODEV, pp_ioctl(self->fd, PINPOOL_IOC_ALLOC, &alloc));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(1, stats.buffers);
	EXPECT_EQ(0, stats.shares);
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

TEST_F(none, a_buffer_of_nearly_4_gib)
{
	uint64_t large = 39 * GIB / 10 / 4096 * 4096;
	struct pinpool_buf buf, other;
	struct pinpool_query query;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, 4 * GIB, 4096, 0));
	ASSERT_EQ(0, pp_alloc(self->fd, large, 0, &buf));
	ASSERT_EQ(0, pp_query(self->fd, buf.handle, &query));
	EXPECT_EQ(large, query.length);
	EXPECT_EQ(large, query.extent);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 4 * GIB - large + 1, 0, &other));
	ASSERT_EQ(0, pp_alloc(self->fd, 4 * GIB - large, 0, &other));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
	EXPECT_EQ(0, pp_free(self->fd, other.handle));
	ASSERT_EQ(0, pp_alloc(self->fd, 4 * GIB, 4 * GIB, &buf));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

/* Of a size that no machine has the memory for: the kernel has to count right. */
TEST_F(none, capacities_up_to_2_to_the_62)
{
	static const uint64_t granules[] = { 4096, 64 * KIB, GIB, LIMIT };
	struct pinpool_buf bufs[4];
	struct pinpool_stats stats;
	uint64_t granule;
	size_t i;

	for (i = 0; i < ARRAY_LEN(granules); i++) {
		granule = granules[i];
		ASSERT_TRUE(make_open(&self->nl, &self->fd, LIMIT, granule, ~0ULL - LIMIT)) {
			TH_LOG("%s", self->nl.error);
		}
		ASSERT_EQ(0, pp_alloc(self->fd, LIMIT, LIMIT, &bufs[0]));
		EXPECT_EQ(0, bufs[0].offset);
		ASSERT_EQ(0, pp_stats(self->fd, &stats));
		EXPECT_EQ(LIMIT, stats.used);
		EXPECT_EQ(0, stats.free);
		EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &bufs[1]));
		EXPECT_EQ(0, pp_free(self->fd, bufs[0].handle));
		if (granule < LIMIT) {
			ASSERT_EQ(0, pp_alloc(self->fd, LIMIT / 2 + 1, 0, &bufs[0]));
			EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, LIMIT / 2, 0, &bufs[1]));
			ASSERT_EQ(0, pp_alloc(self->fd, LIMIT / 4, LIMIT / 4, &bufs[1]));
			EXPECT_EQ(0, bufs[1].offset % (LIMIT / 4));
			EXPECT_EQ(0, pp_free(self->fd, bufs[0].handle));
			EXPECT_EQ(0, pp_free(self->fd, bufs[1].handle));
		}
		EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
		close(self->fd);
		self->fd = -1;
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	}
}

TEST_F(none, what_can_not_be)
{
	struct nlmsghdr *msg;

	EXPECT_EQ(-EINVAL, make(&self->nl, LIMIT + 4096, 4096, 0));
	EXPECT_NE(NULL, strstr(self->nl.error, "capacity"));
	EXPECT_EQ(-EINVAL, make(&self->nl, GIB, 4096, ~0ULL - GIB + 2));
	EXPECT_NE(NULL, strstr(self->nl.error, "64 bits"));
	EXPECT_EQ(-EINVAL, make(&self->nl, GIB + 1, 4096, 0));

	/* What only pools with memory have */
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, GIB);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_NONE);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_NODE, 0);
	EXPECT_EQ(-EINVAL, nl_talk(&self->nl, msg, NULL, NULL));
	EXPECT_NE(NULL, strstr(self->nl.error, "node"));

	/* And the other way round */
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_BASE, GIB);
	EXPECT_EQ(-EINVAL, nl_talk(&self->nl, msg, NULL, NULL));
	EXPECT_NE(NULL, strstr(self->nl.error, "base"));
	EXPECT_NE(0, access(NODE, F_OK));
}

TEST_F(none, it_grows_and_shrinks)
{
	struct pinpool_info info;
	struct pinpool_buf buf;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, MIB, 4096, 1ULL << 62));
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, LIMIT));
	ASSERT_EQ(0, pp_info(self->fd, &info));
	EXPECT_EQ(LIMIT, info.capacity);
	ASSERT_EQ(0, pp_alloc(self->fd, LIMIT, 0, &buf));
	EXPECT_EQ(-EBUSY, nl_set_capacity(&self->nl, NAME, LIMIT / 2));
	EXPECT_NE(0, nl_set_capacity(&self->nl, NAME, LIMIT + 4096));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, 2 * MIB));
	EXPECT_EQ(-EINVAL, pp_alloc(self->fd, 2 * MIB + 1, 0, &buf));
	ASSERT_EQ(0, pp_alloc(self->fd, 2 * MIB, 0, &buf));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

TEST_F(none, it_does_not_grow_over_the_end_of_what_can_be_told)
{
	ASSERT_TRUE(make_open(&self->nl, &self->fd, MIB, 4096, ~0ULL - GIB));
	EXPECT_EQ(0, nl_set_capacity(&self->nl, NAME, GIB));
	EXPECT_EQ(-ERANGE, nl_set_capacity(&self->nl, NAME, 2 * GIB));
}

TEST_F(none, limits_hold)
{
	struct pinpool_buf bufs[3];
	struct pinpool_buf other;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, LIMIT, MIB, 0));
	ASSERT_EQ(0, nl_set_limit(&self->nl, NAME, PINPOOL_A_LIMITS_CLIENT_BYTES, LIMIT / 2));
	ASSERT_EQ(0, pp_alloc(self->fd, LIMIT / 4, 0, &bufs[0]));
	ASSERT_EQ(0, pp_alloc(self->fd, LIMIT / 4, 0, &bufs[1]));
	EXPECT_EQ(-EDQUOT, pp_alloc(self->fd, 1, 0, &other));
	EXPECT_EQ(0, pp_free(self->fd, bufs[1].handle));
	ASSERT_EQ(0, nl_set_limit(&self->nl, NAME, PINPOOL_A_LIMITS_UID_BUFFERS, 2));
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &bufs[1]));
	EXPECT_EQ(-EDQUOT, pp_alloc(self->fd, 1, 0, &other));
	EXPECT_EQ(0, pp_free(self->fd, bufs[0].handle));
	EXPECT_EQ(0, pp_free(self->fd, bufs[1].handle));
}

TEST_F(none, events_are_told)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	struct pinpool_buf buf, other;
	struct nl events;
	pid_t child;
	int status;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, LIMIT, GIB, 0));
	ASSERT_EQ(0, nl_set_watermarks(&self->nl, NAME, LIMIT / 4, LIMIT / 2));
	ASSERT_EQ(0, nl_open(&events));
	ASSERT_EQ(0, nl_listen(&events, events.events));
	ASSERT_EQ(0, nl_listen(&events, events.clients));
	ASSERT_EQ(0, pp_alloc(self->fd, 3 * (LIMIT / 4), 0, &buf));
	msg = nl_event(&events, PINPOOL_NL_CMD_WATERMARK_NTF, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	nl_attrs(msg, attrs);
	EXPECT_EQ(PINPOOL_LEVEL_HIGH, nl_u32(attrs[PINPOOL_A_EVENT_LEVEL]));
	EXPECT_EQ(LIMIT / 4, nl_u64(attrs[PINPOOL_A_EVENT_FREE]));

	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, LIMIT / 2, 0, &other));
	msg = nl_event(&events, PINPOOL_NL_CMD_EXHAUSTED_NTF, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	nl_attrs(msg, attrs);
	EXPECT_EQ(LIMIT / 2, nl_u64(attrs[PINPOOL_A_EVENT_WANTED]));
	EXPECT_EQ(LIMIT / 4, nl_u64(attrs[PINPOOL_A_EVENT_LARGEST_FREE]));

	child = fork();
	if (!child) {
		int fd = open(NODE, O_RDWR | O_CLOEXEC);

		_exit(pp_alloc(fd, LIMIT / 8, 0, &other) || kill(getpid(), SIGKILL));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	msg = nl_event(&events, PINPOOL_NL_CMD_CLIENT_DIED_NTF, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	nl_attrs(msg, attrs);
	EXPECT_EQ(LIMIT / 8, nl_u64(attrs[PINPOOL_A_EVENT_BYTES]));
	EXPECT_EQ(1, nl_u64(attrs[PINPOOL_A_EVENT_BUFFERS]));
	nl_close(&events);
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

struct waiter {
	int fd;
	int err;
	struct pinpool_buf buf;
};

static void *wait_for_space(void *arg)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = LIMIT, .deadline_ns = ~0ULL,
	};
	struct waiter *waiter = arg;

	waiter->err = pp_ioctl(waiter->fd, PINPOOL_IOC_ALLOC, &alloc);
	waiter->buf.handle = alloc.handle;
	return NULL;
}

TEST_F(none, space_is_waited_for)
{
	struct waiter waiter = { .err = 1 };
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	pthread_t thread;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, LIMIT, 4096, 0));
	waiter.fd = self->fd;
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_space, &waiter));
	do {
		ASSERT_EQ(0, pp_stats(self->fd, &stats));
	} while (!stats.waiters);
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiter.err);
	EXPECT_EQ(0, pp_free(self->fd, waiter.buf.handle));
}

/* Extents stay whose they are, though nobody can touch them. */
TEST_F(none, others_have_no_say)
{
	struct pinpool_buf buf;
	int other;

	ASSERT_TRUE(make_open(&self->nl, &self->fd, GIB, 4096, 0));
	other = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, pp_alloc(other, GIB, 0, &buf));
	EXPECT_EQ(-ENOENT, pp_free(self->fd, buf.handle));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &buf));
	close(other);
	ASSERT_EQ(0, pp_alloc(self->fd, GIB, 0, &buf));
	EXPECT_EQ(0, pp_free(self->fd, buf.handle));
}

/* What has no memory costs none, however much of it is had and let go. */
TEST_F(none, forced_deletion)
{
	struct pinpool_buf buf;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(make_open(&self->nl, &self->fd, LIMIT, 4096, 0));
		ASSERT_EQ(0, pp_alloc(self->fd, LIMIT / 3, 0, &buf));
		EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
		ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, true));
		EXPECT_EQ(-ENODEV, pp_alloc(self->fd, 1, 0, &buf));
		close(self->fd);
		self->fd = -1;
	}
}

TEST_HARNESS_MAIN
