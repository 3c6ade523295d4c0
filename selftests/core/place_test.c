// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: where extents are placed
 */
#include "core_unit.h"

TEST(whole_region)
{
	static const u64 capacities[] = {
		1, 2, 3, 63, 64, 65, 127, 128, 129, 664908, 699050, 1000003,
		UINT32_MAX, 1ULL << 32, (1ULL << 40) + 4096,
		(1ULL << 62) - 1, 1ULL << 62, (1ULL << 63) - 1, 1ULL << 63,
	};
	struct offset_extent extent, more;
	struct offset_alloc oa;
	size_t i;
	int again;

	for (i = 0; i < ARRAY_SIZE(capacities); i++) {
		ASSERT_EQ(0, init(&oa, capacities[i]));
		ASSERT_SOUND(&oa);
		for (again = 0; again < 2; again++) {
			EXPECT_EQ(capacities[i], largest_free(&oa));
			ASSERT_EQ(0, offset_alloc_alloc(&oa, capacities[i],
							again ? 1ULL << 63 : 0,
							&extent));
			EXPECT_EQ(0, extent.offset);
			EXPECT_EQ(capacities[i], extent.size);
			EXPECT_EQ(0, largest_free(&oa));
			EXPECT_EQ(-ENOSPC, offset_alloc_alloc(&oa, 1, 0, &more));
			ASSERT_SOUND(&oa);
			ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
			ASSERT_SOUND(&oa);
		}
		offset_alloc_destroy(&oa);
	}
}

