// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the offset allocator: its nodes, its capacity, and what it tells
 * of itself
 */
#include "oa_kunit.h"

/* Use every other unit from the first on until there are no nodes left. */
static u64 use_up_nodes(struct kunit *test, struct offset_alloc *oa)
{
	struct offset_extent extent;
	u64 offset = 0;
	int err;

	while (!(err = offset_alloc_alloc_at(oa, offset, 1, &extent)))
		offset += 2;
	KUNIT_ASSERT_EQ(test, -ENOMEM, err);
	return offset;
}

static void without_a_node_nothing_changes(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 100000);
	struct offset_extent first = { 0 }, e;
	u64 before, offset;

	offset = use_up_nodes(test, oa);
	KUNIT_EXPECT_FALSE(test, offset_alloc_ready(oa));
	KUNIT_ASSERT_EQ(test, 1, offset_alloc_next(oa, &first));
	/* A single spare node may be left: this takes two. */
	before = oa_test_state(oa);
	KUNIT_EXPECT_EQ(test, -ENOMEM, offset_alloc_alloc_at(oa, offset + 1, 1, &e));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	if (!offset_alloc_alloc(oa, 100, 0, &e))
		before = oa_test_state(oa);
	KUNIT_EXPECT_EQ(test, -ENOMEM, offset_alloc_alloc(oa, 100, 0, &e));
	KUNIT_EXPECT_EQ(test, -ENOMEM, offset_alloc_alloc(oa, 100, 64, &e));
	KUNIT_EXPECT_EQ(test, -ENOMEM, offset_alloc_alloc_scatter(oa, 50, &e, 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, offset_alloc_alloc_at(oa, offset + 100, 1, &e));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).failures);
	oa_test_sound(test, oa);
	/* What takes no node still works. */
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_resize(oa, first.handle, 2));
	oa_test_free(test, oa, first.handle);
	oa_test_sound(test, oa);
	oa_test_grow(test, oa);
	oa_test_alloc(test, oa, 100, 0);
	oa_test_sound(test, oa);
}

static void a_chunk_is_taken_only_if_needed(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1015);
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	struct offset_extent extent;
	int has_all, needed, ready;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	has_all = offset_alloc_add_chunk(oa, chunk);
	offset_alloc_destroy(oa);
	oa = oa_test_init(test, 10000);
	ready = offset_alloc_add_chunk(oa, chunk);
	use_up_nodes(test, oa);
	needed = offset_alloc_add_chunk(oa, chunk);
	if (needed)
		offset_alloc_chunk_free(chunk);
	KUNIT_EXPECT_EQ(test, -ENOSPC, has_all);
	KUNIT_EXPECT_EQ(test, -EEXIST, ready);
	KUNIT_EXPECT_EQ(test, 0, needed);
	KUNIT_EXPECT_TRUE(test, offset_alloc_ready(oa));
	oa_test_sound(test, oa);

	/* With all there can be, no call lacks a node. */
	oa = oa_test_init(test, 1015);
	KUNIT_EXPECT_TRUE(test, offset_alloc_ready(oa));
	for (i = 0; i < 1015; i++)
		KUNIT_EXPECT_EQ(test, 0, offset_alloc_alloc(oa, 1, 0, &extent));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 1, 0, &extent));
	oa_test_sound(test, oa);
}

static void shuffle(u64 *rng, u64 *handles, u32 nr)
{
	while (nr > 1) {
		u32 i = oa_test_below(rng, nr--);

		swap(handles[i], handles[nr]);
	}
}

/* Nodes for so many extents, and how many are left when they are gone again */
static void grow_and_shrink(struct kunit *test, u64 *handles, u32 nr, bool in_order)
{
	struct offset_alloc *oa = oa_test_init(test, nr);
	u64 one = oa_test_report(oa).nodes;
	u64 rng = 4;
	u32 i;

	for (i = 0; i < nr; i++)
		handles[i] = oa_test_alloc(test, oa, 1, 0).handle;
	KUNIT_EXPECT_GE(test, oa_test_report(oa).nodes, (u64)nr);
	KUNIT_EXPECT_LT(test, oa_test_report(oa).nodes, nr + 2 * one);
	KUNIT_EXPECT_EQ(test, 0U, oa_test_shrink(oa));
	if (!in_order)
		shuffle(&rng, handles, nr);
	for (i = 0; i < nr; i++) {
		oa_test_free(test, oa, handles[i]);
		oa_test_shrink(oa);
	}
	oa_test_sound(test, oa);
	/* One in use, one empty to spare */
	KUNIT_EXPECT_LE(test, oa_test_report(oa).nodes, 2 * one);
	oa_test_alloc(test, oa, nr, 0);
}

