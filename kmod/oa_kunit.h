/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of the offset allocator: what their files have in common
 *
 * They use what offset_alloc.h promises and nothing of what is behind it. They
 * also build in user space, against selftests/core/kunit/test.h.
 */
#ifndef _PINPOOL_OA_KUNIT_H
#define _PINPOOL_OA_KUNIT_H

#include <kunit/test.h>

#include "offset_alloc.h"

/* The allocators that a case may use: destroyed when it ends, however it ends */
struct oa_test {
	struct offset_alloc *oa;
	struct offset_alloc *other;
};

/* A free range; begin with all 0 */
struct oa_test_gap {
	u64 offset;
	u64 size;
	struct offset_extent next;	/* the used extent behind it */
	bool last;
};

int oa_test_begin(struct kunit *test);
void oa_test_end(struct kunit *test);

struct offset_alloc *oa_test_init(struct kunit *test, u64 capacity);
struct offset_alloc *oa_test_holes(struct kunit *test, const u64 *sizes, u32 nr);
void oa_test_sound(struct kunit *test, const struct offset_alloc *oa);

int oa_test_try(struct offset_alloc *oa, u64 size, u64 align, struct offset_extent *extent);
struct offset_extent oa_test_alloc(struct kunit *test, struct offset_alloc *oa, u64 size,
				   u64 align);
struct offset_extent oa_test_alloc_at(struct kunit *test, struct offset_alloc *oa, u64 offset,
				      u64 size);
void oa_test_free(struct kunit *test, struct offset_alloc *oa, u64 handle);
void oa_test_grow(struct kunit *test, struct offset_alloc *oa);
u32 oa_test_shrink(struct offset_alloc *oa);

struct offset_alloc_report oa_test_report(const struct offset_alloc *oa);
bool oa_test_next_gap(const struct offset_alloc *oa, struct oa_test_gap *gap);
bool oa_test_fits(const struct offset_alloc *oa, u64 size, u64 align);
bool oa_test_is_free(const struct offset_alloc *oa, u64 offset, u64 size);
u64 oa_test_state(const struct offset_alloc *oa);

/* Two numbers into one, such that each bit counts */
static inline u64 oa_test_mix(u64 hash, u64 value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 32;
}

/* splitmix64: the same numbers everywhere */
static inline u64 oa_test_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline u64 oa_test_below(u64 *state, u64 n)
{
	return oa_test_random(state) % n;
}

#endif /* _PINPOOL_OA_KUNIT_H */
