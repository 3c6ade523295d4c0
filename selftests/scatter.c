// SPDX-License-Identifier: GPL-2.0
/*
 * Scattering: one length in several buffers, where no free extent has room for it
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include "kselftest_harness.h"

#define HOLES	10

static int alloc_scatter(int fd, uint64_t length, struct pinpool_buf *bufs, uint32_t count,
			 uint64_t deadline, uint32_t *done)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .flags = PINPOOL_ALLOC_SCATTER, .length = length,
		.bufs = (uintptr_t)bufs, .count = count, .buf_size = sizeof(*bufs),
		.deadline_ns = deadline,
	};
	int err = pp_ioctl(fd, PINPOOL_IOC_ALLOC, &alloc);

	*done = alloc.done;
	return err;
}

/* A pool with ten free extents, of 1 to 10 granules: 55 in all */
FIXTURE(scatter)
{
	struct pp_client a;
	struct pinpool_buf holes[HOLES];
	struct pinpool_buf walls[HOLES];
	struct pinpool_buf rest;
};

FIXTURE_SETUP(scatter)
{
	struct pinpool_stats stats;
	int i;

	ASSERT_TRUE(pp_client_open(&self->a));
	for (i = 0; i < HOLES; i++) {
		ASSERT_EQ(0, pp_alloc(self->a.fd, (i + 1) * self->a.granule, 0, &self->holes[i]));
		ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &self->walls[i]));
	}
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	ASSERT_EQ(0, pp_alloc(self->a.fd, stats.largest_free, 0, &self->rest));
	for (i = 0; i < HOLES; i++)
		ASSERT_EQ(0, pp_free(self->a.fd, self->holes[i].handle));
}

FIXTURE_TEARDOWN(scatter)
{
	struct pinpool_query query;

	while (!pp_find(self->a.fd, 0, PINPOOL_QUERY_NEXT, &query) &&
	       !pp_free(self->a.fd, query.handle))
		;
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

TEST_F(scatter, one_where_one_suffices)
{
	struct pinpool_buf bufs[4];
	uint32_t done;

	ASSERT_EQ(0, alloc_scatter(self->a.fd, 10 * self->a.granule - 7, bufs, 4, 0, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(10 * self->a.granule - 7, bufs[0].length);
	EXPECT_EQ(self->holes[9].offset, bufs[0].offset);
}

TEST_F(scatter, several_have_the_length_together)
{
	uint64_t length = 30 * self->a.granule - 5, sum = 0;
	struct pinpool_buf bufs[4];
	struct pinpool_query query;
	struct pinpool_stats stats;
	uint32_t done, i;

	ASSERT_EQ(0, alloc_scatter(self->a.fd, length, bufs, 4, 0, &done));
	EXPECT_LE(4, done);
	ASSERT_GE(4, done);
	for (i = 0; i < done; i++) {
		ASSERT_EQ(0, pp_query(self->a.fd, bufs[i].handle, &query));
		EXPECT_EQ(bufs[i].offset, query.offset);
		EXPECT_EQ(bufs[i].length, query.length);
		if (i + 1 < done)
			EXPECT_EQ(0, bufs[i].length % self->a.granule);
		memset(self->a.window + bufs[i].offset, i, bufs[i].length);
		sum += bufs[i].length;
	}
	EXPECT_EQ(length, sum);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(25 * self->a.granule, stats.free);
	/* Each goes by itself. */
	for (i = 0; i < done; i++)
		EXPECT_EQ(0, pp_free(self->a.fd, bufs[i].handle));
}

TEST_F(scatter, a_pool_is_filled_to_its_last_granule)
{
	struct pinpool_buf bufs[PINPOOL_MAX_SCATTER];
	struct pinpool_stats stats;
	uint32_t done;

	ASSERT_EQ(0, alloc_scatter(self->a.fd, 55 * self->a.granule, bufs, PINPOOL_MAX_SCATTER, 0,
				   &done));
	EXPECT_EQ(10, done);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(0, stats.free);
	EXPECT_EQ(stats.capacity, stats.used);
}

TEST_F(scatter, too_few_pieces_are_none)
{
	struct pinpool_stats before, after;
	struct pinpool_buf bufs[4];
	uint32_t done;

	ASSERT_EQ(0, pp_stats(self->a.fd, &before));
	EXPECT_EQ(-ENOSPC, alloc_scatter(self->a.fd, 35 * self->a.granule, bufs, 4, 0, &done));
	EXPECT_EQ(-ENOSPC, alloc_scatter(self->a.fd, 56 * self->a.granule, bufs, 4, 0, &done));
	EXPECT_EQ(-ENOSPC, alloc_scatter(self->a.fd, 11 * self->a.granule, bufs, 1, 0, &done));
	EXPECT_EQ(-EINVAL, alloc_scatter(self->a.fd, 0, bufs, 4, 0, &done));
	ASSERT_EQ(0, pp_stats(self->a.fd, &after));
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.buffers, after.buffers);
	EXPECT_EQ(before.allocs, after.allocs);
	EXPECT_EQ(before.failures + 3, after.failures);
	EXPECT_EQ(0, alloc_scatter(self->a.fd, 34 * self->a.granule, bufs, 4, 0, &done));
}

TEST_F(scatter, nothing_is_made_where_nobody_can_be_told)
{
	struct pinpool_stats before, after;
	long page = sysconf(_SC_PAGESIZE);
	uint32_t done;
	char *guard;

	guard = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(guard != MAP_FAILED);
	ASSERT_EQ(0, mprotect(guard + page, page, PROT_NONE));
	ASSERT_EQ(0, pp_stats(self->a.fd, &before));
	EXPECT_EQ(-EFAULT, alloc_scatter(self->a.fd, 30 * self->a.granule,
					 (void *)(guard + page - sizeof(struct pinpool_buf)), 4, 0,
					 &done));
	ASSERT_EQ(0, pp_stats(self->a.fd, &after));
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.allocs, after.allocs);
	munmap(guard, 2 * page);
}

TEST_F(scatter, waits_as_others_do)
{
	struct pinpool_buf bufs[4];
	uint32_t done;

	EXPECT_EQ(-ETIMEDOUT, alloc_scatter(self->a.fd, 35 * self->a.granule, bufs, 4,
					    pp_now_ns() + 10000000, &done));
	EXPECT_EQ(0, alloc_scatter(self->a.fd, 34 * self->a.granule, bufs, 4, ~0ULL, &done));
	EXPECT_EQ(4, done);
}

TEST_F(scatter, memory_of_others_is_zeroed)
{
	struct pinpool_buf bufs[4];
	struct pinpool_info info;
	struct pp_client b;
	uint32_t done, i;

	ASSERT_EQ(0, pp_info(self->a.fd, &info));
	if (info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "this pool zeroes nothing");
	ASSERT_EQ(0, alloc_scatter(self->a.fd, 30 * self->a.granule, bufs, 4, 0, &done));
	for (i = 0; i < done; i++) {
		memset(self->a.window + bufs[i].offset, 'a', bufs[i].length);
		ASSERT_EQ(0, pp_free(self->a.fd, bufs[i].handle));
	}
	ASSERT_TRUE(pp_client_open(&b));
	ASSERT_EQ(0, alloc_scatter(b.fd, 30 * self->a.granule, bufs, 4, 0, &done));
	for (i = 0; i < done; i++)
		EXPECT_TRUE(pp_is_zero(b.window + bufs[i].offset, bufs[i].length));
	pp_client_close(&b);
}

PP_HARNESS_MAIN
