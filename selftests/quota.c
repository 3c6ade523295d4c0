// SPDX-License-Identifier: GPL-2.0
/*
 * Limits by client and by user, and watermarks, as they are set at run time
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <poll.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"quota-test"
#define NODE	"/dev/pinpool/" NAME

FIXTURE(quota)
{
	struct nl nl;
	int a;
	int b;
	uint64_t granule;
	uint64_t capacity;
};

FIXTURE_SETUP(quota)
{
	struct pinpool_info info;

	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0666));
	self->a = open(NODE, O_RDWR | O_CLOEXEC);
	self->b = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, pp_info(self->a, &info));
	self->granule = info.granule;
	self->capacity = info.capacity;
}

FIXTURE_TEARDOWN(quota)
{
	close(self->a);
	close(self->b);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	nl_close(&self->nl);
}

static int limit(struct nl *nl, uint16_t which, uint64_t value)
{
	return nl_set_limit(nl, NAME, which, value);
}

/* What @fd is refused, and that nothing else came of it */
static int refused(struct nl *nl, int fd, uint64_t length)
{
	uint64_t refusals = nl_stat(nl, NAME, PINPOOL_A_STATS_REFUSALS);
	struct pinpool_stats before, after;
	struct pinpool_buf buf;
	int err;

	if (pp_stats(fd, &before))
		return 1;
	err = pp_alloc(fd, length, 0, &buf);
	if (pp_stats(fd, &after) || memcmp(&before, &after, sizeof(after)))
		return 2;
	if (nl_stat(nl, NAME, PINPOOL_A_STATS_REFUSALS) != refusals + 1)
		return 3;
	return err;
}

TEST_F(quota, bytes_of_a_client)
{
	struct pinpool_buf buf, more;

	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, 4 * self->granule));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 4 * self->granule + 1));
	ASSERT_EQ(0, pp_alloc(self->a, 3 * self->granule - 1, 0, &buf));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, self->granule + 1));
	ASSERT_EQ(0, pp_alloc(self->a, 1, 0, &more));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
	/* It is the client's own. */
	EXPECT_EQ(0, pp_alloc(self->b, 4 * self->granule, 0, &more));
	ASSERT_EQ(0, pp_free(self->a, buf.handle));
	EXPECT_EQ(0, pp_alloc(self->a, 3 * self->granule, 0, &buf));
}

TEST_F(quota, buffers_of_a_client)
{
	struct pinpool_buf bufs[4] = { };
	struct pinpool_buf buf;
	uint32_t done;
	int i;

	for (i = 0; i < 4; i++)
		bufs[i].length = 1;
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 3));
	/* All or nothing, or what goes */
	EXPECT_EQ(-EDQUOT, pp_alloc_array(self->a, bufs, 4, 0, NULL));
	EXPECT_TRUE(pp_pool_is_whole(self->a, 2));
	EXPECT_EQ(0, pp_alloc_array(self->a, bufs, 4, PINPOOL_ALLOC_PARTIAL, &done));
	EXPECT_EQ(3, done);
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
	EXPECT_EQ(-EDQUOT, pp_alloc_array(self->a, &bufs[3], 1, PINPOOL_ALLOC_PARTIAL, &done));
	ASSERT_EQ(0, pp_free(self->a, bufs[0].handle));
	EXPECT_EQ(0, pp_alloc(self->a, self->capacity / 2, 0, &buf));
}

TEST_F(quota, pieces_count)
{
	struct pinpool_buf bufs[4] = { }, hole[8];
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_SCATTER,
		.bufs = (uintptr_t)bufs, .count = 4, .buf_size = sizeof(*bufs),
		.length = 3 * self->granule,
	};
	struct pinpool_buf rest;
	int i;

	/* Every other granule of the first eight is free. */
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pp_alloc(self->b, self->granule, 0, &hole[i]));
	ASSERT_EQ(0, pp_alloc(self->b, self->capacity - 8 * self->granule, 0, &rest));
	for (i = 0; i < 8; i += 2)
		ASSERT_EQ(0, pp_free(self->b, hole[i].handle));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 5));
	/* The other client has more already, which is not taken from it. */
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 1));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 2));
	EXPECT_EQ(-ENOSPC, pp_ioctl(self->a, PINPOOL_IOC_ALLOC, &alloc));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 3));
	EXPECT_EQ(0, pp_ioctl(self->a, PINPOOL_IOC_ALLOC, &alloc));
	EXPECT_EQ(3, alloc.done);
}

