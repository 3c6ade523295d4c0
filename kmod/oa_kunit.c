// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the offset allocator: what the cases are written with
 */
#include "oa_kunit.h"

int oa_test_begin(struct kunit *test)
{
	struct oa_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->oa = kunit_kzalloc(test, sizeof(*t->oa), GFP_KERNEL);
	t->other = kunit_kzalloc(test, sizeof(*t->other), GFP_KERNEL);
	if (!t->oa || !t->other)
		return -ENOMEM;
	test->priv = t;
	return 0;
}

void oa_test_end(struct kunit *test)
{
	struct oa_test *t = test->priv;

	if (!t)
		return;
	offset_alloc_destroy(t->oa);
	offset_alloc_destroy(t->other);
}

/* The case's allocator, in place of what it was before */
struct offset_alloc *oa_test_init(struct kunit *test, u64 capacity)
{
	struct oa_test *t = test->priv;

	offset_alloc_destroy(t->oa);
	KUNIT_ASSERT_EQ(test, 0, offset_alloc_init(t->oa, &(struct offset_alloc_config){
		.capacity = capacity,
	}));
	return t->oa;
}

/* One with free extents of these sizes only, and a used unit behind each */
struct offset_alloc *oa_test_holes(struct kunit *test, const u64 *sizes, u32 nr)
{
	struct offset_alloc *oa;
	u64 capacity = nr;
	u64 offset = 0;
	u32 i;

	for (i = 0; i < nr; i++)
		capacity += sizes[i];
	oa = oa_test_init(test, capacity);
	for (i = 0; i < nr; i++) {
		offset += sizes[i];
		oa_test_alloc_at(test, oa, offset++, 1);
	}
	oa_test_sound(test, oa);
	return oa;
}

void oa_test_sound(struct kunit *test, const struct offset_alloc *oa)
{
	const char *broken = offset_alloc_check(oa);

	KUNIT_ASSERT_STREQ(test, broken ? broken : "sound", "sound");
}

/* More nodes, if there are none left */
void oa_test_grow(struct kunit *test, struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk;

	if (offset_alloc_ready(oa))
		return;
	chunk = offset_alloc_chunk_new();
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_ASSERT_EQ(test, 0, offset_alloc_add_chunk(oa, chunk));
}

/* Take back all chunks that there are to spare, and count them. */
u32 oa_test_shrink(struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk;
	u32 nr;

	for (nr = 0; (chunk = offset_alloc_take_chunk(oa)); nr++)
		offset_alloc_chunk_free(chunk);
	return nr;
}

/* Allocate as the header prescribes. */
int oa_test_try(struct offset_alloc *oa, u64 size, u64 align, struct offset_extent *extent)
{
	struct offset_alloc_chunk *chunk;
	int err = offset_alloc_alloc(oa, size, align, extent);

	if (err != -ENOMEM)
		return err;
	chunk = offset_alloc_chunk_new();
	if (!chunk)
		return -ENOMEM;
	err = offset_alloc_add_chunk(oa, chunk);
	if (err) {
		offset_alloc_chunk_free(chunk);
		return err;
	}
	return offset_alloc_alloc(oa, size, align, extent);
}

/* The same, where it has to succeed */
struct offset_extent oa_test_alloc(struct kunit *test, struct offset_alloc *oa, u64 size,
				   u64 align)
{
	struct offset_extent extent = { 0 };

	KUNIT_ASSERT_EQ(test, 0, oa_test_try(oa, size, align, &extent));
	KUNIT_ASSERT_EQ(test, size, extent.size);
	KUNIT_ASSERT_EQ(test, 0ULL, align ? extent.offset & (align - 1) : 0ULL);
	KUNIT_ASSERT_NE(test, 0ULL, extent.handle);
	return extent;
}

struct offset_extent oa_test_alloc_at(struct kunit *test, struct offset_alloc *oa, u64 offset,
				      u64 size)
{
	struct offset_extent extent = { 0 };

	oa_test_grow(test, oa);
	KUNIT_ASSERT_EQ(test, 0, offset_alloc_alloc_at(oa, offset, size, &extent));
	KUNIT_ASSERT_EQ(test, offset, extent.offset);
	KUNIT_ASSERT_EQ(test, size, extent.size);
	return extent;
}

void oa_test_free(struct kunit *test, struct offset_alloc *oa, u64 handle)
{
	KUNIT_ASSERT_EQ(test, 0, offset_alloc_free(oa, handle));
}

struct offset_alloc_report oa_test_report(const struct offset_alloc *oa)
{
	struct offset_alloc_report report;

	offset_alloc_report(oa, &report);
	return report;
}

/* Walk over the free ranges as they show between the used extents. */
bool oa_test_next_gap(const struct offset_alloc *oa, struct oa_test_gap *gap)
{
	do {
		if (gap->last)
			return false;
		gap->offset = gap->next.offset + gap->next.size;
		if (offset_alloc_next(oa, &gap->next) != 1) {
			gap->last = true;
			gap->next.offset = oa_test_report(oa).capacity;
		}
		gap->size = gap->next.offset - gap->offset;
	} while (!gap->size);
	return true;
}

/* Is there room? Found by looking at each free range. */
bool oa_test_fits(const struct offset_alloc *oa, u64 size, u64 align)
{
	struct oa_test_gap gap = { 0 };
	u64 waste;

	while (oa_test_next_gap(oa, &gap)) {
		waste = align ? -gap.offset & (align - 1) : 0;
		if (waste <= gap.size && size <= gap.size - waste)
			return true;
	}
	return false;
}

/* Is all of this range free? */
bool oa_test_is_free(const struct offset_alloc *oa, u64 offset, u64 size)
{
	struct oa_test_gap gap = { 0 };

	while (oa_test_next_gap(oa, &gap))
		if (gap.offset <= offset && offset + size <= gap.offset + gap.size)
			return true;
	return false;
}

/* All that can be seen of an allocator, but how often it has refused */
u64 oa_test_state(const struct offset_alloc *oa)
{
	struct offset_alloc_report report = oa_test_report(oa);
	struct offset_alloc_bin_report bin;
	struct offset_extent at = { 0 };
	u64 hash;
	u32 i;

	report.failures = 0;
	hash = oa_test_mix(report.capacity, report.used);
	hash = oa_test_mix(hash, report.peak);
	hash = oa_test_mix(hash, report.largest_free);
	hash = oa_test_mix(hash, report.nr_free);
	hash = oa_test_mix(hash, report.allocs);
	hash = oa_test_mix(hash, report.frees);
	hash = oa_test_mix(hash, report.nodes);
	for (i = 0; i < OFFSET_ALLOC_BINS; i++) {
		offset_alloc_report_bin(oa, i, &bin);
		hash = oa_test_mix(hash, bin.nr_free);
	}
	while (offset_alloc_next(oa, &at) == 1) {
		hash = oa_test_mix(hash, at.offset);
		hash = oa_test_mix(hash, at.size);
		hash = oa_test_mix(hash, at.handle);
	}
	return hash;
}

MODULE_DESCRIPTION("KUnit tests of pinpool's offset allocator");
MODULE_LICENSE("GPL");
