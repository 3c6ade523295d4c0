// SPDX-License-Identifier: GPL-2.0
/*
 * The promises of the offset allocator, one test each
 *
 * The source of the allocator is included, not linked: some tests damage its
 * state, make its memory run out, or compare all of it before and after.
 */
#include "kselftest_harness.h"

#include <inttypes.h>

/* What same_calls_same_offsets() makes of all its results */
#define GOLDEN_HASH	0x6545601d1ae2c5c5ULL

/* The so many-th allocation of memory from now on fails; 0: none */
static int fail_nth;

static void *test_aligned_alloc(size_t align, size_t size)
{
	if (fail_nth && !--fail_nth)
		return NULL;
	return aligned_alloc(align, size);
}

static void *test_calloc(size_t n, size_t size)
{
	if (fail_nth && !--fail_nth)
		return NULL;
	return calloc(n, size);
}

#define aligned_alloc test_aligned_alloc
#define calloc test_calloc
#include "offset_alloc.c"
#undef aligned_alloc
#undef calloc

#include "core_test.h"

#define ASSERT_SOUND(oa) \
	ASSERT_STREQ("sound", offset_alloc_check(oa) ?: "sound")

static void shuffle(u64 *rng, u64 *v, size_t n)
{
	while (n > 1) {
		size_t i = rng_below(rng, n--);
		u64 swap = v[i];

		v[i] = v[n];
		v[n] = swap;
	}
}

static u64 largest_free(const struct offset_alloc *oa)
{
	struct offset_alloc_report report;

	offset_alloc_report(oa, &report);
	return report.largest_free;
}

/* All that an allocator consists of, to compare or to put back */
struct snapshot {
	struct offset_alloc oa;
	struct offset_alloc_chunk *directory[8];
	struct offset_alloc_chunk chunks[8];
};

static void snapshot_take(struct snapshot *s, const struct offset_alloc *oa)
{
	u32 i;

	if (oa->nr_chunks > ARRAY_SIZE(s->chunks))
		abort();
	memset(s, 0, sizeof(*s));
	s->oa = *oa;
	for (i = 0; i < oa->nr_chunks; i++) {
		s->directory[i] = oa->chunks[i];
		s->chunks[i] = *oa->chunks[i];
	}
}

static void snapshot_restore(const struct snapshot *s, struct offset_alloc *oa)
{
	u32 i;

	*oa = s->oa;
	for (i = 0; i < oa->nr_chunks; i++) {
		oa->chunks[i] = s->directory[i];
		*oa->chunks[i] = s->chunks[i];
	}
}

static bool snapshot_same(const struct snapshot *s, const struct offset_alloc *oa)
{
	u32 i;

	if (memcmp(&s->oa, oa, sizeof(*oa)))
		return false;
	for (i = 0; i < oa->nr_chunks; i++)
		if (oa->chunks[i] != s->directory[i] ||
		    memcmp(&s->chunks[i], oa->chunks[i], sizeof(s->chunks[i])))
			return false;
	return true;
}

/* Allocate holes of the given sizes, each between two separators of one unit */
static void make_holes(struct __test_metadata *_metadata, struct offset_alloc *oa,
		       const u64 *sizes, u64 *offsets, size_t n)
{
	struct offset_extent extent;
	u64 *handles = calloc(n, sizeof(*handles));
	u64 total = 1, rest;
	size_t i;

	ASSERT_NE(NULL, handles);
	for (i = 0; i < n; i++)
		total += sizes[i] + 1;
	ASSERT_EQ(0, offset_alloc_init(oa, total));

	/* The end of the region counts as a large neighbour: so upwards */
	rest = total - 1;
	ASSERT_EQ(0, alloc_grow(oa, 1, 0, &extent));
	ASSERT_EQ(0, extent.offset);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, alloc_grow(oa, sizes[i], 0, &extent));
		ASSERT_EQ(total - rest, extent.offset);
		handles[i] = extent.handle;
		offsets[i] = extent.offset;
		rest -= sizes[i];
		ASSERT_EQ(0, alloc_grow(oa, 1, 0, &extent));
		ASSERT_EQ(total - rest, extent.offset);
		rest -= 1;
	}
	ASSERT_EQ(0, rest);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, offset_alloc_free(oa, handles[i]));
	ASSERT_SOUND(oa);
	free(handles);
}

TEST(init_refuses_capacities_out_of_range)
{
	static const u64 bad[] = {
		0, OFFSET_ALLOC_MAX_CAPACITY + 1, 1ULL << 63, UINT64_MAX,
	};
	struct offset_alloc oa;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, offset_alloc_init(&oa, bad[i]));
		offset_alloc_destroy(&oa);
	}
}

