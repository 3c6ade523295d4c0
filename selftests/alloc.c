// SPDX-License-Identifier: GPL-2.0
/*
 * What ALLOC gives: disjoint extents of the length and alignment asked for, up
 * to the last granule, and what QUERY and STATS tell of them
 *
 * Also built as a 32-bit program.
 */
#include "pinpool_test.h"

#include "kselftest_harness.h"

#define MANY	2000

FIXTURE(alloc)
{
	int fd;
	struct pinpool_info info;
	uint64_t granules;
	uint64_t random;
	struct pinpool_buf bufs[MANY];
	int nr;				/* live ones in @bufs */
};

FIXTURE_SETUP(alloc)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &self->info));
	self->granules = self->info.capacity / self->info.granule;
	self->random = 88172645463325252ULL;
	self->nr = 0;
}

FIXTURE_TEARDOWN(alloc)
{
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

static uint64_t below(FIXTURE_DATA(alloc) *self, uint64_t limit)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 7;
	self->random ^= self->random << 17;
	return self->random % limit;
}

static uint64_t extent_of(const FIXTURE_DATA(alloc) *self, uint64_t length)
{
	return (length + self->info.granule - 1) / self->info.granule * self->info.granule;
}

/* One more in self->bufs */
static int add(FIXTURE_DATA(alloc) *self, uint64_t length, uint64_t align)
{
	int err = pp_alloc(self->fd, length, align, &self->bufs[self->nr]);

	self->nr += !err;
	return err;
}

static int drop(FIXTURE_DATA(alloc) *self, int i)
{
	uint64_t handle = self->bufs[i].handle;

	self->bufs[i] = self->bufs[--self->nr];
	return pp_free(self->fd, handle);
}

/* In random order */
static int drop_all(FIXTURE_DATA(alloc) *self)
{
	int err = 0;

	while (self->nr)
		err |= drop(self, below(self, self->nr));
	return err;
}

static int by_offset(const void *a, const void *b)
{
	const struct pinpool_buf *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Sorts self->bufs, too. */
static bool disjoint(FIXTURE_DATA(alloc) *self)
{
	uint64_t end = 0;
	int i;

	qsort(self->bufs, self->nr, sizeof(self->bufs[0]), by_offset);
	for (i = 0; i < self->nr; i++) {
		if (self->bufs[i].offset < end || self->bufs[i].offset % self->info.granule)
			return false;
		end = self->bufs[i].offset + extent_of(self, self->bufs[i].length);
	}
	return end <= self->info.capacity;
}

TEST_F(alloc, buffers_are_disjoint)
{
	int i;

	for (i = 0; i < MANY; i++) {
		add(self, 1 + below(self, 16 * self->info.granule), 0);
		if (self->nr > MANY / 2)
			ASSERT_EQ(0, drop(self, below(self, self->nr)));
	}
	EXPECT_TRUE(disjoint(self));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, whole_pool_in_one_buffer)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, add(self, self->info.capacity, 0));
	EXPECT_EQ(0, self->bufs[0].offset);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &buf));
	EXPECT_EQ(0, drop_all(self));
	/* One byte less takes the same granules. */
	ASSERT_EQ(0, add(self, self->info.capacity - 1, 0));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &buf));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, alignment_up_to_the_pool)
{
	uint64_t align;

	/* So that offset 0 is no answer to everything */
	ASSERT_EQ(0, add(self, 1, 0));
	for (align = 1; align < self->info.capacity; align *= 2) {
		ASSERT_EQ(0, add(self, 1, align)) TH_LOG("align %llu", (long long)align);
		EXPECT_EQ(0, self->bufs[1].offset % align);
		EXPECT_TRUE(disjoint(self));
		/* It may lie on the only place for the next alignment. */
		EXPECT_EQ(0, drop(self, 1));
	}
	EXPECT_EQ(0, drop_all(self));

	/* From here on only offset 0 is aligned. */
	for (; align; align *= 2) {
		ASSERT_EQ(0, add(self, 1, align));
		EXPECT_EQ(0, self->bufs[0].offset);
		EXPECT_EQ(-ENOSPC, add(self, 1, align));
		EXPECT_EQ(0, drop_all(self));
	}
}

