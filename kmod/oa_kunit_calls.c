// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the offset allocator: what else its calls promise, and how they
 * refuse
 */
#include "oa_kunit.h"

static void resize_keeps_the_offset_and_the_handle(struct kunit *test)
{
	static const u64 sizes[] = { 10, 1, 64, 63, 65, 100, 10, 128, 500, 1, 500, 3 };
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent extent = oa_test_alloc_at(test, oa, 500, 1);
	struct offset_extent now;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, 0, offset_alloc_resize(oa, extent.handle, sizes[i]));
		KUNIT_ASSERT_EQ(test, 0, offset_alloc_lookup(oa, extent.handle, &now));
		KUNIT_EXPECT_EQ(test, 500ULL, now.offset);
		KUNIT_EXPECT_EQ(test, sizes[i], now.size);
		KUNIT_EXPECT_EQ(test, 1000 - sizes[i], oa_test_report(oa).free);
		oa_test_sound(test, oa);
	}
	oa_test_free(test, oa, extent.handle);
	KUNIT_EXPECT_EQ(test, 1000ULL, oa_test_report(oa).largest_free);
}

static void resize_ends_at_the_next_extent(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent first = oa_test_alloc_at(test, oa, 0, 100);
	struct offset_extent second = oa_test_alloc_at(test, oa, 200, 100);
	u64 before = oa_test_state(oa);

	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_resize(oa, first.handle, 201));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_resize(oa, second.handle, 801));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_resize(oa, second.handle, 1001));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_resize(oa, second.handle, ~0ULL));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_resize(oa, second.handle, 0));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_resize(oa, first.handle, 200));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_resize(oa, first.handle, 201));
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_resize(oa, second.handle, 800));
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
	KUNIT_EXPECT_EQ(test, 3ULL, oa_test_report(oa).failures);
	oa_test_sound(test, oa);
}

/* 16 holes of 1 to 16 units */
static struct offset_alloc *sixteen_holes(struct kunit *test)
{
	u64 sizes[16];
	u32 i;

	for (i = 0; i < 16; i++)
		sizes[i] = i + 1;
	return oa_test_holes(test, sizes, 16);
}

static void scatter_gives_one_extent_where_one_fits(struct kunit *test)
{
	struct offset_alloc *oa = sixteen_holes(test);
	struct offset_extent extents[4];

	KUNIT_EXPECT_EQ(test, 1, offset_alloc_alloc_scatter(oa, 16, extents, 4));
	KUNIT_EXPECT_EQ(test, 16ULL, extents[0].size);
	KUNIT_EXPECT_EQ(test, 1, offset_alloc_alloc_scatter(oa, 15, extents, 1));
	oa_test_sound(test, oa);
}

static void scatter_gives_what_was_asked_for(struct kunit *test)
{
	struct offset_extent extents[16], now;
	struct offset_alloc *oa;
	u64 size, sum;
	int i, nr;

	/* The largest 16, 15, ... 1 make 136 together. */
	for (size = 1; size <= 136; size++) {
		oa = sixteen_holes(test);
		oa_test_grow(test, oa);
		nr = offset_alloc_alloc_scatter(oa, size, extents, 16);
		KUNIT_ASSERT_GE(test, nr, 1);
		KUNIT_ASSERT_LE(test, nr, 16);
		for (sum = 0, i = 0; i < nr; i++) {
			KUNIT_EXPECT_EQ(test, 0, offset_alloc_lookup(oa, extents[i].handle, &now));
			KUNIT_EXPECT_EQ(test, extents[i].offset, now.offset);
			KUNIT_EXPECT_EQ(test, extents[i].size, now.size);
			sum += now.size;
		}
		KUNIT_EXPECT_EQ(test, size, sum);
		KUNIT_EXPECT_EQ(test, 136 - size, oa_test_report(oa).free);
		oa_test_sound(test, oa);
		while (nr--)
			oa_test_free(test, oa, extents[nr].handle);
		KUNIT_EXPECT_EQ(test, 16ULL, oa_test_report(oa).nr_free);
	}
}

