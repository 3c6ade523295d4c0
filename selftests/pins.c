// SPDX-License-Identifier: GPL-2.0
/*
 * Pins: what a client may do with memory that it freed while its pages were
 * pinned, and what others may not
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/uio.h>

#include "kselftest_harness.h"

#define NR_BUFS		8
#define BUF_GRANULES	4

/*
 * Eight neighbours, each with its first granule pinned, by a page in a pipe of its
 * own, and then freed
 */
FIXTURE(pins)
{
	struct pp_client observer;
	struct pp_client a;
	struct pp_client b;
	size_t granule;
	uint64_t start;
	struct pinpool_buf bufs[NR_BUFS];
	int pipes[NR_BUFS][2];
};

FIXTURE_SETUP(pins)
{
	struct pinpool_buf first;
	struct iovec iov;
	uint32_t done;
	int i;

	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	self->granule = self->a.granule;
	ASSERT_EQ(0, pp_alloc(self->b.fd, self->granule, 0, &first));
	for (i = 0; i < NR_BUFS; i++)
		self->bufs[i].length = BUF_GRANULES * self->granule;
	ASSERT_EQ(0, pp_alloc_array(self->a.fd, self->bufs, NR_BUFS, 0, &done));
	self->start = self->bufs[0].offset;
	for (i = 0; i < NR_BUFS; i++) {
		/* In a new pool they are neighbours. */
		ASSERT_EQ(self->start + i * BUF_GRANULES * self->granule, self->bufs[i].offset);
		ASSERT_EQ(0, pipe2(self->pipes[i], O_CLOEXEC | O_NONBLOCK));
		iov = (struct iovec){ self->a.window + self->bufs[i].offset, 4096 };
		pp_fill(iov.iov_base, 4096, i);
		ASSERT_EQ(4096, vmsplice(self->pipes[i][1], &iov, 1, 0));
		ASSERT_EQ(0, pp_free(self->a.fd, self->bufs[i].handle));
	}
}

static void unpin(FIXTURE_DATA(pins) *self, int i)
{
	close(self->pipes[i][0]);
	close(self->pipes[i][1]);
	self->pipes[i][0] = -1;
}