TEST_F(alloc, alignment_wastes_nothing)
{
	struct pinpool_stats stats;
	uint64_t align = 1;

	while (align <= self->info.capacity / 8)
		align *= 2;
	ASSERT_EQ(0, add(self, self->info.granule, 0));
	ASSERT_EQ(0, add(self, self->info.granule, align));
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	EXPECT_EQ(2 * self->info.granule, stats.used);
	/* All the rest is still there for others. */
	while (!pp_stats(self->fd, &stats) && stats.free)
		ASSERT_EQ(0, add(self, stats.largest_free, 0));
	EXPECT_TRUE(disjoint(self));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, exact_length_is_kept)
{
	uint64_t g = self->info.granule;
	const uint64_t lengths[] = { 1, 2, g - 1, g, g + 1, 3 * g - 7, MIB + 1 };
	struct pinpool_stats stats;
	struct pinpool_query query;
	size_t i;

	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		ASSERT_EQ(0, add(self, lengths[i], 0));
		ASSERT_EQ(0, pp_query(self->fd, self->bufs[0].handle, &query));
		EXPECT_EQ(lengths[i], query.length);
		EXPECT_EQ(extent_of(self, lengths[i]), query.extent);
		EXPECT_EQ(self->bufs[0].offset, query.offset);
		ASSERT_EQ(0, pp_stats(self->fd, &stats));
		EXPECT_EQ(lengths[i], stats.requested);
		EXPECT_EQ(extent_of(self, lengths[i]), stats.used);
		EXPECT_EQ(0, drop(self, 0));
	}
}

TEST_F(alloc, every_granule_can_be_had)
{
	struct pinpool_buf *bufs = calloc(self->granules, sizeof(*bufs));
	struct pinpool_stats before, after;
	struct pinpool_buf buf;
	uint64_t i;

	ASSERT_EQ(0, pp_stats(self->fd, &before));
	for (i = 0; i < self->granules; i++)
		ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &bufs[i]));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, 1, 0, &buf));
	ASSERT_EQ(0, pp_stats(self->fd, &after));
	EXPECT_EQ(0, after.free);
	EXPECT_EQ(0, after.free_extents);
	EXPECT_EQ(0, after.largest_free);
	EXPECT_EQ(self->granules, after.buffers);
	EXPECT_EQ(before.failures + 1, after.failures);

	/* One goes, one comes: in its place, under another name. */
	i = self->granules / 3;
	ASSERT_EQ(0, pp_free(self->fd, bufs[i].handle));
	ASSERT_EQ(0, pp_alloc(self->fd, self->info.granule, 0, &buf));
	EXPECT_EQ(bufs[i].offset, buf.offset);
	EXPECT_NE(bufs[i].handle, buf.handle);
	bufs[i] = buf;

	for (i = 0; i < self->granules; i++)
		EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
	free(bufs);
}

TEST_F(alloc, uniform_sizes_fill_the_pool)
{
	uint64_t length = self->info.granule * 17 - 3;
	struct pinpool_buf buf;
	uint64_t fit;
	int i;

	if (length > self->info.capacity / 4)
		length = self->info.capacity / 4;
	if (length < self->info.capacity / MANY)
		length = self->info.capacity / MANY;
	fit = self->info.capacity / extent_of(self, length);
	while (!add(self, length, 0))
		;
	EXPECT_EQ(fit, self->nr);
	/* However long they come and go, as many fit. */
	for (i = 0; i < 3 * MANY; i++) {
		ASSERT_EQ(0, drop(self, below(self, self->nr)));
		ASSERT_EQ(0, add(self, length, 0));
	}
	EXPECT_EQ(-ENOSPC, pp_alloc(self->fd, length, 0, &buf));
	EXPECT_TRUE(disjoint(self));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, array_is_all_or_nothing)
{
	struct pinpool_stats before, after;
	struct pinpool_buf bufs[9];
	uint32_t bad, i;

	/* The bad one asks for too much, or for nonsense. */
	for (bad = 0; bad < 2 * ARRAY_LEN(bufs); bad++) {
		uint64_t length = bad % 2 ? 0 : self->info.capacity;
		int expected = bad % 2 ? -EINVAL : -ENOSPC;

		ASSERT_EQ(0, add(self, 1, 0));
		ASSERT_EQ(0, pp_stats(self->fd, &before));
		for (i = 0; i < ARRAY_LEN(bufs); i++)
			bufs[i] = (struct pinpool_buf){ .length = i + 1 };
		bufs[bad / 2].length = length;
		EXPECT_EQ(expected, pp_alloc_array(self->fd, bufs, ARRAY_LEN(bufs), 0, NULL));
		ASSERT_EQ(0, pp_stats(self->fd, &after));
		EXPECT_EQ(before.used, after.used);
		EXPECT_EQ(before.requested, after.requested);
		EXPECT_EQ(before.buffers, after.buffers);
		EXPECT_EQ(before.free_extents, after.free_extents);
		EXPECT_EQ(before.allocs, after.allocs);
		EXPECT_EQ(before.frees, after.frees);
		EXPECT_EQ(before.client_used, after.client_used);
		EXPECT_EQ(0, drop_all(self));
	}
}