static void scatter_keeps_its_limit_and_gives_all_or_nothing(struct kunit *test)
{
	struct offset_alloc *oa = sixteen_holes(test);
	struct offset_extent extents[16];
	u64 before = oa_test_state(oa);
	u64 most = 0;
	u32 max;

	for (max = 1; max <= 16; max++) {
		most += 17 - max;
		KUNIT_EXPECT_EQ(test, -ENOSPC,
				offset_alloc_alloc_scatter(oa, most + 1, extents, max));
		KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
		oa_test_sound(test, oa);
		oa = sixteen_holes(test);
		KUNIT_EXPECT_EQ(test, (int)max,
				offset_alloc_alloc_scatter(oa, most, extents, max));
		oa_test_sound(test, oa);
		oa = sixteen_holes(test);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_scatter(oa, 1, extents, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_scatter(oa, 0, extents, 4));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_scatter(oa, ~0ULL, extents, 4));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_scatter(oa, 153, extents, 4));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
}

/* No call takes this handle, and none does anything. */
static void expect_unknown(struct kunit *test, struct offset_alloc *oa, u64 handle)
{
	struct offset_extent extent = { .offset = 1, .size = 2, .handle = 3 };
	struct offset_extent next = { .handle = handle };

	KUNIT_EXPECT_EQ(test, -ENOENT, offset_alloc_free(oa, handle));
	KUNIT_EXPECT_EQ(test, -ENOENT, offset_alloc_resize(oa, handle, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, offset_alloc_lookup(oa, handle, &extent));
	KUNIT_EXPECT_EQ(test, 3ULL, extent.handle);
	if (handle)
		KUNIT_EXPECT_EQ(test, -ENOENT, offset_alloc_next(oa, &next));
}

static void a_freed_handle_names_nothing_again(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 100);
	u64 stale[64];
	u64 before;
	u32 i, j;

	/* Each names the same node at the same place, if it weren't for its generation. */
	for (i = 0; i < 64; i++) {
		stale[i] = oa_test_alloc(test, oa, 100, 0).handle;
		before = oa_test_state(oa);
		for (j = 0; j < i; j++)
			expect_unknown(test, oa, stale[j]);
		KUNIT_ASSERT_EQ(test, before, oa_test_state(oa));
		oa_test_free(test, oa, stale[i]);
		expect_unknown(test, oa, stale[i]);
	}
	oa_test_sound(test, oa);
}

static void a_handle_of_another_allocator_is_found_out(struct kunit *test)
{
	struct oa_test *t = test->priv;
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent extent, foreign;
	u32 i;

	KUNIT_ASSERT_EQ(test, 0, offset_alloc_init(t->other, &(struct offset_alloc_config){
		.capacity = 1000, .first_generation = 1000,
	}));
	for (i = 0; i < 100; i++) {
		extent = oa_test_alloc(test, oa, 1, 0);
		foreign = oa_test_alloc(test, t->other, 1, 0);
		KUNIT_EXPECT_EQ(test, extent.offset, foreign.offset);
		expect_unknown(test, oa, foreign.handle);
		expect_unknown(test, t->other, extent.handle);
	}
}

static void generations_begin_where_told_and_wrap(struct kunit *test)
{
	struct oa_test *t = test->priv;
	u64 handle[6];
	u32 i;

	KUNIT_ASSERT_EQ(test, 0, offset_alloc_init(t->oa, &(struct offset_alloc_config){
		.capacity = 100, .first_generation = U32_MAX - 2,
	}));
	for (i = 0; i < ARRAY_SIZE(handle); i++) {
		handle[i] = oa_test_alloc(test, t->oa, 1, 0).handle;
		KUNIT_EXPECT_EQ(test, (u32)(U32_MAX - 2 + i), (u32)(handle[i] >> 32));
		oa_test_sound(test, t->oa);
	}
	for (i = 0; i < ARRAY_SIZE(handle); i++)
		oa_test_free(test, t->oa, handle[i]);
	KUNIT_EXPECT_EQ(test, 6ULL, oa_test_report(t->oa).allocs);
	oa_test_sound(test, t->oa);
}