TEST(init_fails_clean_without_memory)
{
	struct offset_alloc oa;
	int i, err;

	for (i = 1;; i++) {
		fail_nth = i;
		err = offset_alloc_init(&oa, 1 << 20);
		offset_alloc_destroy(&oa);
		offset_alloc_destroy(&oa);
		if (!err)
			break;
		EXPECT_EQ(-ENOMEM, err);
	}
	EXPECT_EQ(3, i);	/* the directory, a chunk */

	fail_nth = 1;
	EXPECT_EQ(NULL, offset_alloc_chunk_new());
	offset_alloc_chunk_free(NULL);
}

TEST(whole_region)
{
	static const u64 capacities[] = {
		1, 2, 3, 63, 64, 65, 127, 128, 129, 664908, 699050, 1000003,
		UINT32_MAX, 1ULL << 32, (1ULL << 40) + 4096,
		(1ULL << 62) - 1, 1ULL << 62,
	};
	struct offset_extent extent, more;
	struct offset_alloc oa;
	size_t i;
	int again;

	for (i = 0; i < ARRAY_SIZE(capacities); i++) {
		ASSERT_EQ(0, offset_alloc_init(&oa, capacities[i]));
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
	/* Below 2 * ROW_BINS each size has a bin of its own */
	enum { N = 2 * OFFSET_ALLOC_ROW_BINS - 1 };
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
		u64 free_before = oa.nr_free;

		ASSERT_EQ(0, alloc_grow(&oa, sizes[order[i]], 0, &extent));
		ASSERT_EQ(free_before - 1, oa.nr_free);
	}
	EXPECT_EQ(0, oa.nr_free);
	EXPECT_EQ(oa.capacity, oa.used);
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
			ASSERT_EQ(N, oa.nr_free);
			offset_alloc_destroy(&oa);
		}
	}
}

TEST(exact_fit_found_among_those_scanned)
{
	enum { N = OFFSET_ALLOC_SCAN + FEW };
	u64 sizes[N], offsets[N];
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
	EXPECT_EQ(0, oa.nr_free);
	EXPECT_EQ(oa.capacity, oa.used);
	offset_alloc_destroy(&oa);
}