FIXTURE_TEARDOWN(pins)
{
	struct pinpool_buf buf = {};
	int i;

	for (i = 0; i < NR_BUFS; i++)
		if (self->pipes[i][0] >= 0)
			unpin(self, i);
	pp_client_close(&self->a);
	pp_client_close(&self->b);
	/* Looks for what is pinned no more */
	EXPECT_EQ(0, pp_alloc(self->observer.fd, self->observer.capacity, 0, &buf));
	EXPECT_EQ(0, pp_free(self->observer.fd, buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

#define TOTAL	((uint64_t)NR_BUFS * BUF_GRANULES * self->granule)

static bool is_mine(const FIXTURE_DATA(pins) *self, const struct pinpool_buf *buf)
{
	return buf->offset >= self->start && buf->offset + buf->length <= self->start + TOTAL;
}

/* All but the quarantine is @client's. */
static int fill_rest(const struct pp_client *client)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	int err;

	do {
		err = pp_stats(client->fd, &stats);
		if (!err && stats.largest_free)
			err = pp_alloc(client->fd, stats.largest_free, 0, &buf);
	} while (!err && stats.largest_free);
	return err;
}

TEST_F(pins, stats_tell_whose_they_are)
{
	struct pinpool_stats stats;

	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(TOTAL, stats.quarantined);
	EXPECT_EQ(NR_BUFS, stats.quarantined_extents);
	EXPECT_EQ(TOTAL, stats.client_quarantined);
	EXPECT_EQ(0, stats.client_used);
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(0, stats.client_quarantined);
}

TEST_F(pins, the_same_client_has_them_again_at_once)
{
	struct pinpool_stats stats;
	struct pinpool_info info;
	struct pinpool_buf buf;
	bool seen[NR_BUFS] = {};
	int i, j;

	ASSERT_EQ(0, pp_info(self->a.fd, &info));
	for (i = 0; i < NR_BUFS; i++) {
		ASSERT_EQ(0, pp_alloc(self->a.fd, BUF_GRANULES * self->granule, 0, &buf));
		EXPECT_TRUE(is_mine(self, &buf));
		j = (buf.offset - self->start) / (BUF_GRANULES * self->granule);
		EXPECT_FALSE(seen[j]);
		seen[j] = true;
		/* As the client left it, under a new name */
		EXPECT_NE(self->bufs[j].handle, buf.handle);
		EXPECT_EQ(-ENOENT, pp_free(self->a.fd, self->bufs[j].handle));
		if (info.zero != PINPOOL_ZERO_ALWAYS)
			EXPECT_TRUE(pp_matches(self->a.window + buf.offset, 4096, j));
	}
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(0, stats.quarantined);
	EXPECT_EQ(0, stats.client_quarantined);
	EXPECT_EQ(TOTAL, stats.client_used);
	/* What is beyond it comes from the pool. */
	ASSERT_EQ(0, pp_alloc(self->a.fd, BUF_GRANULES * self->granule, 0, &buf));
	EXPECT_FALSE(is_mine(self, &buf));
}

TEST_F(pins, others_never_have_them)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf = {};
	char copy[4096];
	int i;

	ASSERT_EQ(0, fill_rest(&self->b));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &buf));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->observer.fd, 1, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(TOTAL, stats.quarantined);
	EXPECT_EQ(stats.capacity, stats.used + stats.quarantined);
	for (i = 0; i < NR_BUFS; i++) {
		EXPECT_EQ(SIGBUS, pp_probe_write(self->b.window + self->bufs[i].offset));
		ASSERT_EQ(4096, read(self->pipes[i][0], copy, 4096));
		EXPECT_TRUE(pp_matches(copy, 4096, i));
	}
	/* Read, they are free: for whoever asks. */
	EXPECT_EQ(0, pp_alloc(self->b.fd, TOTAL, 0, &buf));
	EXPECT_EQ(self->start, buf.offset);
}

/* Pinned they are, even if the client doesn't touch them this time. */
TEST_F(pins, others_never_have_them_after_they_came_back_for_a_while)
{
	struct pinpool_buf buf = {};
	struct pinpool_stats stats;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pp_alloc(self->a.fd, BUF_GRANULES * self->granule, 0, &buf));
		ASSERT_TRUE(is_mine(self, &buf));
		ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	}
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(TOTAL, stats.quarantined);
	ASSERT_EQ(0, fill_rest(&self->b));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &buf));
}

TEST_F(pins, nobody_has_them_after_the_close)
{
	struct pinpool_stats stats;
	struct pp_client again;
	struct pinpool_buf buf;

	pp_client_close(&self->a);
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(TOTAL, stats.quarantined);
	EXPECT_EQ(0, stats.client_quarantined);
	ASSERT_TRUE(pp_client_open(&again));
	ASSERT_EQ(0, fill_rest(&again));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, 1, 0, &buf));
	pp_client_close(&again);
}

TEST_F(pins, neighbours_make_one_large_buffer)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	ASSERT_EQ(0, fill_rest(&self->b));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &buf));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, TOTAL + 1, 0, &buf));
	ASSERT_EQ(0, pp_alloc(self->a.fd, TOTAL, 0, &buf));
	EXPECT_EQ(self->start, buf.offset);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(0, stats.quarantined);
	pp_fill(self->a.window + buf.offset, TOTAL, 77);
	EXPECT_TRUE(pp_matches(self->a.window + buf.offset, TOTAL, 77));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