/* What a buffer gets counts, and it stays the one buffer. */
TEST_F(quota, resizing)
{
	uint64_t granule = self->granule;
	struct pinpool_buf buf, other = { };

	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, 4 * granule));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 1));
	ASSERT_EQ(0, pp_alloc(self->a, granule, 0, &buf));
	EXPECT_EQ(-EDQUOT, pp_resize(self->a, buf.handle, 4 * granule + 1));
	EXPECT_EQ(0, pp_resize(self->a, buf.handle, 4 * granule));
	EXPECT_EQ(-EDQUOT, pp_resize(self->a, buf.handle, 5 * granule));
	EXPECT_EQ(0, pp_resize(self->a, buf.handle, 2 * granule));
	EXPECT_EQ(0, pp_resize(self->a, buf.handle, 3 * granule));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 2));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, granule + 1));
	EXPECT_EQ(0, pp_alloc(self->a, granule, 0, &other));
	/* Whoever has more than a limit that came later may give it back. */
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_UID_BYTES, granule));
	EXPECT_EQ(0, pp_resize(self->a, buf.handle, 2 * granule));
	EXPECT_EQ(-EDQUOT, pp_resize(self->a, buf.handle, 3 * granule));
	EXPECT_EQ(0, pp_free(self->a, buf.handle));
	EXPECT_EQ(0, pp_free(self->a, other.handle));
}

TEST_F(quota, a_waiting_call_is_refused_at_once)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = self->capacity, .deadline_ns = ~0ULL,
	};
	struct pinpool_buf buf;

	/* There is neither space nor leave; one that waited would do so for ever. */
	ASSERT_EQ(0, pp_alloc(self->b, self->granule, 0, &buf));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, self->granule));
	EXPECT_EQ(-EDQUOT, pp_ioctl(self->a, PINPOOL_IOC_ALLOC, &alloc));
}

TEST_F(quota, clients_of_a_user_share_theirs)
{
	struct pinpool_buf buf;
	int fd, status;

	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_UID_BYTES, 4 * self->granule));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_UID_BUFFERS, 2));
	ASSERT_EQ(0, pp_alloc(self->a, 3 * self->granule, 0, &buf));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 2 * self->granule));
	ASSERT_EQ(0, pp_alloc(self->b, 1, 0, &buf));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 1));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));

	/* Another user has his own, whoever he was before. */
	if (!fork()) {
		struct pinpool_buf bufs[2] = { { .length = 1 }, { .length = 3 * self->granule } };

		if (setresuid(1000, 1000, 1000))
			_exit(1);
		fd = open(NODE, O_RDWR);
		if (fd < 0 || pp_alloc_array(fd, bufs, 2, 0, NULL))
			_exit(2);
		if (pp_alloc(fd, 1, 0, &buf) != -EDQUOT)
			_exit(3);
		/* A file that was opened before counts for whom it was opened by. */
		if (pp_alloc(self->a, 1, 0, &buf) != -EDQUOT)
			_exit(4);
		_exit(0);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);

	/* What a client leaves behind is there for the others. */
	close(self->a);
	self->a = open(NODE, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(0, pp_alloc(self->a, 3 * self->granule, 0, &buf));
}

/* By their number alone, however small they are */
TEST_F(quota, buffers_of_a_user)
{
	struct pinpool_buf bufs[3];

	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_UID_BUFFERS, 2));
	ASSERT_EQ(0, pp_alloc(self->a, 1, 0, &bufs[0]));
	ASSERT_EQ(0, pp_alloc(self->b, 1, 0, &bufs[1]));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 1));
	ASSERT_EQ(0, pp_free(self->b, bufs[1].handle));
	EXPECT_EQ(0, pp_alloc(self->a, 1, 0, &bufs[2]));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 1));
}

