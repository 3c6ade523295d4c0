// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the offset allocator: where extents go, and that they find room
 */
#include "oa_kunit.h"

static const u64 edge_capacities[] = {
	1, 2, 63, 64, 65, 127, 128, 1015, 1016, 1017, 65535, 65536,
	1ULL << 32, (1ULL << 62) + 1, (1ULL << 63) - 1, 1ULL << 63,
};

static void init_takes_1_to_2_63_units(struct kunit *test)
{
	struct offset_alloc_report report;
	struct offset_alloc *oa;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(edge_capacities); i++) {
		oa = oa_test_init(test, edge_capacities[i]);
		oa_test_sound(test, oa);
		report = oa_test_report(oa);
		KUNIT_EXPECT_EQ(test, edge_capacities[i], report.capacity);
		KUNIT_EXPECT_EQ(test, edge_capacities[i], report.free);
		KUNIT_EXPECT_EQ(test, edge_capacities[i], report.largest_free);
		KUNIT_EXPECT_EQ(test, 1ULL, report.nr_free);
		KUNIT_EXPECT_EQ(test, 0ULL, report.nr_used);
	}
}

static void init_refuses_other_capacities(struct kunit *test)
{
	static const struct offset_alloc_config bad[] = {
		{ .capacity = 0 },
		{ .capacity = 0, .max_capacity = 1 },
		{ .capacity = OFFSET_ALLOC_MAX_CAPACITY + 1 },
		{ .capacity = ~0ULL },
		{ .capacity = 2, .max_capacity = 1 },
		{ .capacity = 1, .max_capacity = OFFSET_ALLOC_MAX_CAPACITY + 1 },
		{ .capacity = 1, .max_capacity = ~0ULL },
	};
	struct oa_test *t = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_init(t->oa, &bad[i]));
		offset_alloc_destroy(t->oa);
	}
}

static void the_whole_region_is_one_extent(struct kunit *test)
{
	struct offset_extent extent, none;
	struct offset_alloc *oa;
	u32 i, again;

	for (i = 0; i < ARRAY_SIZE(edge_capacities); i++) {
		oa = oa_test_init(test, edge_capacities[i]);
		for (again = 0; again < 2; again++) {
			extent = oa_test_alloc(test, oa, edge_capacities[i], 0);
			KUNIT_EXPECT_EQ(test, 0ULL, extent.offset);
			KUNIT_EXPECT_EQ(test, -ENOSPC, oa_test_try(oa, 1, 0, &none));
			oa_test_sound(test, oa);
			oa_test_free(test, oa, extent.handle);
			oa_test_sound(test, oa);
		}
	}
}

/* 64 sizes that one bin holds, in no order */
static void fill_bin(u64 *sizes, u64 base)
{
	u32 i;

	for (i = 0; i < 64; i++)
		sizes[i] = base + (i * 29 + 5) % 64 * (base >> 12);
}

static void an_exact_fit_is_found_among_many_of_its_bin(struct kunit *test)
{
	static const u64 bases[] = { 1ULL << 12, 1ULL << 20, 127ULL << 40 };
	struct offset_extent extent;
	struct offset_alloc *oa;
	u64 sizes[64];
	u32 i, base;

	for (base = 0; base < ARRAY_SIZE(bases); base++) {
		fill_bin(sizes, bases[base]);
		oa = oa_test_holes(test, sizes, 64);
		for (i = 0; i < 64; i++) {
			extent = oa_test_alloc(test, oa, sizes[(i * 37 + 11) % 64], 0);
			/* Any other hole would be left with a rest. */
			KUNIT_ASSERT_EQ(test, 63ULL - i, oa_test_report(oa).nr_free);
		}
		oa_test_sound(test, oa);
		KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
		/* There it is again, alone, and the only one of its size. */
		oa_test_free(test, oa, extent.handle);
		KUNIT_EXPECT_EQ(test, extent.offset,
				oa_test_alloc(test, oa, extent.size, 0).offset);
	}
}

