// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: what may be refused, and what may not
 */
#include "core_unit.h"
#include "core_gaps.h"

/* Many sizes of few bins, in lists, trees and chains */
static u64 draw_size(u64 *rng)
{
	static const u64 bases[] = { 1, 64, 128, 1024, 1 << 14 };
	u64 base = bases[rng_below(rng, ARRAY_SIZE(bases))];

	return base + (base < 128 ? rng_below(rng, base) : rng_below(rng, base / 64));
}

static void refused_rightly(struct __test_metadata *_metadata, struct offset_alloc *oa,
			    u64 size, u64 align)
{
	ASSERT_FALSE(find_gaps(oa, size, align).fits) {
		TH_LOG("size %" PRIu64 " align %" PRIu64, size, align);
	}
	if (align <= 1)
		ASSERT_FALSE(offset_alloc_may_fit(oa, size));
}

/* After -EAGAIN: the same by pieces */
static int look_further(struct __test_metadata *_metadata, struct offset_alloc *oa,
			u64 size, u64 align, struct offset_extent *extent)
{
	struct gaps gaps = find_gaps(oa, size, align);
	u64 offset = 0;
	int err;

	ASSERT_GT(size + align - 1, gaps.largest);
	ASSERT_LT(oa->align_scan, gaps.nr_large);
	do {
		err = offset_alloc_seek_aligned(oa, size, align, &offset, 10);
	} while (err == -EAGAIN);
	if (err)
		return err;
	if (!offset_alloc_ready(oa))
		ASSERT_EQ(0, grow(oa));
	ASSERT_EQ(0, offset & (align - 1));
	ASSERT_EQ(0, offset_alloc_alloc_at(oa, offset, size, extent));
	return 0;
}