TEST_F(alloc, partial_array_makes_what_it_can)
{
	uint64_t length = self->granules / 4 * self->info.granule;
	struct pinpool_buf bufs[6];
	uint32_t i, done;

	for (i = 0; i < ARRAY_LEN(bufs); i++)
		bufs[i] = (struct pinpool_buf){ .length = length, .offset = 7, .handle = 7 };
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, ARRAY_LEN(bufs), PINPOOL_ALLOC_PARTIAL,
				    &done));
	EXPECT_EQ(4, done);
	for (i = 0; i < ARRAY_LEN(bufs); i++) {
		EXPECT_EQ(i < done, bufs[i].handle != 7);
		EXPECT_EQ(i < done, bufs[i].offset != 7);
	}
	/* Not even one: the error says why. */
	EXPECT_EQ(-ENOSPC, pp_alloc_array(self->fd, bufs + 4, 2, PINPOOL_ALLOC_PARTIAL, NULL));
	bufs[4].length = 0;
	EXPECT_EQ(-EINVAL, pp_alloc_array(self->fd, bufs + 4, 2, PINPOOL_ALLOC_PARTIAL, NULL));
	for (i = 0; i < done; i++)
		EXPECT_EQ(0, pp_free(self->fd, bufs[i].handle));
}

TEST_F(alloc, array_entries_differ)
{
	uint32_t i, done, nr = self->granules < 512 ? 2 : 64;

	memset(self->bufs, 0, sizeof(self->bufs));
	for (i = 0; i < nr; i++) {
		self->bufs[i].length = 1 + below(self, 4 * self->info.granule);
		self->bufs[i].align = 1ULL << below(self, 18);
	}
	ASSERT_EQ(0, pp_alloc_array(self->fd, self->bufs, nr, 0, &done));
	EXPECT_EQ(nr, done);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(0, self->bufs[i].offset % self->bufs[i].align);
	self->nr = nr;
	EXPECT_TRUE(disjoint(self));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, longest_array)
{
	uint32_t count = self->info.max_array < self->granules ? self->info.max_array :
								  self->granules;
	struct pinpool_buf *bufs = calloc(count, sizeof(*bufs));
	__u64 *handles = calloc(count, sizeof(*handles));
	uint32_t i, done;

	for (i = 0; i < count; i++)
		bufs[i].length = 1;
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, count, 0, &done));
	EXPECT_EQ(count, done);
	for (i = 0; i < count; i++)
		handles[i] = bufs[i].handle;
	EXPECT_EQ(0, pp_free_array(self->fd, handles, count, &done));
	EXPECT_EQ(count, done);
	free(handles);
	free(bufs);
}

TEST_F(alloc, query_by_any_offset_of_the_extent)
{
	struct pinpool_query query;
	uint64_t extent, at;

	ASSERT_EQ(0, add(self, self->info.granule, 0));
	ASSERT_EQ(0, add(self, 5 * self->info.granule - 1, 0));
	ASSERT_EQ(0, add(self, self->info.granule, 0));
	ASSERT_EQ(0, pp_free(self->fd, self->bufs[2].handle));
	self->nr--;
	extent = 5 * self->info.granule;
	for (at = 0; at < extent; at += extent / 7) {
		ASSERT_EQ(0, pp_find(self->fd, self->bufs[1].offset + at, 0, &query));
		EXPECT_EQ(self->bufs[1].handle, query.handle);
	}
	ASSERT_EQ(0, pp_find(self->fd, self->bufs[1].offset + extent - 1, 0, &query));
	EXPECT_EQ(self->bufs[1].handle, query.handle);
	EXPECT_EQ(5 * self->info.granule - 1, query.length);
	EXPECT_EQ(-ENOENT, pp_find(self->fd, self->bufs[2].offset, 0, &query));
	EXPECT_EQ(-ENOENT, pp_find(self->fd, self->info.capacity, 0, &query));
	EXPECT_EQ(-ENOENT, pp_find(self->fd, ~0ULL, PINPOOL_QUERY_NEXT, &query));
	EXPECT_EQ(0, drop_all(self));
}