static void exact_fits_of_one_size_are_all_found(struct kunit *test)
{
	u64 sizes[48];
	struct offset_alloc *oa;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		sizes[i] = i % 3 ? 4099 : 4100 + i;
	oa = oa_test_holes(test, sizes, ARRAY_SIZE(sizes));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (i % 3)
			oa_test_alloc(test, oa, 4099, 0);
	KUNIT_EXPECT_EQ(test, 16ULL, oa_test_report(oa).nr_free);
	oa_test_sound(test, oa);
}

static void nothing_is_refused_while_something_fits(struct kunit *test)
{
	struct offset_extent extent;
	struct offset_alloc *oa;
	u64 sizes[64];
	u64 largest;
	u32 i;

	fill_bin(sizes, 1ULL << 20);
	oa = oa_test_holes(test, sizes, 64);
	/* The largest of the bin is asked for by its size, and then is gone. */
	for (i = 0; i < 64; i++) {
		largest = oa_test_report(oa).largest_free;
		KUNIT_EXPECT_EQ(test, -ENOSPC, oa_test_try(oa, largest + 1, 0, &extent));
		extent = oa_test_alloc(test, oa, largest, 0);
		KUNIT_ASSERT_LT(test, oa_test_report(oa).largest_free, largest);
	}
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
}

/* Allocate extents of one size until there is no room, and count them. */
static u32 fill(struct kunit *test, struct offset_alloc *oa, u64 size, u64 align, u64 *handles)
{
	struct offset_extent extent;
	u32 nr = 0;
	int err;

	while (!(err = oa_test_try(oa, size, align, &extent)))
		handles[nr++] = extent.handle;
	KUNIT_ASSERT_EQ(test, -ENOSPC, err);
	return nr;
}

static void uniform_sizes_fill_the_region(struct kunit *test)
{
	static const u64 sizes[] = { 129, 145, 163, 1000, 1025, 4097, 65537, 262144 };
	const u64 capacity = 1 << 19;
	struct offset_alloc *oa;
	u64 rng = 1;
	u64 *handles;
	u32 i, j, nr;

	handles = kunit_kcalloc(test, capacity / sizes[0], sizeof(*handles), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, handles);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		oa = oa_test_init(test, capacity);
		nr = fill(test, oa, sizes[i], 0, handles);
		KUNIT_EXPECT_EQ(test, capacity / sizes[i], (u64)nr);
		for (j = 0; j < nr; j++)
			if (oa_test_below(&rng, 3))
				oa_test_free(test, oa, handles[j]);
		oa_test_sound(test, oa);
		fill(test, oa, sizes[i], 0, handles);
		KUNIT_EXPECT_EQ(test, capacity / sizes[i], oa_test_report(oa).nr_used);
		oa_test_sound(test, oa);
	}
}

static void small_sizes_are_not_rounded(struct kunit *test)
{
	struct offset_alloc *oa;
	u64 size;

	for (size = 1; size < 300; size++) {
		u64 capacity = 3 * size;

		oa = oa_test_init(test, capacity);
		oa_test_alloc(test, oa, size, 0);
		oa_test_alloc(test, oa, size, 0);
		KUNIT_ASSERT_EQ(test, capacity - 2 * size, oa_test_report(oa).free);
		oa_test_alloc(test, oa, size, 0);
	}
}

static void every_alignment_is_kept(struct kunit *test)
{
	const u64 capacity = OFFSET_ALLOC_MAX_CAPACITY;
	struct offset_extent none;
	struct offset_alloc *oa;
	u64 align;

	/* From the capacity on, only 0 is a multiple. */
	for (align = 1; align < capacity; align <<= 1) {
		oa = oa_test_init(test, capacity);
		oa_test_alloc_at(test, oa, 0, 1);
		oa_test_alloc(test, oa, 1, align);
		if (align <= capacity / 4)
			oa_test_alloc(test, oa, capacity / 4, align);
		oa_test_sound(test, oa);
		KUNIT_EXPECT_EQ(test, -ENOSPC, oa_test_try(oa, 1, capacity, &none));
	}
	oa = oa_test_init(test, 1000);
	oa_test_alloc(test, oa, 1000, capacity);
}

