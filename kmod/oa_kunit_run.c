// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the offset allocator: many random calls, the same everywhere;
 * save and load
 */
#include "oa_kunit.h"

#define EXTENTS		256U

/* An allocator, and the extents that it should have */
struct run {
	struct offset_alloc *oa;
	u64 rng;
	u64 hash;			/* of all results */
	u64 largest;			/* size to ask for */
	u32 nr;
	struct offset_extent extents[EXTENTS];
};

static struct run *run_new(struct kunit *test, struct offset_alloc *oa, u64 seed, u64 largest)
{
	struct run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, run);
	run->oa = oa;
	run->rng = seed;
	run->largest = largest;
	return run;
}

static void run_add(struct run *run, const struct offset_extent *extent)
{
	run->extents[run->nr++] = *extent;
	run->hash = oa_test_mix(run->hash, extent->offset);
	run->hash = oa_test_mix(run->hash, extent->size);
	run->hash = oa_test_mix(run->hash, extent->handle);
}

/* Sizes of all magnitudes up to the largest */
static u64 run_size(struct run *run)
{
	u64 size = oa_test_below(&run->rng, run->largest);

	return 1 + (size >> oa_test_below(&run->rng, fls64(run->largest)));
}

static int run_alloc(struct kunit *test, struct run *run)
{
	u64 size = run_size(run);
	u64 align = 1ULL << oa_test_below(&run->rng, fls64(run->largest));
	struct offset_extent extent = { 0 };
	int err;

	if (oa_test_below(&run->rng, 2))
		align = 0;
	err = oa_test_try(run->oa, size, align, &extent);
	if (!err) {
		KUNIT_ASSERT_EQ(test, size, extent.size);
		KUNIT_ASSERT_EQ(test, 0ULL, align ? extent.offset & (align - 1) : 0ULL);
		run_add(run, &extent);
		return 0;
	}
	KUNIT_ASSERT_EQ(test, -ENOSPC, err);
	KUNIT_ASSERT_FALSE(test, oa_test_fits(run->oa, size, align));
	return err;
}

static int run_alloc_at(struct kunit *test, struct run *run)
{
	u64 offset = oa_test_below(&run->rng, oa_test_report(run->oa).capacity);
	u64 size = run_size(run);
	struct offset_extent extent;
	int err;

	oa_test_grow(test, run->oa);
	err = offset_alloc_alloc_at(run->oa, offset, size, &extent);
	if (!err)
		run_add(run, &extent);
	else if (err == -EBUSY)
		KUNIT_ASSERT_FALSE(test, oa_test_is_free(run->oa, offset, size));
	else
		KUNIT_ASSERT_EQ(test, -EINVAL, err);
	return err;
}

static int run_scatter(struct kunit *test, struct run *run)
{
	struct offset_extent extents[6];
	u32 max_extents = 1 + oa_test_below(&run->rng, ARRAY_SIZE(extents));
	int i, nr;

	oa_test_grow(test, run->oa);
	nr = offset_alloc_alloc_scatter(run->oa, run_size(run), extents, max_extents);
	if (nr < 0)
		KUNIT_ASSERT_EQ(test, -ENOSPC, nr);
	for (i = 0; i < nr; i++)
		run_add(run, &extents[i]);
	return nr;
}

static int run_free(struct kunit *test, struct run *run)
{
	u32 i = oa_test_below(&run->rng, run->nr);

	oa_test_free(test, run->oa, run->extents[i].handle);
	KUNIT_ASSERT_EQ(test, -ENOENT, offset_alloc_free(run->oa, run->extents[i].handle));
	run->extents[i] = run->extents[--run->nr];
	return 0;
}

static int run_resize(struct kunit *test, struct run *run)
{
	struct offset_extent *extent = &run->extents[oa_test_below(&run->rng, run->nr)];
	u64 size = run_size(run);
	int err;

	oa_test_grow(test, run->oa);
	err = offset_alloc_resize(run->oa, extent->handle, size);
	if (!err) {
		extent->size = size;
		return 0;
	}
	KUNIT_ASSERT_EQ(test, -ENOSPC, err);
	KUNIT_ASSERT_GT(test, size, extent->size);
	KUNIT_ASSERT_FALSE(test, oa_test_is_free(run->oa, extent->offset + extent->size,
						 size - extent->size));
	return err;
}

static void run_step(struct kunit *test, struct run *run)
{
	u32 what = oa_test_below(&run->rng, 16);
	int result;

	if (run->nr && (what < 6 || run->nr > EXTENTS - 6))
		result = run_free(test, run);
	else if (run->nr && what < 8)
		result = run_resize(test, run);
	else if (what == 8)
		result = run_scatter(test, run);
	else if (what == 9)
		result = run_alloc_at(test, run);
	else
		result = run_alloc(test, run);
	if (!oa_test_below(&run->rng, 8))
		oa_test_shrink(run->oa);
	run->hash = oa_test_mix(run->hash, result);
}