TEST(only_what_does_not_fit_is_refused)
{
	static const u32 scans[] = { 1, 4, 64, UINT32_MAX };
	enum { N = 300 };
	u64 handles[N] = { 0 }, rng = 41, refused = 0, further = 0;
	struct offset_extent extent;
	struct offset_alloc oa;
	int ops;

	ASSERT_EQ(0, init(&oa, 400000));
	for (ops = 0; ops < 200000; ops++) {
		u32 i = rng_below(&rng, N);
		u64 size = draw_size(&rng);
		u64 align = rng_below(&rng, 3) ? 0 : 1ULL << rng_below(&rng, 16);
		int err;

		oa.align_scan = scans[ops / 1000 % ARRAY_SIZE(scans)];
		if (handles[i]) {
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
			handles[i] = 0;
			continue;
		}
		err = alloc_grow(&oa, size, align, &extent);
		if (err == -EAGAIN) {
			further++;
			err = look_further(_metadata, &oa, size, align, &extent);
		}
		if (!err) {
			handles[i] = extent.handle;
			continue;
		}
		ASSERT_EQ(-ENOSPC, err);
		refused++;
		refused_rightly(_metadata, &oa, size, align);
	}
	EXPECT_LT(1000, refused);
	EXPECT_LT(100, further);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* Free extents of the same bin that are too small don't count as looked at. */
TEST(small_ones_are_no_part_of_the_scan)
{
	enum { N = 1000, BASE = 1 << 20, SIZE = BASE + 2000, ALIGN = 1 << 19 };
	u64 sizes[N], offsets[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	struct gaps gaps;
	int i;

	/* The largest of the four that are large enough begins at a multiple. */
	sizes[0] = ALIGN - 2;
	for (i = 1; i < N; i++)
		sizes[i] = i <= 4 ? SIZE + 4 - i : BASE + i;
	make_holes(_metadata, &oa, sizes, offsets, N);
	ASSERT_EQ(ALIGN, offsets[1]);
	gaps = find_gaps(&oa, SIZE, ALIGN);
	ASSERT_EQ(4, gaps.nr_large);
	ASSERT_TRUE(gaps.fits);
	ASSERT_EQ(0, alloc_grow(&oa, SIZE, ALIGN, &extent));
	EXPECT_EQ(ALIGN, extent.offset);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* The largest of a bin suffice, though many smaller ones share it with them. */
TEST(scattered_over_the_largest_of_a_bin)
{
	enum { N = 200, BASE = 1 << 20, LARGE = BASE + 1000 };
	u64 sizes[N], offsets[N];
	struct offset_extent extents[4];
	struct offset_alloc oa;
	int first, i, nr;

	/* They came to be free after the others, or before them. */
	for (first = 0; first < 2; first++) {
		for (i = 0; i < N; i++)
			sizes[i] = (first ? i < 4 : i >= N - 4) ? LARGE : BASE;
		for (nr = 2; nr <= 4; nr++) {
			make_holes(_metadata, &oa, sizes, offsets, N);
			EXPECT_EQ(nr, offset_alloc_alloc_scatter(&oa, (u64)nr * LARGE, extents,
								 nr));
			ASSERT_SOUND(&oa);
			offset_alloc_destroy(&oa);
		}
	}
}

static u64 sum_of_largest(const u64 *sizes, size_t n, u32 nr)
{
	u64 left[64], sum = 0;
	size_t i, best;

	memcpy(left, sizes, n * sizeof(*sizes));
	while (nr--) {
		for (best = 0, i = 1; i < n; i++)
			if (left[i] > left[best])
				best = i;
		sum += left[best];
		left[best] = 0;
	}
	return sum;
}

/* As much as the largest have in all can be had, and one more can't. */
TEST(scattered_to_the_last_unit)
{
	u64 sizes[64], offsets[64], sum, rng = 42;
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extents[64];
	struct offset_alloc oa;
	int round, i, n, got;
	u32 nr;

	ASSERT_NE(NULL, before);
	for (round = 0; round < 300; round++) {
		n = rng_between(&rng, 2, 60);
		for (i = 0; i < n; i++)
			sizes[i] = draw_size(&rng);
		make_holes(_metadata, &oa, sizes, offsets, n);
		snapshot_take(before, &oa);
		nr = rng_between(&rng, 1, n);
		sum = sum_of_largest(sizes, n, nr);
		got = offset_alloc_alloc_scatter(&oa, sum, extents, nr);
		ASSERT_LT(0, got);
		ASSERT_GE((int)nr, got);
		for (i = 0; i < got; i++)
			sum -= extents[i].size;
		ASSERT_EQ(0, sum);
		ASSERT_SOUND(&oa);
		snapshot_restore(before, &oa);

		sum = sum_of_largest(sizes, n, nr) + 1;
		if (sum <= oa.capacity) {
			ASSERT_EQ(-ENOSPC, offset_alloc_alloc_scatter(&oa, sum, extents, nr));
			ASSERT_EQ(before->oa.failures + 1, oa.failures);
			ASSERT_EQ(before->oa.free, oa.free);
			ASSERT_EQ(before->oa.least_free, oa.least_free);
			ASSERT_EQ(before->oa.generation, oa.generation);
		}
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	free(before);
}

/* More than the capacity is invalid, whatever it has been before. */
TEST(invalid_after_the_capacity_shrank)
{
	struct offset_extent extents[2];
	struct offset_alloc oa;

	ASSERT_EQ(0, init(&oa, 1000));
	ASSERT_EQ(0, offset_alloc_set_capacity(&oa, 500));
	EXPECT_EQ(-EINVAL, alloc_grow(&oa, 700, 0, extents));
	EXPECT_EQ(-EINVAL, alloc_grow(&oa, 700, 8, extents));
	EXPECT_EQ(-EINVAL, offset_alloc_alloc_scatter(&oa, 700, extents, 2));
	EXPECT_EQ(0, oa.failures);
	EXPECT_FALSE(offset_alloc_may_fit(&oa, 501));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

#ifdef __SIZEOF_INT128__
/* In millionths, rounded down, also where the product has more than 64 bits */
TEST(fragmentation_of_any_sizes)
{
	u64 rng = 43, free, largest, exact;
	int i, bits;

	for (bits = 1; bits <= 63; bits++) {
		for (i = 0; i < 10000; i++) {
			free = rng_between(&rng, 1ULL << (bits - 1), 1ULL << bits);
			largest = 1 + (rng_below(&rng, free) >> rng_below(&rng, bits));
			exact = (__uint128_t)(free - largest) * 1000000 / free;
			ASSERT_EQ(exact, millionths(free - largest, free)) {
				TH_LOG("free %" PRIu64 ", the largest %" PRIu64, free, largest);
			}
		}
	}
}
#endif

TEST_HARNESS_MAIN
