// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: handles, merging, reports
 */
#include "core_unit.h"

/* What same_calls_same_offsets() makes of all its results */
#define GOLDEN_HASH	0x865ad426789ac867ULL

TEST(handles_that_name_nothing)
{
	struct offset_extent a, b, c, stale, dummy = { 0 };
	struct snapshot *before = malloc(sizeof(*before));
	struct offset_alloc oa, other;
	u64 handle;
	u32 index;
	int bit;

	ASSERT_NE(NULL, before);
	ASSERT_EQ(0, init(&oa, 5000));
	ASSERT_EQ(0, init(&other, 5000));
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
	for (index = 0; index < 3 * OFFSET_ALLOC_CHUNK_SIZE; index += 1 + index % 7) {
		bool real = index < OFFSET_ALLOC_CHUNK_SIZE && index % OFFSET_ALLOC_NODE_SIZE == 0;
		u32 generations[] = {
			0, 1, 2, 3, 4, 5, index, index + 1, UINT32_MAX,
			real ? oa_node(&oa, index)->generation : 7,
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
	EXPECT_EQ(1, nr_free(&oa));
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&other);
	offset_alloc_destroy(&oa);
	free(before);
}

TEST(handles_of_another_allocator)
{
	struct offset_alloc_config config = { .capacity = 1000, .first_generation = 1 << 20 };
	struct offset_extent a[20], b[20];
	struct offset_alloc oa, other;
	int i;

	ASSERT_EQ(0, init(&oa, 1000));
	ASSERT_EQ(0, offset_alloc_init(&other, &config));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, 10, 0, &a[i]));
		ASSERT_EQ(0, alloc_grow(&other, 10, 0, &b[i]));
		EXPECT_EQ(a[i].offset, b[i].offset);
	}
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-ENOENT, offset_alloc_free(&oa, b[i].handle));
		EXPECT_EQ(-ENOENT, offset_alloc_free(&other, a[i].handle));
	}
	offset_alloc_destroy(&oa);
	offset_alloc_destroy(&other);
}

/* After 2^32 allocations: no handle is 0 even so */
TEST(generations_begin_again)
{
	struct offset_extent extent, other;
	struct offset_alloc oa;
	u32 expected;
	int i;

	ASSERT_EQ(0, init(&oa, 100));
	oa.generation = UINT32_MAX - 3;
	oa.frees = oa.generation;
	expected = oa.generation;
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, alloc_grow(&oa, 60, 0, &extent));
		ASSERT_EQ(expected++, extent.handle >> 32);
		ASSERT_NE(0, extent.handle);
		ASSERT_EQ(0, alloc_grow(&oa, 40, 0, &other));
		ASSERT_EQ(expected++, other.handle >> 32);
		ASSERT_SOUND(&oa);
		ASSERT_EQ(0, offset_alloc_free(&oa, extent.handle));
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, extent.handle));
		ASSERT_EQ(0, offset_alloc_free(&oa, other.handle));
	}
	offset_alloc_destroy(&oa);
}

TEST(renewed_extents_keep_their_place)
{
	struct offset_extent extents[3], at;
	struct offset_alloc_report report;
	struct offset_alloc oa;
	u64 handle, old;
	int i;

	ASSERT_EQ(0, init(&oa, 300));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, alloc_grow(&oa, 100, 0, &extents[i]));
	handle = extents[1].handle;
	for (i = 0; i < 1000; i++) {
		old = handle;
		ASSERT_EQ(0, offset_alloc_renew(&oa, &handle));
		ASSERT_NE(old, handle);
		ASSERT_EQ(-ENOENT, offset_alloc_renew(&oa, &old));
		ASSERT_EQ(-ENOENT, offset_alloc_free(&oa, old));
	}
	ASSERT_EQ(0, offset_alloc_lookup(&oa, handle, &at));
	EXPECT_EQ(extents[1].offset, at.offset);
	EXPECT_EQ(100, at.size);
	/* As many times allocated as freed, but for what is used */
	offset_alloc_report(&oa, &report);
	EXPECT_EQ(1003, report.allocs);
	EXPECT_EQ(1000, report.frees);
	EXPECT_EQ(3, report.nr_used);
	EXPECT_EQ(NULL, offset_alloc_check(&oa));
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
		ASSERT_EQ(0, init(&oa, 1ULL << 40));
		total = 0;
		for (i = 0; i < N; i++) {
			u64 size = i < N - 1 ? rng_between(&rng, 1, 1 << (i % 24)) :
					       oa.capacity - total;

			ASSERT_EQ(0, alloc_grow(&oa, size, 0, &extent));
			handles[i] = extent.handle;
			total += size;
		}
		ASSERT_EQ(0, oa.free);
		ASSERT_EQ(0, nr_free(&oa));
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
				ASSERT_EQ(1, nr_free(&oa));
			if (i % 50 == 0)
				ASSERT_SOUND(&oa);
		}
		EXPECT_EQ(1, nr_free(&oa));
		EXPECT_EQ(0, (oa.capacity - oa.free));
		EXPECT_EQ(oa.capacity, largest_free(&oa));
		EXPECT_EQ(oa.nr_chunks * OA_USABLE_NODES - 2, oa.nr_spare + oa.nr_hot);
		ASSERT_SOUND(&oa);
		offset_alloc_destroy(&oa);
	}
	free(handles);
}