TEST(smallest_of_the_first_fits)
{
	static const u64 sizes[] = { 1031, 1024, 1026, 1029 };
	u64 offsets[ARRAY_SIZE(sizes)];
	struct offset_extent extent;
	struct offset_alloc oa;

	/* The last freed is looked at first: 1029, 1026 */
	make_holes(_metadata, &oa, sizes, offsets, ARRAY_SIZE(sizes));
	ASSERT_EQ(0, alloc_grow(&oa, 1025, 0, &extent));
	EXPECT_LE(offsets[2], extent.offset);
	EXPECT_GT(offsets[3], extent.offset);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(search_is_bounded_as_documented)
{
	/* The one that fits is freed first, thus looked at last */
	u64 sizes[OFFSET_ALLOC_SCAN + FEW + 1], offsets[ARRAY_SIZE(sizes)];
	struct offset_extent extent;
	struct offset_alloc oa;
	size_t i, n;

	sizes[0] = 1031;
	for (i = 1; i < ARRAY_SIZE(sizes); i++)
		sizes[i] = 1024;
	for (n = ARRAY_SIZE(sizes) - 1; n <= ARRAY_SIZE(sizes); n++) {
		make_holes(_metadata, &oa, sizes, offsets, n);
		if (n <= OFFSET_ALLOC_SCAN + FEW) {
			ASSERT_EQ(0, alloc_grow(&oa, 1030, 0, &extent));
		} else {
			EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1030, 0, &extent));
			EXPECT_EQ(1, oa.failures);
			EXPECT_EQ(1024, largest_free(&oa));
		}
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
			ASSERT_EQ(0, offset_alloc_init(&oa, capacity));
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
				ASSERT_EQ(2000 * size, oa.used);
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

	for (bits = 6; bits <= 62; bits += 7) {
		for (shift = 0; shift <= 63; shift++) {
			align = 1ULL << shift;
			for (size = 1; size < 1ULL << (bits - 1); size = size * 5 + 2) {
				ASSERT_EQ(0, offset_alloc_init(&oa, 1ULL << bits));

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
	EXPECT_EQ(2, oa.nr_free);

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
		ASSERT_EQ(0, offset_alloc_init(&oa, 1 << 20));
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
		ASSERT_EQ(N, oa.nr_free);

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

	ASSERT_EQ(0, offset_alloc_init(oa, start + size + after));
	if (start > before)
		ASSERT_EQ(0, alloc_grow(oa, start - before, 0, &extent));
	if (before)
		ASSERT_EQ(0, alloc_grow(oa, before, 0, &extent));
	ASSERT_EQ(0, alloc_grow(oa, size, 0, &hole));
	ASSERT_EQ(start, hole.offset);
	if (after)
		ASSERT_EQ(0, alloc_grow(oa, after, 0, &extent));
	ASSERT_EQ(0, offset_alloc_free(oa, hole.handle));
	ASSERT_EQ(1, oa->nr_free);
}

TEST(placed_at_the_end_that_leaves_the_better_rest)
{
	static const struct {
		u64 before, start, hole, after;
		u64 size, align;
		u64 offset;
	} cases[] = {
		/* At the smaller neighbour */
		{ 10, 10, 100, 20,	30, 0,		10 },
		{ 20, 20, 100, 10,	30, 0,		90 },
		{ 10, 10, 100, 10,	30, 0,		10 },
		/* An end of the region is a large neighbour */
		{ 0, 0, 100, 1000,	30, 0,		70 },
		{ 1000, 1000, 100, 0,	30, 0,		1000 },
		{ 0, 0, 100, 0,		30, 0,		0 },
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

TEST(handles_that_name_nothing)
{
	struct offset_extent a, b, c, stale, dummy = { 0 };
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_alloc oa, other;
	u64 handle;
	u32 index;
	int bit;

	ASSERT_NE(NULL, before);
	ASSERT_EQ(0, offset_alloc_init(&oa, 5000));
	ASSERT_EQ(0, offset_alloc_init(&other, 5000));
	ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &a));
	ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &stale));
	ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &b));
	ASSERT_EQ(0, offset_alloc_free(&oa, stale.handle));
	/* Takes the same place, offset and node */
	ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &c));
	ASSERT_EQ(stale.offset, c.offset);
	ASSERT_EQ((u32)stale.handle, (u32)c.handle);
	ASSERT_NE(stale.handle, c.handle);
	ASSERT_EQ(0, offset_alloc_free(&oa, b.handle));
	snapshot_take(before, &oa);

	/* Stale, double, of another allocator that has fewer */
	EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, stale.handle));
	EXPECT_EQ(-ENOENT, offset_alloc_lookup(&oa, stale.handle, &dummy));
	EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, b.handle));
	EXPECT_EQ(-ENOENT, offset_alloc_lookup(&oa, b.handle, &dummy));
	EXPECT_EQ(-ENOENT, offset_alloc_free(&other, a.handle));
	EXPECT_EQ(-ENOENT, offset_alloc_free(&other, c.handle));

	/* One bit wrong */
	for (bit = 0; bit < 64; bit++) {
		handle = a.handle ^ 1ULL << bit;
		if (handle == c.handle)
			continue;
		EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, handle));
		EXPECT_EQ(-ENOENT, offset_alloc_lookup(&oa, handle, &dummy));
	}

	/* What a free or spare node, or the sentinel, has for a generation */
	for (index = 0; index < 3 * CHUNK_NODES; index++) {
		u32 generations[] = {
			0, 1, 2, 3, 4, 5, index, index + 1, UINT32_MAX,
			index < CHUNK_NODES ? node_at(&oa, index)->bin_next : 7,
		};
		size_t i;

		for (i = 0; i < ARRAY_SIZE(generations); i++) {
			handle = (u64)generations[i] << 32 | index;
			if (handle == a.handle || handle == c.handle)
				continue;
			ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, handle));
			ASSERT_EQ(-ENOENT, offset_alloc_lookup(&oa, handle, &dummy));
		}
	}
	EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, UINT64_MAX));
	EXPECT_EQ(0, dummy.offset | dummy.size | dummy.handle);
	EXPECT_TRUE(snapshot_same(before, &oa));

	/* The real ones still work, once */
	EXPECT_EQ(0, offset_alloc_lookup(&oa, a.handle, &dummy));
	EXPECT_EQ(0, memcmp(&a, &dummy, sizeof(a)));
	EXPECT_EQ(0, offset_alloc_free(&oa, a.handle));
	EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, a.handle));
	EXPECT_EQ(0, offset_alloc_free(&oa, c.handle));
	EXPECT_EQ(1, oa.nr_free);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&other);
	offset_alloc_destroy(&oa);
	free(before);
}

TEST(generations_skip_zero)
{
	struct offset_extent extent;
	struct offset_alloc oa;
	u32 last;
	int i;

	ASSERT_EQ(0, offset_alloc_init(&oa, 100));
	oa.generation = UINT32_MAX - 3;
	last = oa.generation;
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, 100, 0, &extent));
		ASSERT_EQ(last == UINT32_MAX ? 1 : last + 1, extent.handle >> 32);
		last = extent.handle >> 32;
		ASSERT_SOUND(&oa);
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, extent.handle));
	}
	offset_alloc_destroy(&oa);
}