static void an_alignment_does_not_waste_the_head(struct kunit *test)
{
	struct offset_extent extent;
	struct offset_alloc *oa;
	u64 align;

	for (align = 2; align <= 1ULL << 40; align <<= 1) {
		/* One aligned place, and to both sides of it almost another */
		oa = oa_test_init(test, 3 * align - 1);
		oa_test_alloc_at(test, oa, 0, 1);
		extent = oa_test_alloc(test, oa, align, align);
		KUNIT_EXPECT_EQ(test, align, extent.offset);
		KUNIT_EXPECT_EQ(test, 2 * align - 2, oa_test_report(oa).free);
		oa_test_alloc(test, oa, align - 1, 0);
		oa_test_alloc(test, oa, align - 1, 0);
		KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
		oa_test_sound(test, oa);
	}
}

static void aligned_extents_fill_the_region(struct kunit *test)
{
	struct offset_alloc *oa;
	u64 handles[64];
	u64 align;

	for (align = 1; align <= 1 << 16; align <<= 1) {
		oa = oa_test_init(test, ARRAY_SIZE(handles) * align);
		KUNIT_EXPECT_EQ(test, 64U, fill(test, oa, align, align, handles));
		oa_test_sound(test, oa);
	}
}

static void the_only_aligned_place_is_found(struct kunit *test)
{
	struct offset_extent extent;
	struct offset_alloc *oa;
	u32 i, place;

	for (place = 0; place < 64; place++) {
		oa = oa_test_init(test, 64 * 64);
		for (i = 0; i < 64; i++)
			if (i != place)
				oa_test_alloc_at(test, oa, 64 * i, 1);
		extent = oa_test_alloc(test, oa, 3, 64);
		KUNIT_EXPECT_EQ(test, 64ULL * place, extent.offset);
		KUNIT_EXPECT_EQ(test, -ENOSPC, oa_test_try(oa, 1, 64, &extent));
		oa_test_sound(test, oa);
	}
}

/* Of many it looks at a few only, and then goes on in pieces. */
static void the_only_aligned_place_is_found_in_pieces(struct kunit *test)
{
	const struct offset_alloc_config config = { .capacity = 640, .align_scan = 4 };
	struct offset_alloc *oa = oa_test_init(test, 1);
	struct offset_extent extent;
	u64 offset = 0;
	u32 pieces, i;
	int err;

	/* Between most of these lie 7 units; only those at 320 begin at a multiple of 8. */
	offset_alloc_destroy(oa);
	KUNIT_ASSERT_EQ(test, 0, offset_alloc_init(oa, &config));
	oa_test_alloc_at(test, oa, 0, 1);
	for (i = 0; i < 80; i++)
		oa_test_alloc_at(test, oa, 8 * i + (i == 40 ? 7 : 1), i == 39 ? 7 : 1);
	KUNIT_EXPECT_EQ(test, -EAGAIN, offset_alloc_alloc(oa, 5, 8, &extent));
	for (pieces = 1; pieces < 100; pieces++) {
		err = offset_alloc_seek_aligned(oa, 5, 8, &offset, 8);
		if (err != -EAGAIN)
			break;
	}
	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, 320ULL, offset);
	KUNIT_EXPECT_LT(test, 5U, pieces);
	oa_test_alloc_at(test, oa, offset, 5);
	KUNIT_EXPECT_FALSE(test, oa_test_fits(oa, 5, 8));
	KUNIT_EXPECT_EQ(test, -EAGAIN, offset_alloc_alloc(oa, 5, 8, &extent));
	for (offset = 0, i = 0; i < 100; i++) {
		err = offset_alloc_seek_aligned(oa, 5, 8, &offset, 8);
		if (err != -EAGAIN)
			break;
	}
	KUNIT_EXPECT_EQ(test, -ENOSPC, err);
	oa_test_sound(test, oa);
}