TEST(report_by_bin)
{
	static const u64 sizes[] = { 5, 5, 127, 128, 129, 130, 1ULL << 40, (1ULL << 40) + 9 };
	struct offset_alloc_bin_report report;
	u64 offsets[ARRAY_SIZE(sizes)], below = 0, total = 0;
	struct offset_alloc oa;
	u32 bin, i, expected;

	make_holes(_metadata, &oa, sizes, offsets, ARRAY_SIZE(sizes));
	for (bin = 0; bin < OFFSET_ALLOC_BINS; bin++) {
		offset_alloc_report_bin(&oa, bin, &report);
		/* No size without a bin, and none in two */
		ASSERT_EQ(below, report.min_size);
		ASSERT_LE(report.min_size, report.max_size);
		below = report.max_size + 1;
		expected = 0;
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			expected += sizes[i] >= report.min_size && sizes[i] <= report.max_size;
		ASSERT_EQ(expected, report.nr_free);
		total += report.nr_free;
	}
	EXPECT_EQ(ARRAY_SIZE(sizes), total);
	EXPECT_EQ(UINT64_MAX, report.max_size);
	offset_alloc_report_bin(&oa, OFFSET_ALLOC_BINS, &report);
	EXPECT_EQ(0, report.min_size | report.max_size | report.nr_free);
	offset_alloc_destroy(&oa);
}

TEST(walk_over_the_used)
{
	struct offset_extent extents[100], extent = { 0 };
	struct offset_alloc oa;
	int i;

	ASSERT_EQ(0, init(&oa, 100000));
	EXPECT_EQ(0, offset_alloc_next(&oa, &extent));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, offset_alloc_alloc_at(&oa, i * 1000 + i % 3, 10 + i, &extents[i]));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1, offset_alloc_next(&oa, &extent));
		ASSERT_EQ(0, memcmp(&extent, &extents[i], sizeof(extent)));
	}
	EXPECT_EQ(0, offset_alloc_next(&oa, &extent));
	EXPECT_EQ(0, extent.handle);
	ASSERT_EQ(0, offset_alloc_free(&oa, extents[7].handle));
	EXPECT_EQ(-ENOENT, offset_alloc_next(&oa, &extents[7]));
	extent = extents[6];
	EXPECT_EQ(1, offset_alloc_next(&oa, &extent));
	EXPECT_EQ(extents[8].handle, extent.handle);
	offset_alloc_destroy(&oa);
}

/* Once refused, refused without a search, until something as large is freed */
TEST(bound_for_a_quick_refusal)
{
	struct offset_extent a, b, c, extent;
	struct offset_alloc oa;

	ASSERT_EQ(0, init(&oa, 1000));
	EXPECT_TRUE(offset_alloc_may_fit(&oa, 1000));
	EXPECT_FALSE(offset_alloc_may_fit(&oa, 1001));
	ASSERT_EQ(0, alloc_grow(&oa, 300, 0, &a));
	ASSERT_EQ(0, alloc_grow(&oa, 300, 0, &b));
	ASSERT_EQ(0, alloc_grow(&oa, 400, 0, &c));
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 1, 0, &extent));
	EXPECT_FALSE(offset_alloc_may_fit(&oa, 1));
	ASSERT_EQ(0, offset_alloc_free(&oa, a.handle));
	EXPECT_TRUE(offset_alloc_may_fit(&oa, 300));
	EXPECT_FALSE(offset_alloc_may_fit(&oa, 301));
	ASSERT_EQ(0, offset_alloc_free(&oa, b.handle));
	EXPECT_TRUE(offset_alloc_may_fit(&oa, 600));
	EXPECT_FALSE(offset_alloc_may_fit(&oa, 601));
	steps = 0;
	EXPECT_EQ(-ENOSPC, alloc_grow(&oa, 700, 0, &extent));
	EXPECT_EQ(0, steps);
	ASSERT_SOUND(&oa);
	offset_alloc_destroy(&oa);
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
	EXPECT_EQ(3006, report.free);
	EXPECT_EQ(1000000 * (3006 - 1001) / 3006, report.fragmentation);
	EXPECT_EQ(OA_USABLE_NODES, report.nodes);
	EXPECT_LE(OFFSET_ALLOC_CHUNK_SIZE, report.metadata);
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

	ASSERT_EQ(0, init(&oa, 1000003));
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
	if (init(&oa, (1ULL << 33) + 12345))
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

TEST_HARNESS_MAIN