TEST(free_merges_at_once)
{
	enum { N = 3000 };
	u64 *handles = calloc(N, sizeof(*handles));
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng, total;
	int i, round;

	ASSERT_NE(NULL, handles);
	for (round = 0; round < 4; round++) {
		rng = round + 4;
		ASSERT_EQ(0, offset_alloc_init(&oa, 1ULL << 40));
		total = 0;
		for (i = 0; i < N; i++) {
			u64 size = i < N - 1 ? rng_between(&rng, 1, 1 << (i % 24)) :
					       oa.capacity - total;

			ASSERT_EQ(0, alloc_grow(&oa, size, 0, &extent));
			handles[i] = extent.handle;
			total += size;
		}
		ASSERT_EQ(oa.capacity, oa.used);
		ASSERT_EQ(0, oa.nr_free);
		/* In order, against it, and in no order */
		for (i = 0; round == 1 && i < N / 2; i++) {
			u64 swap = handles[i];

			handles[i] = handles[N - 1 - i];
			handles[N - 1 - i] = swap;
		}
		if (round > 1)
			shuffle(&rng, handles, N);
		for (i = 0; i < N; i++) {
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
			if (round < 2)
				ASSERT_EQ(1, oa.nr_free);
			if (i % 50 == 0)
				ASSERT_SOUND(&oa);
		}
		EXPECT_EQ(1, oa.nr_free);
		EXPECT_EQ(0, oa.used);
		EXPECT_EQ(oa.capacity, largest_free(&oa));
		EXPECT_EQ(oa.nr_chunks * CHUNK_NODES - 2, oa.nr_spare);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	free(handles);
}

TEST(offsets_and_sizes_of_64_bits)
{
	struct offset_extent e[4], extent;
	struct offset_alloc oa;
	int i;

	ASSERT_EQ(0, offset_alloc_init(&oa, OFFSET_ALLOC_MAX_CAPACITY));
	ASSERT_EQ(0, alloc_grow(&oa, (1ULL << 61) + 1, 0, &e[0]));
	EXPECT_EQ(0, e[0].offset);
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1ULL << 61, 0, &extent));
	ASSERT_EQ(0, alloc_grow(&oa, (1ULL << 60) + 12345, 0, &e[1]));
	EXPECT_EQ((1ULL << 61) + 1, e[1].offset);
	ASSERT_EQ(0, alloc_grow(&oa, 5ULL << 32, 1ULL << 59, &e[2]));
	EXPECT_EQ(7ULL << 59, e[2].offset);
	ASSERT_EQ(0, alloc_grow(&oa, largest_free(&oa), 0, &e[3]));
	EXPECT_LT(1ULL << 58, e[3].size);
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
		1, 2, 3, 1000, 1ULL << 32, 1ULL << 61, (1ULL << 62) - 1, 1ULL << 62,
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

		ASSERT_EQ(0, offset_alloc_init(&oa, capacities[c]));
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
				oa.failures = before->oa.failures;
				ASSERT_TRUE(snapshot_same(before, &oa));
			}
		}
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	free(before);
}

TEST(without_a_chunk_nothing_changes)
{
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_extent extent, last = { 0 }, untouched = { 1, 2, 3 };
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	struct offset_alloc_chunk *second = offset_alloc_chunk_new();
	struct offset_alloc oa;
	int n;

	ASSERT_TRUE(before && chunk && second);
	ASSERT_EQ(0, offset_alloc_init(&oa, 1 << 20));
	EXPECT_EQ(-EEXIST, offset_alloc_add_chunk(&oa, chunk));

	/* 1024 nodes but the sentinel and one free extent; two more for safety */
	for (n = 0; offset_alloc_ready(&oa); n++)
		ASSERT_EQ(0, offset_alloc_alloc(&oa, 3, 0, &last));
	EXPECT_EQ(1021, n);
	EXPECT_EQ(1, oa.nr_spare);

	/* Both remainders: two nodes */
	snapshot_take(before, &oa);
	extent = untouched;
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_EQ(0, memcmp(&extent, &untouched, sizeof(extent)));
	EXPECT_TRUE(snapshot_same(before, &oa));

	/* One remainder: the last node */
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 1, 0, &extent));
	EXPECT_EQ(0, oa.nr_spare);
	snapshot_take(before, &oa);
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 0, &extent));
	EXPECT_EQ(-ENOMEM, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_TRUE(snapshot_same(before, &oa));
	ASSERT_SOUND(&oa);

	/* No remainder: no node */
	EXPECT_EQ(0, offset_alloc_free(&oa, last.handle));
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 3, 0, &last));

	EXPECT_EQ(0, offset_alloc_add_chunk(&oa, chunk));
	EXPECT_TRUE(offset_alloc_ready(&oa));
	EXPECT_EQ(-EEXIST, offset_alloc_add_chunk(&oa, second));
	ASSERT_SOUND(&oa);
	EXPECT_EQ(0, offset_alloc_alloc(&oa, 1, 4096, &extent));
	EXPECT_EQ(0, oa.failures);
	ASSERT_SOUND(&oa);
	offset_alloc_chunk_free(second);
	offset_alloc_destroy(&oa);
	free(before);
}