TEST(exact_fit_of_small_sizes_always_found)
{
	/* Below this each size has a bin of its own */
	enum { N = OFFSET_ALLOC_EXACT_BINS - 1 };
	u64 sizes[4 * N], offsets[4 * N], order[4 * N];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 1;
	int i;

	for (i = 0; i < 4 * N; i++) {
		sizes[i] = i % N + 1;
		order[i] = i;
	}
	shuffle(&rng, sizes, 4 * N);
	make_holes(_metadata, &oa, sizes, offsets, 4 * N);
	shuffle(&rng, order, 4 * N);
	for (i = 0; i < 4 * N; i++) {
		u64 free_before = nr_free(&oa);

		ASSERT_EQ(0, alloc_grow(&oa, sizes[order[i]], 0, &extent));
		ASSERT_EQ(free_before - 1, nr_free(&oa));
	}
	EXPECT_EQ(0, nr_free(&oa));
	EXPECT_EQ(oa.capacity, (oa.capacity - oa.free));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(exact_fit_just_freed_is_found)
{
	enum { N = 63 };
	u64 sizes[N + 1], offsets[N + 1];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 base;
	int i, j;

	/* Among others in its bin, and with a larger one present */
	for (base = 1 << 12; base < 1 << 30; base *= 8) {
		sizes[0] = 3 * base;
		for (i = 0; i < N; i++) {
			for (j = 1; j <= N; j++)
				sizes[j] = base + (i + j) % N;
			make_holes(_metadata, &oa, sizes, offsets, N + 1);
			ASSERT_EQ(0, alloc_grow(&oa, sizes[N], 0, &extent));
			ASSERT_EQ(offsets[N], extent.offset);
			ASSERT_EQ(N, nr_free(&oa));
			offset_alloc_destroy(&oa);
		}
	}
}

TEST(exact_fit_found_among_all_of_its_bin)
{
	enum { N = 1000 };
	static u64 sizes[N], offsets[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 base = 1 << 16, rng = 2;
	int i;

	/* All in one bin, which is all there is */
	for (i = 0; i < N; i++)
		sizes[i] = base + i;
	shuffle(&rng, sizes, N);
	make_holes(_metadata, &oa, sizes, offsets, N);
	/* From the largest down: what doesn't fit exactly is too small */
	for (i = N - 1; i >= 0; i--)
		ASSERT_EQ(0, alloc_grow(&oa, base + i, 0, &extent));
	EXPECT_EQ(0, nr_free(&oa));
	EXPECT_EQ(0, oa.free);
	offset_alloc_destroy(&oa);
}

/* In a bin with few extents and in one with many, and whatever the order */
TEST(best_fit_of_its_bin)
{
	static u64 sizes[500], offsets[500];
	static const int numbers[] = { 1, 2, 8, 9, 10, 500 };
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 20, size;
	int i, j, n;

	for (i = 0; i < (int)ARRAY_SIZE(numbers); i++) {
		n = numbers[i];
		for (j = 0; j < n; j++)
			sizes[j] = (1 << 16) + 2 * j;
		shuffle(&rng, sizes, n);
		make_holes(_metadata, &oa, sizes, offsets, n);
		for (j = 0; j < n; j++) {
			/* One less than there is: one unit is left */
			size = (1 << 16) + 2 * j - 1;
			if (!j)
				size++;
			ASSERT_EQ(0, alloc_grow(&oa, size, 0, &extent));
			ASSERT_EQ((u64)n - 1 - j, nr_free(&oa) - j);
			ASSERT_SOUND(&oa);
		}
		EXPECT_EQ((u64)n - 1, oa.free);
		offset_alloc_destroy(&oa);
	}
}

/* However many others are in its bin, and no larger bin has one */
TEST(the_only_fit_is_found)
{
	static u64 sizes[5001], offsets[5001];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 21;
	int i, n;

	for (n = 1; n <= 5001; n *= 71) {
		for (i = 0; i < n; i++)
			sizes[i] = (1 << 20) + rng_below(&rng, 1000);
		sizes[rng_below(&rng, n)] = (1 << 20) + 1007;
		make_holes(_metadata, &oa, sizes, offsets, n);
		ASSERT_EQ(0, alloc_grow(&oa, (1 << 20) + 1003, 0, &extent));
		EXPECT_EQ(-ENOSPC, alloc_grow(&oa, (1 << 20) + 1003, 0, &extent));
		EXPECT_EQ(1, oa.failures);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

/* Sizes that lose up to a half of the memory where sizes are rounded */
TEST(uniform_sizes_reach_the_ceiling)
{
	static const u64 bases[] = { 32, 512, 8192, 131072, 33554432 };
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 3;
	size_t i;
	int kind;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		u64 odd[] = {
			bases[i], bases[i] - 17, bases[i] + 17,
			bases[i] * 9 / 10, bases[i] * 11 / 10,
		};

		for (kind = 0; kind < (int)ARRAY_SIZE(odd); kind++) {
			u64 size = odd[kind];
			u64 capacity = size * 2000 + size / 3;
			u64 *live = calloc(2000, sizeof(*live));
			int n, ops;

			ASSERT_NE(NULL, live);
			ASSERT_EQ(0, init(&oa, capacity));
			for (n = 0; n < 2000; n++) {
				ASSERT_EQ(0, alloc_grow(&oa, size, 0, &extent));
				live[n] = extent.handle;
			}
			for (ops = 0; ops < 100000;) {
				/* A few at a time, so that holes merge too */
				int holes = rng_between(&rng, 1, 20);

				ops += holes;
				shuffle(&rng, live, 2000);
				for (n = 0; n < holes; n++)
					ASSERT_EQ(0, offset_alloc_free(&oa, live[n]));
				for (n = 0; n < holes; n++) {
					ASSERT_EQ(0, alloc_grow(&oa, size, 0, &extent));
					live[n] = extent.handle;
				}
				ASSERT_EQ(2000 * size, (oa.capacity - oa.free));
			}
			ASSERT_SOUND(&oa);
			EXPECT_EQ(0, oa.failures);
			offset_alloc_destroy(&oa);
			free(live);
		}
	}
}

TEST(every_alignment_up_to_the_capacity)
{
	struct offset_extent first, extent, gap;
	struct offset_alloc oa;
	u64 size, align;
	int bits, shift;

	for (bits = 6; bits <= 62; bits += 14) {
		for (shift = 0; shift <= 63; shift++) {
			align = 1ULL << shift;
			for (size = 1; size < 1ULL << (bits - 1); size = size * 21 + 2) {
				ASSERT_EQ(0, init(&oa, 1ULL << bits));

				/* With nothing in the way: at 0 */
				ASSERT_EQ(0, alloc_grow(&oa, size, align, &extent));
				ASSERT_EQ(0, extent.offset);
				ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));

				ASSERT_EQ(0, alloc_grow(&oa, 3, 0, &first));
				ASSERT_EQ(0, first.offset);
				if (align + size > oa.capacity) {
					if (align >= 4)
						ASSERT_EQ(-ENOSPC,
							  alloc_grow(&oa, size, align, &extent));
					offset_alloc_destroy(&oa);
					continue;
				}
				ASSERT_EQ(0, alloc_grow(&oa, size, align, &extent));
				ASSERT_EQ(0, extent.offset & (align - 1));
				ASSERT_GE(extent.offset, 3);
				ASSERT_LE(extent.offset + size, oa.capacity);
				ASSERT_SOUND(&oa);

				/* The head is an extent of its own, not lost */
				if (extent.offset > 3) {
					ASSERT_EQ(0, alloc_grow(&oa, extent.offset - 3, 0, &gap));
					ASSERT_EQ(3, gap.offset);
				}
				ASSERT_SOUND(&oa);
				offset_alloc_destroy(&oa);
			}
		}
	}
}

TEST(aligned_exact_fit_preferred)
{
	/* At 1, 1024 and 1537 */
	static const u64 sizes[] = { 1022, 512, 3000 };
	u64 offsets[ARRAY_SIZE(sizes)];
	struct offset_extent extent;
	struct offset_alloc oa;

	make_holes(_metadata, &oa, sizes, offsets, ARRAY_SIZE(sizes));
	ASSERT_EQ(1024, offsets[1]);
	ASSERT_EQ(0, alloc_grow(&oa, 512, 512, &extent));
	EXPECT_EQ(1024, extent.offset);
	EXPECT_EQ(2, nr_free(&oa));

	/* 1022 is nearer to this size, but has no room at a multiple */
	ASSERT_EQ(0, alloc_grow(&oa, 600, 512, &extent));
	EXPECT_EQ(2048, extent.offset);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(aligned_request_found_in_the_last_resort)
{
	/*
	 * Free extents in more bins than are looked at first, none so large
	 * that it is sure to fit, one at a multiple of the alignment: the
	 * smallest, one between, the largest.
	 */
	enum { N = 40, SIZE = 33, ALIGN = 1024 };
	static const int good[] = { 0, N / 2, N - 1 };
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 handles[N], at, start = 0, good_start = 0;
	int i, j;

	for (i = 0; i < (int)ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, init(&oa, 1 << 20));
		ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
		at = 1;
		for (j = 0; j < N; j++) {
			start = (at / ALIGN + 1) * ALIGN;
			if (j == good[i])
				good_start = start;
			else
				start++;
			ASSERT_EQ(0, alloc_grow(&oa, start - at, 0, &extent));
			ASSERT_EQ(0, alloc_grow(&oa, SIZE + 1 + j * 20, 0, &extent));
			ASSERT_EQ(start, extent.offset);
			handles[j] = extent.handle;
			at = start + extent.size;
		}
		ASSERT_EQ(0, alloc_grow(&oa, oa.capacity - at, 0, &extent));
		for (j = 0; j < N; j++)
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[j]));
		ASSERT_EQ(N, nr_free(&oa));

		ASSERT_EQ(0, alloc_grow(&oa, SIZE, ALIGN, &extent));
		EXPECT_EQ(good_start, extent.offset);
		EXPECT_EQ(-ENOSPC, alloc_grow(&oa, SIZE, ALIGN, &extent));
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

/* A used extent of @before, a hole at @start of @size, a used one of @after */
static void make_hole_between(struct __test_metadata *_metadata,
			      struct offset_alloc *oa, u64 before, u64 start,
			      u64 size, u64 after)
{
	struct offset_extent extent, hole;

	ASSERT_EQ(0, init(oa, start + size + after));
	if (start > before)
		ASSERT_EQ(0, alloc_grow(oa, start - before, 0, &extent));
	if (before)
		ASSERT_EQ(0, alloc_grow(oa, before, 0, &extent));
	ASSERT_EQ(0, alloc_grow(oa, size, 0, &hole));
	ASSERT_EQ(start, hole.offset);
	if (after)
		ASSERT_EQ(0, alloc_grow(oa, after, 0, &extent));
	ASSERT_EQ(0, offset_alloc_free(oa, hole.handle));
	ASSERT_EQ(1, nr_free(oa));
}

TEST(placed_at_the_end_that_leaves_the_better_rest)
{
	static const struct {
		u64 before, start, hole, after;
		u64 size, align;
		u64 offset;
	} cases[] = {
		/* At the smaller neighbour */
		{ 10, 10, 1000, 20,	300, 0,		10 },
		{ 20, 20, 1000, 10,	300, 0,		720 },
		{ 10, 10, 1000, 10,	300, 0,		10 },
		/* An end of the region is a large neighbour */
		{ 0, 0, 1000, 10000,	300, 0,		700 },
		{ 1000, 1000, 1000, 0,	300, 0,		1000 },
		{ 0, 0, 1000, 0,	300, 0,		0 },
		/* Of a small extent the lower end, whatever the neighbours */
		{ 20, 20, 512, 10,	30, 0,		502 },
		{ 20, 20, 511, 10,	30, 0,		20 },
		{ 0, 0, 100, 1000,	30, 0,		0 },
		/* One rest rather than two, whatever the neighbours */
		{ 3, 3, 13, 1000,	4, 4,		12 },
		{ 1000, 1000, 99, 3,	4, 4,		1000 },
		{ 10, 1000, 99, 3,	4, 4,		1000 },
		/* Both ends leave one: the rule for neighbours */
		{ 10, 1000, 100, 3,	4, 4,		1096 },
		{ 3, 1000, 100, 10,	4, 4,		1000 },
		/* Both ends leave two: the same */
		{ 10, 1001, 101, 20,	4, 4,		1004 },
		{ 20, 1001, 101, 10,	4, 4,		1096 },
		/* Nothing is left */
		{ 20, 1024, 64, 10,	64, 64,		1024 },
	};
	struct offset_extent extent;
	struct offset_alloc oa;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		make_hole_between(_metadata, &oa, cases[i].before, cases[i].start,
				  cases[i].hole, cases[i].after);
		ASSERT_EQ(0, alloc_grow(&oa, cases[i].size, cases[i].align, &extent));
		EXPECT_EQ(cases[i].offset, extent.offset) {
			TH_LOG("case %zu", i);
		}
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

TEST(offsets_and_sizes_of_64_bits)
{
	struct offset_extent e[4], extent;
	struct offset_alloc oa;
	int i;

	ASSERT_EQ(0, init(&oa, OFFSET_ALLOC_MAX_CAPACITY));
	ASSERT_EQ(0, alloc_grow(&oa, (1ULL << 62) + 1, 0, &e[0]));
	EXPECT_EQ(0, e[0].offset);
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1ULL << 62, 0, &extent));
	ASSERT_EQ(0, alloc_grow(&oa, (1ULL << 61) + 12345, 0, &e[1]));
	EXPECT_EQ((1ULL << 62) + 1, e[1].offset);
	ASSERT_EQ(0, alloc_grow(&oa, 5ULL << 33, 1ULL << 60, &e[2]));
	EXPECT_EQ(7ULL << 60, e[2].offset);
	ASSERT_EQ(0, alloc_grow(&oa, largest_free(&oa), 0, &e[3]));
	EXPECT_LT(1ULL << 59, e[3].size);
	ASSERT_SOUND(&oa);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, offset_alloc_lookup(&oa, e[i].handle, &extent));
		EXPECT_EQ(0, memcmp(&e[i], &extent, sizeof(extent)));
		ASSERT_EQ(0, offset_alloc_free(&oa, e[i].handle));
		ASSERT_SOUND(&oa);
	}
	EXPECT_EQ(OFFSET_ALLOC_MAX_CAPACITY, largest_free(&oa));
	offset_alloc_destroy(&oa);
}