static void made_up_handles_are_found_out(struct kunit *test)
{
	static const u64 made_up[] = { 0, 1, U32_MAX, 1ULL << 32, ~0ULL, 1ULL << 63 };
	struct offset_alloc *oa = oa_test_init(test, 10000);
	u64 rng = 3;
	u64 before, kept;
	u32 i;

	kept = oa_test_alloc(test, oa, 10, 0).handle;
	for (i = 0; i < 100; i++)
		oa_test_free(test, oa, oa_test_alloc(test, oa, 10, 0).handle);
	before = oa_test_state(oa);
	for (i = 0; i < ARRAY_SIZE(made_up); i++)
		expect_unknown(test, oa, made_up[i]);
	for (i = 0; i < 10000; i++)
		expect_unknown(test, oa, oa_test_random(&rng));
	/* All indices with the generation in use, and the right one with others */
	for (i = 0; i < 20000; i++)
		if (i != (u32)kept)
			expect_unknown(test, oa, (kept & ~(u64)U32_MAX) | i);
	for (i = 1; i < 1000; i++)
		expect_unknown(test, oa, kept + ((u64)i << 32));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	oa_test_free(test, oa, kept);
	oa_test_sound(test, oa);
}

static void errors_change_nothing(struct kunit *test)
{
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent untouched = { .offset = 1, .size = 2, .handle = 3 };
	struct offset_extent kept = oa_test_alloc_at(test, oa, 400, 300);
	struct offset_extent e = untouched;
	u64 far = ~0ULL;
	u64 before;

	/* So that neither 0 nor 512 is free */
	oa_test_alloc_at(test, oa, 0, 1);
	before = oa_test_state(oa);
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 0, 0, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 0, 4, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 1001, 0, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 1001, 4, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, far, 0, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, far, 1ULL << 63, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 1, 3, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, 1, far, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, 0, 0, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, 1000, 1, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, 999, 2, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, 1, far, &e));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, far, 2, &e));
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).failures);
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 401, 0, &e));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 1000, 0, &e));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, 1, 512, &e));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_resize(oa, kept.handle, 601));
	KUNIT_EXPECT_EQ(test, 4ULL, oa_test_report(oa).failures);
	KUNIT_EXPECT_EQ(test, 0, memcmp(&e, &untouched, sizeof(e)));
	KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	oa_test_sound(test, oa);
}

static void numbers_of_64_bits_do_not_overflow(struct kunit *test)
{
	const u64 half = 1ULL << 62, all = 1ULL << 63;
	struct offset_alloc *oa = oa_test_init(test, all);
	struct offset_extent last = oa_test_alloc_at(test, oa, all - 1, 1);
	struct offset_extent extent;

	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, all, 1, &extent));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, all - 1, 2, &extent));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc_at(oa, half, ~0ULL - half, &extent));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_alloc(oa, all + 1, 0, &extent));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, all, 0, &extent));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, all, all, &extent));
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_resize(oa, last.handle, all));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_resize(oa, last.handle, all + 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, offset_alloc_set_capacity(oa, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_set_capacity(oa, all + 1));

	extent = oa_test_alloc(test, oa, half, half);
	KUNIT_EXPECT_EQ(test, 0ULL, extent.offset);
	KUNIT_EXPECT_EQ(test, -ENOSPC, offset_alloc_alloc(oa, half, half, &extent));
	KUNIT_EXPECT_EQ(test, half, oa_test_alloc(test, oa, half - 1, half).offset);
	oa_test_free(test, oa, last.handle);
	oa_test_sound(test, oa);
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_resize(oa, extent.handle, 1));
	KUNIT_EXPECT_EQ(test, half, oa_test_report(oa).free);
	oa_test_sound(test, oa);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(resize_keeps_the_offset_and_the_handle),
	KUNIT_CASE(resize_ends_at_the_next_extent),
	KUNIT_CASE(scatter_gives_one_extent_where_one_fits),
	KUNIT_CASE(scatter_gives_what_was_asked_for),
	KUNIT_CASE(scatter_keeps_its_limit_and_gives_all_or_nothing),
	KUNIT_CASE(a_freed_handle_names_nothing_again),
	KUNIT_CASE(a_handle_of_another_allocator_is_found_out),
	KUNIT_CASE(generations_begin_where_told_and_wrap),
	KUNIT_CASE(made_up_handles_are_found_out),
	KUNIT_CASE(errors_change_nothing),
	KUNIT_CASE(numbers_of_64_bits_do_not_overflow),
	{}
};

static struct kunit_suite suite = {
	.name = "offset_alloc_calls",
	.init = oa_test_begin,
	.exit = oa_test_end,
	.test_cases = cases,
};

kunit_test_suite(suite);