TEST(nodes_for_every_unit)
{
	/* The worst case fits exactly, or with most of a chunk to spare */
	static const u64 capacities[] = { 1, 2, 1022, 1023, 1024, 2047, 2048 };
	struct offset_extent extent;
	struct offset_alloc_chunk *chunk;
	struct offset_alloc oa;
	u64 handles[2048], n, i;
	size_t c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		ASSERT_EQ(0, offset_alloc_init(&oa, capacities[c]));
		for (n = 0; n < capacities[c]; n++) {
			/* Scattered first, to have as many free extents as can be */
			if (alloc_grow(&oa, 1, n % 2 ? 0 : 2, &extent))
				ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
			handles[n] = extent.handle;
		}
		ASSERT_EQ(capacities[c], oa.used);
		ASSERT_SOUND(&oa);
		for (i = 0; i < n; i += 2)
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
		ASSERT_SOUND(&oa);
		for (i = 0; i < n; i += 2)
			ASSERT_EQ(0, alloc_grow(&oa, 1, 0, &extent));
		ASSERT_EQ(oa.max_chunks, oa.nr_chunks);
		EXPECT_TRUE(offset_alloc_ready(&oa));
		chunk = offset_alloc_chunk_new();
		EXPECT_EQ(-ENOSPC, offset_alloc_add_chunk(&oa, chunk));
		offset_alloc_chunk_free(chunk);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
}

TEST(the_last_node_of_all)
{
	struct offset_extent extent;
	struct offset_alloc oa;
	u32 max_chunks;
	int n;

	/* As with 2^28 nodes, without the 8 GiB for them */
	ASSERT_EQ(0, offset_alloc_init(&oa, 1ULL << 40));
	EXPECT_EQ(1 << 18, oa.max_chunks);
	max_chunks = oa.max_chunks;
	oa.max_chunks = 1;
	for (n = 0; n < 1022; n++)
		ASSERT_EQ(0, alloc_grow(&oa, 7, 0, &extent));
	EXPECT_TRUE(offset_alloc_ready(&oa));
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 7, 0, &extent));
	EXPECT_EQ(1, oa.failures);
	EXPECT_EQ(0, offset_alloc_free(&oa, extent.handle));
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1, 1 << 20, &extent));
	EXPECT_EQ(0, alloc_grow(&oa, largest_free(&oa), 0, &extent));
	oa.max_chunks = max_chunks;
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

TEST(grows_with_the_live_extents)
{
	enum { N = 150000 };
	u64 *handles = calloc(N, sizeof(*handles));
	struct offset_alloc_report report;
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 rng = 6, used = 0;
	int i;

	ASSERT_NE(NULL, handles);
	ASSERT_EQ(0, offset_alloc_init(&oa, 1ULL << 36));
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(1024, report.nodes);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, rng_between(&rng, 1, 1000), 0, &extent));
		handles[i] = extent.handle;
		used += extent.size;
	}
	ASSERT_SOUND(&oa);
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(N, report.nr_used);
	EXPECT_EQ(used, report.used);
	EXPECT_LE(N + 2, report.nodes);
	EXPECT_GT(N + 2 + 2 * CHUNK_NODES, report.nodes);
	shuffle(&rng, handles, N);
	for (i = 0; i < N; i++)
		ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
	ASSERT_SOUND(&oa);
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(1, report.nr_free);
	EXPECT_EQ(1ULL << 36, report.largest_free);
	offset_alloc_destroy(&oa);
	free(handles);
}

TEST(report_tells_the_state)
{
	static const u64 sizes[] = { 5, 1000, 70, 1000, 1001 };
	struct offset_extent extent, more;
	struct offset_alloc_report report;
	u64 offsets[ARRAY_SIZE(sizes)];
	struct offset_alloc oa;

	make_holes(_metadata, &oa, sizes, offsets, ARRAY_SIZE(sizes));
	ASSERT_EQ(0, alloc_grow(&oa, 70, 0, &extent));
	ASSERT_EQ(-ENOSPC, alloc_grow(&oa, 1002, 0, &more));
	ASSERT_EQ(-EINVAL, alloc_grow(&oa, 0, 0, &more));
	ASSERT_EQ(-EINVAL, alloc_grow(&oa, 1, 3, &more));
	ASSERT_EQ(-EINVAL, alloc_grow(&oa, oa.capacity + 1, 0, &more));
	ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, 0));
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(3082, report.capacity);
	EXPECT_EQ(76, report.used);
	EXPECT_EQ(3082, report.peak);
	EXPECT_EQ(1001, report.largest_free);
	EXPECT_EQ(7, report.nr_used);
	EXPECT_EQ(4, report.nr_free);
	EXPECT_EQ(12, report.allocs);
	EXPECT_EQ(5, report.frees);
	EXPECT_EQ(1, report.failures);
	EXPECT_EQ(1024, report.nodes);
	EXPECT_EQ(32, OFFSET_ALLOC_NODE_SIZE);
	offset_alloc_destroy(&oa);
}