TEST(arguments_at_the_edges)
{
	u64 edges[3 * 66], rng = 5;
	static const u64 capacities[] = {
		1, 2, 3, 1000, 1ULL << 32, 1ULL << 62,
		(1ULL << 63) - 1, 1ULL << 63,
	};
	struct offset_extent extent, untouched = { 1, 2, 3 };
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_alloc oa;
	size_t c, i, j, n = 0;

	ASSERT_NE(NULL, before);
	edges[n++] = 0;
	for (i = 0; i < 64; i++) {
		edges[n++] = (1ULL << i) - 1;
		edges[n++] = 1ULL << i;
		edges[n++] = (1ULL << i) + 1;
	}
	edges[n++] = UINT64_MAX;
	edges[n++] = UINT64_MAX - 1;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		bool front = false;

		ASSERT_EQ(0, init(&oa, capacities[c]));
		/* Something in the way */
		if (capacities[c] > 3 && rng_below(&rng, 2)) {
			ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
			front = true;
		}
		snapshot_take(before, &oa);
		for (i = 0; i < n; i++) {
			for (j = 0; j < n; j++) {
				u64 size = edges[i], align = edges[j];
				int err, expected = 0;
				u64 offset = 0;

				if (front)
					offset = align ?: 1;
				if (!size || size > capacities[c] || (align & (align - 1)))
					expected = -EINVAL;
				else if (offset >= capacities[c] ||
					 size > capacities[c] - offset)
					expected = -ENOSPC;

				extent = untouched;
				err = alloc_grow(&oa, size, align, &extent);
				ASSERT_EQ(expected, err) {
					TH_LOG("capacity %#" PRIx64 " size %#" PRIx64
					       " align %#" PRIx64,
					       capacities[c], size, align);
				}
				if (!err) {
					ASSERT_EQ(0, extent.offset & (align ? align - 1 : 0));
					ASSERT_LE(extent.offset, capacities[c] - size);
					ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
					snapshot_restore(before, &oa);
					continue;
				}
				ASSERT_EQ(0, memcmp(&extent, &untouched, sizeof(extent)));
				if (err == -ENOSPC)
					ASSERT_EQ(before->oa.failures + 1, oa.failures);
				/* What is known to be too large is remembered. */
				ASSERT_GE(oa.bound, largest_free(&oa));
				oa.bound = before->oa.bound;
				oa.failures = before->oa.failures;
				ASSERT_TRUE(snapshot_same(before, &oa));
			}
		}
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	free(before);
}

TEST_HARNESS_MAIN