TEST_F(quota, a_buffer_counts_for_all_who_hold_it)
{
	struct pinpool_buf buf, copy;
	struct pinpool_stats stats;
	int share;

	ASSERT_EQ(0, pp_alloc(self->a, 3 * self->granule, 0, &buf));
	share = pp_export(self->a, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, 2 * self->granule));
	EXPECT_EQ(-EDQUOT, pp_import(self->b, share, 0, &copy));
	ASSERT_EQ(0, pp_stats(self->b, &stats));
	EXPECT_EQ(0, stats.client_used);
	EXPECT_EQ(1, nl_stat(&self->nl, NAME, PINPOOL_A_STATS_REFUSALS));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, 3 * self->granule));
	EXPECT_EQ(0, pp_import(self->b, share, 0, &copy));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->b, 1));
	EXPECT_EQ(-EEXIST, pp_import(self->a, share, 0, &copy));
	close(share);
}

TEST_F(quota, shares_of_a_client)
{
	struct pinpool_buf buf;
	int one, two;

	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_SHARES, 1));
	ASSERT_EQ(0, pp_alloc(self->a, 1, 0, &buf));
	one = pp_export(self->a, buf.handle, 0);
	ASSERT_LE(0, one);
	EXPECT_EQ(-EDQUOT, pp_export(self->a, buf.handle, 0));
	EXPECT_EQ(1, nl_stat(&self->nl, NAME, PINPOOL_A_STATS_SHARES));
	close(one);
	two = pp_export(self->a, buf.handle, 0);
	EXPECT_LE(0, two);
	/* A share that outlives its client is nobody's. */
	close(self->a);
	self->a = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, pp_alloc(self->a, 1, 0, &buf));
	one = pp_export(self->a, buf.handle, 0);
	EXPECT_LE(0, one);
	close(one);
	close(two);
}

TEST_F(quota, no_limit_takes_anything_away)
{
	struct pinpool_buf buf, more;

	ASSERT_EQ(0, pp_alloc(self->a, 8 * self->granule, 0, &buf));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, self->granule));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
	EXPECT_EQ(0, pp_free(self->a, buf.handle));
	EXPECT_EQ(0, pp_alloc(self->a, 1, 0, &more));
	/* 0 is none, and the others stay as they are. */
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_UID_BUFFERS, 2));
	ASSERT_EQ(0, limit(&self->nl, PINPOOL_A_LIMITS_CLIENT_BYTES, 0));
	EXPECT_EQ(0, pp_alloc(self->a, 8 * self->granule, 0, &buf));
	EXPECT_EQ(-EDQUOT, refused(&self->nl, self->a, 1));
}

static short polled(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	return poll(&pollfd, 1, 0) == 1 ? pollfd.revents : 0;
}

/* Above the high watermark there is space for nobody but those who want it badly. */
TEST_F(quota, poll_goes_by_the_watermark)
{
	struct pinpool_buf buf, more;

	ASSERT_EQ(0, nl_set_watermarks(&self->nl, NAME, 0, self->capacity / 2));
	EXPECT_EQ(POLLOUT, polled(self->a));
	ASSERT_EQ(0, pp_alloc(self->a, self->capacity / 2, 0, &buf));
	EXPECT_EQ(0, polled(self->a));
	EXPECT_EQ(0, polled(self->b));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b, self->capacity, 0, &more));
	EXPECT_EQ(0, polled(self->b));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b, self->capacity / 2 + 1, 0, &more));
	ASSERT_EQ(0, pp_free(self->a, buf.handle));
	EXPECT_EQ(POLLOUT, polled(self->a));
	EXPECT_EQ(POLLOUT, polled(self->b));
}

PP_HARNESS_MAIN