TEST_F(alloc, query_walks_in_order)
{
	struct pinpool_query query = { 0 };
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	int i, nr = self->granules < 900 ? self->granules / 3 : 300;
	struct pinpool_buf other;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, add(self, 1 + below(self, 3 * self->info.granule), 0));
	/* Holes, and somebody else's buffers in some of them */
	for (i = 0; i < nr / 3; i++) {
		ASSERT_EQ(0, drop(self, below(self, self->nr)));
		if (i % 2)
			ASSERT_EQ(0, pp_alloc(fd, 1, 0, &other));
	}
	ASSERT_TRUE(disjoint(self));
	for (i = 0; !pp_find(self->fd, query.offset + query.extent, PINPOOL_QUERY_NEXT, &query);
	     i++) {
		ASSERT_LT(i, self->nr);
		EXPECT_EQ(self->bufs[i].handle, query.handle);
	}
	EXPECT_EQ(self->nr, i);
	EXPECT_EQ(0, drop_all(self));
	close(fd);
}

TEST_F(alloc, stats_agree_with_a_model)
{
	uint64_t used = 0, requested = 0, peak, allocs, frees;
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_stats stats, theirs;
	uint64_t length;
	int i, j;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	peak = stats.peak;
	allocs = stats.allocs;
	frees = stats.frees;
	for (i = 0; i < 1000; i++) {
		if (self->nr && below(self, 100) < 45) {
			j = below(self, self->nr);
			requested -= self->bufs[j].length;
			used -= extent_of(self, self->bufs[j].length);
			frees++;
			ASSERT_EQ(0, drop(self, j));
		} else {
			length = 1 + below(self, self->info.capacity / 200);
			if (add(self, length, 0))
				continue;
			requested += length;
			used += extent_of(self, length);
			allocs++;
		}
		if (used > peak)
			peak = used;
		ASSERT_EQ(0, pp_stats(self->fd, &stats));
		ASSERT_EQ(used, stats.used);
		ASSERT_EQ(self->info.capacity - used, stats.free);
		ASSERT_EQ(0, stats.quarantined);
		ASSERT_EQ(requested, stats.requested);
		ASSERT_EQ(peak, stats.peak);
		ASSERT_EQ(self->nr, stats.buffers);
		ASSERT_EQ(allocs, stats.allocs);
		ASSERT_EQ(frees, stats.frees);
		ASSERT_EQ(2, stats.clients);
		ASSERT_EQ(used, stats.client_used);
		ASSERT_EQ(requested, stats.client_requested);
		ASSERT_EQ(self->nr, stats.client_buffers);
		ASSERT_LE(stats.largest_free, stats.free);
		ASSERT_LE(stats.free_extents, self->nr + 1);
	}
	ASSERT_EQ(0, pp_stats(self->fd, &stats));
	ASSERT_EQ(0, pp_stats(fd, &theirs));
	EXPECT_EQ(0, theirs.client_used);
	EXPECT_EQ(0, theirs.client_buffers);
	theirs.client_used = stats.client_used;
	theirs.client_requested = stats.client_requested;
	theirs.client_buffers = stats.client_buffers;
	EXPECT_EQ(0, memcmp(&stats, &theirs, sizeof(stats)));
	close(fd);
	EXPECT_EQ(0, drop_all(self));
}

static int by_value(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

TEST_F(alloc, no_handle_is_given_out_twice)
{
	const size_t nr = 20000;
	__u64 *handles = calloc(nr, sizeof(*handles));
	struct pinpool_buf buf;
	size_t i;

	for (i = 0; i < nr; i++) {
		ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &buf));
		ASSERT_EQ(0, pp_free(self->fd, buf.handle));
		handles[i] = buf.handle;
	}
	qsort(handles, nr, sizeof(*handles), by_value);
	EXPECT_NE(0, handles[0]);
	for (i = 1; i < nr; i++)
		ASSERT_NE(handles[i - 1], handles[i]);
	free(handles);
}

TEST_F(alloc, same_calls_give_the_same_offsets)
{
	uint64_t seed = self->random, sums[2] = { 0 };
	int round, i;

	for (round = 0; round < 2; round++) {
		self->random = seed;
		for (i = 0; i < MANY; i++) {
			if (self->nr && below(self, 3) == 0) {
				ASSERT_EQ(0, drop(self, below(self, self->nr)));
				continue;
			}
			if (!add(self, 1 + below(self, 9 * self->info.granule), 0))
				sums[round] = sums[round] * 31 + self->bufs[self->nr - 1].offset;
		}
		EXPECT_EQ(0, drop_all(self));
	}
	EXPECT_NE(0, sums[0]);
	EXPECT_EQ(sums[0], sums[1]);
}

PP_HARNESS_MAIN