TEST(largest_free_can_be_had)
{
	enum { N = 400 };
	u64 handles[N], rng = 7;
	struct offset_extent extent;
	struct offset_alloc oa;
	int i, ops;
	u64 largest;

	ASSERT_EQ(0, offset_alloc_init(&oa, 1000003));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, rng_between(&rng, 1, 2400), 0, &extent));
		handles[i] = extent.handle;
	}
	for (ops = 0; ops < 20000; ops++) {
		i = rng_below(&rng, N);
		if (handles[i]) {
			ASSERT_EQ(0, offset_alloc_free(&oa, handles[i]));
			handles[i] = 0;
		} else if (!alloc_grow(&oa, rng_between(&rng, 1, 4000), 0, &extent)) {
			handles[i] = extent.handle;
		}
		largest = largest_free(&oa);
		ASSERT_EQ(0, alloc_grow(&oa, largest, 0, &extent));
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
	}
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
}

/* A mixed load that is the same everywhere; returns a hash of all its results */
static u64 run_hashed(u64 seed, bool *sound)
{
	enum { N = 3000 };
	static u64 handles[N];
	struct offset_extent extent;
	struct offset_alloc oa;
	u64 hash = 0xcbf29ce484222325ULL;
	u64 rng = seed;
	int ops;

	memset(handles, 0, sizeof(handles));
	*sound = false;
	if (offset_alloc_init(&oa, (1ULL << 33) + 12345))
		return 0;
	for (ops = 0; ops < 100000; ops++) {
		u32 i = rng_below(&rng, N);
		u64 value;

		if (handles[i]) {
			value = offset_alloc_free(&oa, handles[i]);
			handles[i] = 0;
		} else {
			u64 size = rng_between(&rng, 1, 1ULL << rng_below(&rng, 26));
			u64 align = rng_below(&rng, 4) ? 0 : 1ULL << rng_below(&rng, 24);
			int err = alloc_grow(&oa, size, align, &extent);

			value = err;
			if (!err) {
				handles[i] = extent.handle;
				value = extent.offset ^ extent.handle << 7;
			}
		}
		hash = (hash ^ value) * 0x100000001b3ULL;
	}
	*sound = !offset_alloc_check(&oa);
	offset_alloc_destroy(&oa);
	return hash;
}

TEST(same_calls_same_offsets)
{
	bool sound;
	u64 hash;

	hash = run_hashed(1, &sound);
	EXPECT_TRUE(sound);
	EXPECT_EQ(hash, run_hashed(1, &sound));
	EXPECT_TRUE(sound);
	EXPECT_NE(hash, run_hashed(2, &sound));

	/* On other machines too; a change of the placement changes this */
	EXPECT_EQ(GOLDEN_HASH, hash) {
		TH_LOG("hash %#" PRIx64, hash);
	}
}

/* A state with several chunks, many bins, deep bins, spare nodes in all chunks */
static void make_busy(struct __test_metadata *_metadata, struct offset_alloc *oa,
		      u64 seed)
{
	enum { N = 2600 };
	static u64 handles[N];
	struct offset_extent extent;
	u64 rng = seed;
	int i;

	ASSERT_EQ(0, offset_alloc_init(oa, 1ULL << 22));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, alloc_grow(oa, rng_between(&rng, 1, 1 << (i % 11)), 0,
					&extent));
		handles[i] = extent.handle;
	}
	shuffle(&rng, handles, N);
	for (i = 0; i < N / 2; i++)
		ASSERT_EQ(0, offset_alloc_free(oa, handles[i]));
	ASSERT_LE(3, oa->nr_chunks);
	ASSERT_LE(100, oa->nr_spare);
	ASSERT_SOUND(oa);
}

enum kind { KIND_FREE, KIND_USED, KIND_SPARE };