/* Has the allocator exactly the extents that it should have? */
static void run_compare(struct kunit *test, struct run *run)
{
	struct offset_extent found;
	u64 used = 0;
	u32 i;

	for (i = 0; i < run->nr; i++) {
		KUNIT_ASSERT_EQ(test, 0,
				offset_alloc_lookup(run->oa, run->extents[i].handle, &found));
		KUNIT_ASSERT_EQ(test, 0, memcmp(&found, &run->extents[i], sizeof(found)));
		used += found.size;
	}
	KUNIT_ASSERT_EQ(test, used, oa_test_report(run->oa).used);
	KUNIT_ASSERT_EQ(test, (u64)run->nr, oa_test_report(run->oa).nr_used);
}

static const struct {
	u64 capacity;
	u64 largest;
} shapes[] = {
	{ 300, 40 },
	{ 10007, 1000 },
	{ 1 << 20, 1 << 15 },
	{ OFFSET_ALLOC_MAX_CAPACITY, 1ULL << 58 },
};

static void every_invariant_holds_after_every_call(struct kunit *test)
{
	struct run *run;
	u32 i, step;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		run = run_new(test, oa_test_init(test, shapes[i].capacity), i, shapes[i].largest);
		for (step = 0; step < 2000; step++) {
			run_step(test, run);
			run_compare(test, run);
			/* The check takes long for what is made for many nodes. */
			if (step % 16 == 0 || shapes[i].capacity <= 1 << 20)
				oa_test_sound(test, run->oa);
		}
	}
}

/* In the kernel as in user space. Who means to change the placement changes this. */
#define SAME_CALLS	0x3ec217608161c81fULL

static void same_calls_give_the_same_extents(struct kunit *test)
{
	struct run *run;
	u64 hash = 0;
	u32 i, step;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		run = run_new(test, oa_test_init(test, shapes[i].capacity), i, shapes[i].largest);
		for (step = 0; step < 20000; step++)
			run_step(test, run);
		hash = oa_test_mix(hash, run->hash);
		hash = oa_test_mix(hash, oa_test_state(run->oa));
	}
	KUNIT_EXPECT_EQ(test, SAME_CALLS, hash);
}

/* An image of its own size, and nothing written beyond it */
static u8 *save(struct kunit *test, const struct offset_alloc *oa, size_t *size)
{
	u8 *image;

	*size = offset_alloc_save(oa, NULL, 0);
	image = kunit_kzalloc(test, *size + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, image);
	image[*size] = 0xa5;
	KUNIT_ASSERT_EQ(test, *size, offset_alloc_save(oa, image, *size));
	KUNIT_ASSERT_EQ(test, 0xa5, (int)image[*size]);
	return image;
}

static void a_loaded_allocator_goes_on_as_the_saved_one(struct kunit *test)
{
	struct oa_test *t = test->priv;
	size_t size, other_size;
	struct run *run, *other;
	u8 *image, *other_image;
	u32 i, step;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		run = run_new(test, oa_test_init(test, shapes[i].capacity), i, shapes[i].largest);
		for (step = 0; step < 1000; step++)
			run_step(test, run);
		image = save(test, run->oa, &size);
		offset_alloc_destroy(t->other);
		KUNIT_ASSERT_EQ(test, 0, offset_alloc_load(t->other, image, size));
		other = run_new(test, t->other, 0, 0);
		*other = *run;
		other->oa = t->other;
		run_compare(test, other);
		for (step = 0; step < 1000; step++) {
			run_step(test, run);
			run_step(test, other);
			KUNIT_ASSERT_EQ(test, run->hash, other->hash);
		}
		oa_test_sound(test, other->oa);
		image = save(test, run->oa, &size);
		other_image = save(test, other->oa, &other_size);
		KUNIT_ASSERT_EQ(test, size, other_size);
		KUNIT_EXPECT_EQ(test, 0, memcmp(image, other_image, size));
	}
}

static void a_damaged_image_is_refused(struct kunit *test)
{
	struct oa_test *t = test->priv;
	struct offset_alloc *oa = oa_test_init(test, 1000);
	size_t i, size;
	u8 *image;

	oa_test_alloc(test, oa, 10, 0);
	oa_test_alloc_at(test, oa, 500, 10);
	image = save(test, oa, &size);
	for (i = 0; i < size; i++) {
		KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_load(t->other, image, i));
		image[i] ^= 1 << i % 8;
		KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_load(t->other, image, size));
		image[i] ^= 1 << i % 8;
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, offset_alloc_load(t->other, image, size + 1));
	KUNIT_EXPECT_EQ(test, 0, offset_alloc_load(t->other, image, size));
	oa_test_sound(test, t->other);
	KUNIT_EXPECT_EQ(test, oa_test_state(oa), oa_test_state(t->other));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_invariant_holds_after_every_call),
	KUNIT_CASE(same_calls_give_the_same_extents),
	KUNIT_CASE(a_loaded_allocator_goes_on_as_the_saved_one),
	KUNIT_CASE(a_damaged_image_is_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "offset_alloc_run",
	.init = oa_test_begin,
	.exit = oa_test_end,
	.test_cases = cases,
};

kunit_test_suite(suite);