static void extents_are_placed_in_any_order(struct kunit *test)
{
	struct offset_alloc *oa;
	u32 order, i, at;

	/* Upwards, downwards, criss-cross: by steps of 1, -1 and 83, modulo 256 */
	for (order = 0; order < 3; order++) {
		oa = oa_test_init(test, 256 * 10);
		for (i = 0; i < 256; i++) {
			at = (order == 0 ? i : order == 1 ? 255 - i : i * 83) % 256;
			oa_test_alloc_at(test, oa, 10 * at, at % 2 ? 10 : 9);
			oa_test_sound(test, oa);
		}
		KUNIT_EXPECT_EQ(test, 256ULL, oa_test_report(oa).nr_used);
		KUNIT_EXPECT_EQ(test, 128ULL, oa_test_report(oa).nr_free);
		KUNIT_EXPECT_EQ(test, 1ULL, oa_test_report(oa).largest_free);
	}
}

static void no_extent_is_placed_on_another(struct kunit *test)
{
	static const struct offset_extent busy[] = {
		{ .offset = 100, .size = 50 }, { .offset = 99, .size = 2 },
		{ .offset = 149, .size = 2 }, { .offset = 149, .size = 1 },
		{ .offset = 120, .size = 1 }, { .offset = 0, .size = 1000 },
		{ .offset = 0, .size = 101 }, { .offset = 50, .size = 200 },
	};
	struct offset_alloc *oa = oa_test_init(test, 1000);
	struct offset_extent extent;
	u64 before;
	u32 i;

	oa_test_alloc_at(test, oa, 100, 50);
	before = oa_test_state(oa);
	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		KUNIT_EXPECT_EQ(test, -EBUSY,
				offset_alloc_alloc_at(oa, busy[i].offset, busy[i].size, &extent));
		KUNIT_EXPECT_EQ(test, before, oa_test_state(oa));
	}
	oa_test_alloc_at(test, oa, 0, 100);
	oa_test_alloc_at(test, oa, 150, 850);
	KUNIT_EXPECT_EQ(test, 0ULL, oa_test_report(oa).free);
	oa_test_sound(test, oa);
}

static void free_neighbours_merge_at_once(struct kunit *test)
{
	struct offset_extent extent[4];
	u32 order[4];
	struct offset_alloc *oa;
	u32 i, j;

	/* All 256 orders, of which those that free nothing twice */
	for (i = 0; i < 256; i++) {
		u32 seen = 0;

		for (j = 0; j < 4; j++) {
			order[j] = i >> (2 * j) & 3;
			seen |= 1 << order[j];
		}
		if (seen != 15)
			continue;
		oa = oa_test_init(test, 100);
		for (j = 0; j < 4; j++)
			extent[j] = oa_test_alloc_at(test, oa, 25 * j, 25);
		seen = 0;
		for (j = 0; j < 4; j++) {
			oa_test_free(test, oa, extent[order[j]].handle);
			seen |= 1 << order[j];
			/* As many as there are runs of set bits */
			KUNIT_ASSERT_EQ(test, (u64)hweight32(seen & ~(seen << 1)),
					oa_test_report(oa).nr_free);
			oa_test_sound(test, oa);
		}
		KUNIT_EXPECT_EQ(test, 100ULL, oa_test_report(oa).largest_free);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(init_takes_1_to_2_63_units),
	KUNIT_CASE(init_refuses_other_capacities),
	KUNIT_CASE(the_whole_region_is_one_extent),
	KUNIT_CASE(an_exact_fit_is_found_among_many_of_its_bin),
	KUNIT_CASE(exact_fits_of_one_size_are_all_found),
	KUNIT_CASE(nothing_is_refused_while_something_fits),
	KUNIT_CASE(uniform_sizes_fill_the_region),
	KUNIT_CASE(small_sizes_are_not_rounded),
	KUNIT_CASE(every_alignment_is_kept),
	KUNIT_CASE(an_alignment_does_not_waste_the_head),
	KUNIT_CASE(aligned_extents_fill_the_region),
	KUNIT_CASE(the_only_aligned_place_is_found),
	KUNIT_CASE(the_only_aligned_place_is_found_in_pieces),
	KUNIT_CASE(extents_are_placed_in_any_order),
	KUNIT_CASE(no_extent_is_placed_on_another),
	KUNIT_CASE(free_neighbours_merge_at_once),
	{}
};

static struct kunit_suite suite = {
	.name = "offset_alloc_place",
	.init = oa_test_begin,
	.exit = oa_test_end,
	.test_cases = cases,
};

kunit_test_suite(suite);