static u32 find_kind(const struct offset_alloc *oa, enum kind kind, u32 from)
{
	u32 index;

	for (index = from; index < nr_nodes(oa); index++) {
		const struct offset_alloc_node *node = node_at(oa, index);

		if (kind == KIND_SPARE && node->bin_prev == NODE_SPARE)
			return index;
		if (node->size < 3)
			continue;
		if (kind == KIND_FREE && node_is_free(node) && node->bin_next &&
		    node->bin_prev)
			return index;
		if (kind == KIND_USED && node->bin_prev == NODE_USED)
			return index;
	}
	abort();
}

/* Kinds of damage that a flipped bit is not: consistent here, wrong there */
static const char *damage(struct offset_alloc *oa, int kind)
{
	u32 f = find_kind(oa, KIND_FREE, 1);
	u32 u = find_kind(oa, KIND_USED, 1);
	u32 s = find_kind(oa, KIND_SPARE, 1);
	struct offset_alloc_node *node_f = node_at(oa, f);
	struct offset_alloc_node *node_u = node_at(oa, u);
	struct offset_alloc_node *node_s = node_at(oa, s);
	struct offset_alloc_node *next;
	u32 bin;

	switch (kind) {
	case 0:
		node_u->bin_next = 0;
		return "used extent without a generation";
	case 1:
		/* Not on its list any more, which is sound without it */
		bin_remove(oa, bin_of(node_f->size), node_f);
		node_f->bin_prev = NIL;
		node_f->bin_next = NIL;
		return "free extent in no bin";
	case 2:
		bin = bin_of(node_f->size);
		bin_remove(oa, bin, node_f);
		bin_insert(oa, bin + 1, f, node_f);
		return "extent in the wrong bin";
	case 3:
		/* In its bin, but used */
		node_f->bin_prev = NODE_USED;
		return "count of used units wrong";
	case 4:
		/* Free, but in no bin */
		node_u->bin_prev = NIL;
		node_u->bin_next = NIL;
		oa->used -= node_u->size;
		oa->nr_used--;
		oa->nr_free++;
		oa->frees++;
		return "";	/* of several, by its neighbours */
	case 5:
		/* As after a merge forgotten: cut a free extent in two */
		next = node_at(oa, spare_get(oa));
		next->offset = node_f->offset + node_f->size - 1;
		next->size = 1;
		link_between(oa, next - oa->chunks[0]->nodes, next, f, node_f->next);
		bin_insert(oa, 1, next - oa->chunks[0]->nodes, next);
		resize_free(oa, f, node_f, node_f->size - 1);
		oa->nr_free++;
		return "two free neighbours";
	case 6:
		/* A hole in the region */
		node_u->size--;
		oa->used--;
		return "extent doesn't begin where the one before it ends";
	case 7:
		/* Skipped by the circle both ways, as if freed into nowhere */
		unlink_between(oa, node_u->prev, node_u->next);
		return "extent doesn't begin where the one before it ends";
	case 8:
		/* Lost: neither extent nor spare */
		oa->spare = spare_next(node_at(oa, oa->spare), oa->spare);
		oa->nr_spare--;
		return "spare node not on the spare list";
	case 9:
		/* Twice on the spare list, which has no end then */
		spare_set_next(node_s, s, oa->spare);
		return "";
	case 10:
		/* A used node on the spare list */
		spare_set_next(node_at(oa, oa->spare), oa->spare, u);
		return "node on the spare list but not spare";
	case 11:
		oa->spare = nr_nodes(oa);
		return "spare link out of range";
	case 12:
		node_s->bin_prev = NODE_USED;
		return "used node outside of the region";
	case 13:
		node_s->bin_prev = NIL;
		return "free node outside of the region";
	case 14:
		node_s->bin_prev = NODE_SENTINEL;
		return "node of no kind";
	case 15:
		/* A bin list that runs in a circle */
		node_f->bin_next = f;
		return "bin links disagree";
	case 16:
		node_f->bin_next = nr_nodes(oa);
		return "bin link out of range";
	case 17:
		node_f->bin_next = u;
		return "extent in a bin but not free";
	case 18:
		node_u->next = nr_nodes(oa);
		return "neighbour link out of range";
	case 19:
		/* The circle closed too early */
		node_u->next = SENTINEL;
		return "neighbour links disagree";
	case 20:
		node_u->next = SENTINEL;
		node_at(oa, SENTINEL)->prev = u;
		return "extents don't cover the capacity";
	case 21:
		node_u->next = u;
		return "neighbour links disagree";
	case 22:
		node_u->size = 0;
		return "size of an extent out of range";
	case 23:
		node_u->size = UINT64_MAX;
		return "size of an extent out of range";
	case 24:
		oa->bins[57] |= BIT_ULL(63);
		oa->rows |= BIT_ULL(57);
		return "bitmap of bins disagrees with the bins";
	case 25:
		oa->rows |= BIT_ULL(57);
		return "bitmap of rows disagrees with the bins";
	case 26:
		oa->rows |= BIT_ULL(OFFSET_ALLOC_ROWS);
		return "bitmap of rows too long";
	case 27:
		oa->peak = oa->used - 1;
		return "peak out of range";
	case 28:
		oa->frees++;
		return "counts of allocations and frees disagree with the extents";
	case 29:
		oa->nr_free++;
		return "count of free extents wrong";
	case 30:
		oa->nr_used--;
		return "count of used extents wrong";
	case 31:
		oa->nr_spare++;
		return "count of spare nodes wrong";
	case 32:
		oa->chunks[1] = NULL;
		return "chunk missing";
	case 33:
		oa->nr_chunks = oa->max_chunks + 1;
		return "number of chunks out of range";
	case 34:
		oa->max_chunks++;
		return "directory not of the size for the capacity";
	case 35:
		oa->capacity = 0;
		return "capacity out of range";
	case 36:
		node_at(oa, SENTINEL)->size = 0;
		return "sentinel damaged";
	case 37:
		node_u->bin_prev = MAX_NODES;
		return "extent neither used nor free";
	case 38:
		node_at(oa, SENTINEL)->prev = u;
		return "neighbour links disagree";
	}
	return NULL;
}