static void memory_grows_with_use_and_shrinks(struct kunit *test)
{
	const u32 nr = 10000;
	u64 *handles = kunit_kcalloc(test, nr, sizeof(*handles), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, handles);
	grow_and_shrink(test, handles, nr, true);
	grow_and_shrink(test, handles, nr, false);
}

static void the_capacity_grows_and_shrinks_at_the_end(struct kunit *test)
{
	struct oa_test *t = test->priv;
	struct offset_alloc *oa = t->oa;
	struct offset_extent extent;

	KUNIT_ASSERT_EQ(test, 0, offset_alloc_init(oa, &(struct offset_alloc_config){
		.capacity = 100, .max_capacity = 1000,
	}));
	oa_test_alloc(test, oa, 100, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 101, 0, &extent));
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_set_capacity(oa, 1000));
	oa_test_sound(test, oa);
	extent = oa_test_alloc(test, oa, 900, 0);
	KUNIT_EXPECT_EQ(test, 100ULL, extent.offset);
	KUNIT_EXPECT_EQ(test, -EBUSY, offset_alloc_set_capacity(oa, 999));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_set_capacity(oa, 1001));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_set_capacity(oa, 0));
	KUNIT_EXPECT_EQ(test, 1000ULL, oa_test_report(oa).peak);

	oa_test_free(test, oa, extent.handle);
	KUNIT_EXPECT_EQ(test, -EBUSY, offset_alloc_set_capacity(oa, 99));
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_set_capacity(oa, 101));
	oa_test_sound(test, oa);
	KUNIT_EXPECT_EQ(test, 1ULL, oa_test_report(oa).largest_free);
	KUNIT_EXPECT_EQ(test, 101ULL, oa_test_report(oa).peak);
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_set_capacity(oa, 100));
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_set_capacity(oa, 100));
	oa_test_sound(test, oa);
}

static void the_walk_gives_all_in_order(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent at = { 0 }, found;
	u64 freed;
	u32 i;

	KUNIT_EXPECT_EQ(test, 0, offset_alloc_next(oa, &at));
	for (i = 0; i < 100; i++)
		oa_test_alloc_at(test, oa, i * 63 % 100 * 10, 7);
	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, 1, offset_alloc_next(oa, &at));
		KUNIT_EXPECT_EQ(test, 10ULL * i, at.offset);
		KUNIT_EXPECT_EQ(test, 7ULL, at.size);
		KUNIT_EXPECT_EQ(test, 0, offset_alloc_lookup(oa, at.handle, &found));
		KUNIT_EXPECT_EQ(test, 0, memcmp(&at, &found, sizeof(at)));
	}
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_next(oa, &at));
	KUNIT_EXPECT_EQ(test, 0ULL, at.handle);

	/* Others may go meanwhile, but not the one it stands on. */
	KUNIT_ASSERT_EQ(test, 1, offset_alloc_next(oa, &at));
	found = at;
	KUNIT_ASSERT_EQ(test, 1, offset_alloc_next(oa, &found));
	freed = found.handle;
	oa_test_free(test, oa, freed);
	KUNIT_EXPECT_EQ(test, -ENOENT, offset_alloc_next(oa, &found));
	KUNIT_EXPECT_EQ(test, 1, offset_alloc_next(oa, &at));
	KUNIT_EXPECT_EQ(test, 20ULL, at.offset);
}

static void the_report_counts(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent first = oa_test_alloc_at(test, oa, 0, 100);
	struct offset_extent second = oa_test_alloc_at(test, oa, 400, 300);
	struct offset_alloc_report r;

	oa_test_free(test, oa, first.handle);
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 401, 0, &first));
	r = oa_test_report(oa);
	KUNIT_EXPECT_EQ(test, 1000ULL, r.capacity);
	KUNIT_EXPECT_EQ(test, 300ULL, r.used);
	KUNIT_EXPECT_EQ(test, 700ULL, r.free);
	KUNIT_EXPECT_EQ(test, 400ULL, r.peak);
	KUNIT_EXPECT_EQ(test, 400ULL, r.largest_free);
	KUNIT_EXPECT_EQ(test, 1ULL, r.nr_used);
	KUNIT_EXPECT_EQ(test, 2ULL, r.nr_free);
	KUNIT_EXPECT_EQ(test, 2ULL, r.allocs);
	KUNIT_EXPECT_EQ(test, 1ULL, r.frees);
	KUNIT_EXPECT_EQ(test, 1ULL, r.failures);
	KUNIT_EXPECT_EQ(test, 428571U, r.fragmentation);	/* 3/7 */
	KUNIT_EXPECT_GE(test, r.metadata, r.nodes * OFFSET_ALLOC_NODE_SIZE);

	oa_test_free(test, oa, second.handle);
	KUNIT_EXPECT_EQ(test, 0U, oa_test_report(oa).fragmentation);
	oa_test_alloc(test, oa, 1000, 0);
	r = oa_test_report(oa);
	KUNIT_EXPECT_EQ(test, 0ULL, r.largest_free);
	KUNIT_EXPECT_EQ(test, 0ULL, r.nr_free);
	KUNIT_EXPECT_EQ(test, 0U, r.fragmentation);
	KUNIT_EXPECT_EQ(test, 1000ULL, r.peak);
}