TEST_F(pins, parts_of_them_go_and_come_back)
{
	struct pinpool_buf parts[3], buf = {};
	struct pinpool_stats stats;
	uint64_t align;
	int i;

	ASSERT_EQ(0, fill_rest(&self->b));
	/* An aligned one, with something before and behind it, in odd sizes */
	for (align = 2 * self->granule; align < TOTAL / 2; align *= 2)
		;
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->granule, align, &parts[0]));
	EXPECT_EQ(0, parts[0].offset % align);
	ASSERT_EQ(0, pp_alloc(self->a.fd, 3 * self->granule, 0, &parts[1]));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 100, 0, &parts[2]));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(is_mine(self, &parts[i]));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(5 * self->granule, stats.client_used);
	/* What is left of an extent and has no pinned page is free for all, at once or so. */
	EXPECT_GE(TOTAL - 5 * self->granule, stats.quarantined);
	EXPECT_EQ(stats.quarantined, stats.client_quarantined);
	while (!pp_alloc(self->b.fd, self->granule, 0, &buf))
		EXPECT_TRUE(is_mine(self, &buf));
	for (i = 0; i < 3; i++) {
		memset(self->a.window + parts[i].offset, i, 100);
		EXPECT_EQ(0, pp_free(self->a.fd, parts[i].handle));
	}
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(0, stats.client_used);
	EXPECT_EQ(stats.capacity, stats.used + stats.quarantined + stats.free);
}

TEST_F(pins, each_extent_waits_for_its_own_pins)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	ASSERT_EQ(0, fill_rest(&self->b));
	unpin(self, 3);
	ASSERT_EQ(0, pp_alloc(self->b.fd, BUF_GRANULES * self->granule, 0, &buf));
	EXPECT_EQ(self->bufs[3].offset, buf.offset);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->b.fd, 1, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(TOTAL - BUF_GRANULES * self->granule, stats.client_quarantined);
	EXPECT_EQ(NR_BUFS - 1, stats.quarantined_extents);
}

/* Where extents were joined to one, each granule goes when it can. */
TEST_F(pins, of_joined_extents_each_granule_waits_for_its_own_pins)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf = {};
	uint64_t free = 0;
	int err;

	ASSERT_EQ(0, fill_rest(&self->b));
	/* Joins them, though it is no use. */
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, TOTAL + 1, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_GE(NR_BUFS, stats.quarantined_extents);
	unpin(self, 2);
	unpin(self, 5);
	while (!(err = pp_alloc(self->b.fd, self->granule, 0, &buf))) {
		EXPECT_TRUE(is_mine(self, &buf));
		memset(self->b.window + buf.offset, 'b', self->granule);
		free += self->granule;
	}
	EXPECT_EQ(-ENOSPC, err);
	/* Of each but two buffers a granule is pinned. */
	EXPECT_EQ(TOTAL - (NR_BUFS - 2) * self->granule, free);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ((NR_BUFS - 2) * self->granule, stats.quarantined);
}

/* A load of its own kind: sizes and alignments at random, every buffer checked */
TEST_F(pins, random_load_in_quarantine)
{
	enum { SLOTS = 24, OPS = 20000 };
	struct pinpool_buf slots[SLOTS] = {};
	uint64_t x = 88172645463325252ULL;
	unsigned int made = 0, i, op;
	struct pinpool_stats stats;

	ASSERT_EQ(0, fill_rest(&self->b));
	for (op = 0; op < OPS; op++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		i = x % SLOTS;
		if (slots[i].handle) {
			ASSERT_TRUE(pp_matches(self->a.window + slots[i].offset, 64,
					       slots[i].handle));
			ASSERT_EQ(0, pp_free(self->a.fd, slots[i].handle));
			slots[i].handle = 0;
		} else if (!pp_alloc(self->a.fd, (1 + (x >> 8) % 6) * self->granule,
				     self->granule << (x >> 16) % 3, &slots[i])) {
			made++;
			ASSERT_TRUE(is_mine(self, &slots[i]));
			pp_fill(self->a.window + slots[i].offset, 64, slots[i].handle);
		} else {
			slots[i].handle = 0;
		}
	}
	EXPECT_LT(OPS / 4, made);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(stats.capacity, stats.used + stats.quarantined + stats.free);
}

PP_HARNESS_MAIN