TEST(check_names_the_broken_rule)
{
	struct snapshot *sound = malloc(sizeof(*sound));
	const char *rule, *found;
	struct offset_alloc oa;
	int kind;

	ASSERT_NE(NULL, sound);
	make_busy(_metadata, &oa, 8);
	snapshot_take(sound, &oa);
	for (kind = 0; (rule = damage(&oa, kind)); kind++) {
		found = offset_alloc_check(&oa);
		EXPECT_NE(NULL, found) {
			TH_LOG("damage %d not found", kind);
		}
		if (found && *rule)
			EXPECT_STREQ(rule, found) {
				TH_LOG("damage %d", kind);
			}
		snapshot_restore(sound, &oa);
		ASSERT_SOUND(&oa);
	}
	EXPECT_EQ(39, kind);
	offset_alloc_destroy(&oa);
	free(sound);
}

/* Every bit of state that means something */
TEST(check_finds_any_flipped_bit)
{
	struct snapshot *sound = malloc(sizeof(*sound));
	struct offset_alloc oa;
	u64 rng = 9;
	u32 index, bin;
	int i, bit;

	ASSERT_NE(NULL, sound);
	make_busy(_metadata, &oa, 10);
	snapshot_take(sound, &oa);

#define FLIP(field, which)						\
	do {								\
		const int flipped = (which);				\
									\
		(field) ^= (__typeof__(field))1 << flipped;		\
		EXPECT_NE(NULL, offset_alloc_check(&oa)) {		\
			TH_LOG("%s bit %d not found", #field, flipped);	\
		}							\
		(field) ^= (__typeof__(field))1 << flipped;		\
	} while (0)

	for (bit = 0; bit < 64; bit++) {
		FLIP(oa.capacity, bit);
		FLIP(oa.used, bit);
		FLIP(oa.nr_used, bit);
		FLIP(oa.nr_free, bit);
		FLIP(oa.allocs, bit);
		FLIP(oa.frees, bit);
		FLIP(oa.rows, bit);
	}
	for (bit = 0; bit < 32; bit++) {
		FLIP(oa.max_chunks, bit);
		FLIP(oa.nr_chunks, bit);
		FLIP(oa.spare, bit);
		FLIP(oa.nr_spare, bit);
	}
	for (i = 0; i < 2000; i++) {
		bin = rng_below(&rng, NR_BINS);
		FLIP(oa.bins[bin_row(bin)], bin_column(bin));
		FLIP(oa.heads[bin_row(bin)][bin_column(bin)], rng_below(&rng, 32));
	}
	for (i = 0; i < 3000; i++) {
		struct offset_alloc_node *node;

		index = rng_below(&rng, nr_nodes(&oa));
		if (i < 20)
			index = SENTINEL;
		node = node_at(&oa, index);
		FLIP(node->bin_prev, rng_below(&rng, 32));
		if (node->bin_prev != NODE_USED)	/* else any value will do */
			FLIP(node->bin_next, rng_below(&rng, 32));
		if (node->bin_prev == NODE_SPARE)
			continue;
		FLIP(node->offset, rng_below(&rng, 64));
		FLIP(node->size, rng_below(&rng, 64));
		FLIP(node->prev, rng_below(&rng, 32));
		FLIP(node->next, rng_below(&rng, 32));
	}
#undef FLIP
	EXPECT_TRUE(snapshot_same(sound, &oa));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
	free(sound);
}

TEST_HARNESS_MAIN