static void fragmentation_is_exact_for_huge_sizes(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, OFFSET_ALLOC_MAX_CAPACITY);

	/* A quarter, a unit in use, the rest: very nearly 1/4 */
	oa_test_alloc_at(test, oa, OFFSET_ALLOC_MAX_CAPACITY / 4, 1);
	KUNIT_EXPECT_GE(test, oa_test_report(oa).fragmentation, 249999U);
	KUNIT_EXPECT_LE(test, oa_test_report(oa).fragmentation, 250000U);
}

static void the_bins_hold_every_size_once(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1);
	struct offset_alloc_bin_report bin;
	u64 next = 0;
	u32 i;

	for (i = 0; i < OFFSET_ALLOC_BINS; i++) {
		offset_alloc_report_bin(oa, i, &bin);
		KUNIT_ASSERT_EQ(test, next, bin.min_size);
		KUNIT_ASSERT_GE(test, bin.max_size, bin.min_size);
		if (bin.min_size < OFFSET_ALLOC_EXACT_BINS)
			KUNIT_ASSERT_EQ(test, bin.min_size, bin.max_size);
		/* 1/64 of a power of two wide */
		KUNIT_ASSERT_LE(test, bin.max_size - bin.min_size, bin.min_size / 64);
		next = bin.max_size + 1;
	}
	KUNIT_EXPECT_EQ(test, 0ULL, next);
	for (; i < 2 * OFFSET_ALLOC_BINS; i += 97) {
		offset_alloc_report_bin(oa, i, &bin);
		KUNIT_EXPECT_EQ(test, 0ULL, bin.min_size | bin.max_size | bin.nr_free);
	}
}

static void the_bins_count_what_is_free(struct kunit *test)
{
	struct offset_alloc_bin_report bin;
	struct offset_alloc *oa;
	u64 sizes[64];
	u64 rng = 5;
	u32 i, j, expected;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		sizes[i] = 1 + (oa_test_random(&rng) >> (64 - i % 52 - 5));
	oa = oa_test_holes(test, sizes, ARRAY_SIZE(sizes));
	for (i = 0; i < OFFSET_ALLOC_BINS; i++) {
		offset_alloc_report_bin(oa, i, &bin);
		for (expected = 0, j = 0; j < ARRAY_SIZE(sizes); j++)
			expected += sizes[j] >= bin.min_size && sizes[j] <= bin.max_size;
		KUNIT_ASSERT_EQ(test, (u64)expected, bin.nr_free);
	}
}

static void the_hint_refuses_nothing_that_fits(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent extent = oa_test_alloc_at(test, oa, 100, 400);
	struct offset_extent none;

	KUNIT_EXPECT_TRUE(test, offset_alloc_may_fit(oa, 500));
	KUNIT_EXPECT_FALSE(test, offset_alloc_may_fit(oa, 1001));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 501, 0, &none));
	KUNIT_EXPECT_FALSE(test, offset_alloc_may_fit(oa, 501));
	KUNIT_EXPECT_TRUE(test, offset_alloc_may_fit(oa, 500));
	oa_test_free(test, oa, extent.handle);
	KUNIT_EXPECT_TRUE(test, offset_alloc_may_fit(oa, 1000));
	KUNIT_EXPECT_FALSE(test, offset_alloc_may_fit(oa, ~0ULL));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(without_a_node_nothing_changes),
	KUNIT_CASE(a_chunk_is_taken_only_if_needed),
	KUNIT_CASE(memory_grows_with_use_and_shrinks),
	KUNIT_CASE(the_capacity_grows_and_shrinks_at_the_end),
	KUNIT_CASE(the_walk_gives_all_in_order),
	KUNIT_CASE(the_report_counts),
	KUNIT_CASE(fragmentation_is_exact_for_huge_sizes),
	KUNIT_CASE(the_bins_hold_every_size_once),
	KUNIT_CASE(the_bins_count_what_is_free),
	KUNIT_CASE(the_hint_refuses_nothing_that_fits),
	{}
};

static struct kunit_suite suite = {
	.name = "offset_alloc_state",
	.init = oa_test_begin,
	.exit = oa_test_end,
	.test_cases = cases,
};

kunit_test_suite(suite);
