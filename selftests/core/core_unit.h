/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests of the offset allocator have in common
 *
 * The sources of the allocator are included, not linked: some tests damage its
 * state, count its steps, make its memory run out, or compare all of it before
 * and after.
 */
#ifndef _CORE_UNIT_H
#define _CORE_UNIT_H

/* Each test is a process of its own, which ends without telling what it covered. */
#ifdef CORE_COVERAGE
#include <unistd.h>
void __gcov_dump(void);
#define _exit(status) (__gcov_dump(), _exit(status))
#endif

#include "kselftest_harness.h"

/* Seconds: a test takes few, but the machine may have other things to do. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#include <inttypes.h>
#include <stdlib.h>

/* The so many-th allocation of memory from now on fails; 0: none */
static int fail_nth;

static inline void *test_aligned_alloc(size_t align, size_t size)
{
	if (fail_nth && !--fail_nth)
		return NULL;
	return aligned_alloc(align, size);
}

static inline void *test_calloc(size_t n, size_t size)
{
	if (fail_nth && !--fail_nth)
		return NULL;
	return calloc(n, size);
}

/* How many nodes all loops have visited */
static unsigned long long steps;

#define oa_step() (steps++)
#define aligned_alloc test_aligned_alloc
#define calloc test_calloc
#include "offset_alloc_chunk.c"
#undef aligned_alloc
#undef calloc
#include "offset_alloc_tree.c"
#include "offset_alloc_aligned.c"
#include "offset_alloc_scatter.c"
#include "offset_alloc_report.c"
#include "offset_alloc_check.c"
#include "offset_alloc_image.c"
#include "offset_alloc.c"

#include "core_test.h"

#define ASSERT_SOUND(oa) \
	ASSERT_STREQ("sound", offset_alloc_check(oa) ?: "sound")

static inline void shuffle(u64 *rng, u64 *v, size_t n)
{
	while (n > 1) {
		size_t i = rng_below(rng, n--);
		u64 swap = v[i];

		v[i] = v[n];
		v[n] = swap;
	}
}

static inline u64 largest_free(const struct offset_alloc *oa)
{
	struct offset_alloc_report report;

	offset_alloc_report(oa, &report);
	return report.largest_free;
}

static inline u64 nr_free(const struct offset_alloc *oa)
{
	struct offset_alloc_report report;

	offset_alloc_report(oa, &report);
	return report.nr_free;
}

/* All that an allocator of few chunks consists of, to compare or to put back */
struct snapshot {
	struct offset_alloc oa;
	u64 leaf[3];
	struct offset_alloc_chunk *directory[8];
	struct offset_alloc_chunk chunks[8];
};

static inline void snapshot_take(struct snapshot *s, const struct offset_alloc *oa)
{
	u32 i;

	if (oa->nr_chunks > ARRAY_SIZE(s->chunks))
		abort();
	memset(s, 0, sizeof(*s));
	s->oa = *oa;
	s->leaf[0] = *oa->partial.leaf;
	s->leaf[1] = *oa->empty.leaf;
	s->leaf[2] = *oa->absent.leaf;
	for (i = 0; i < oa->nr_chunks; i++) {
		s->directory[i] = oa->chunks[i];
		s->chunks[i] = *oa->chunks[i];
	}
}

static inline void snapshot_restore(const struct snapshot *s, struct offset_alloc *oa)
{
	u32 i;

	*oa = s->oa;
	*oa->partial.leaf = s->leaf[0];
	*oa->empty.leaf = s->leaf[1];
	*oa->absent.leaf = s->leaf[2];
	for (i = 0; i < oa->nr_chunks; i++) {
		oa->chunks[i] = s->directory[i];
		oa->bases[i] = oa_base(oa->chunks[i], i);
		*oa->chunks[i] = s->chunks[i];
	}
}

static inline bool snapshot_same(const struct snapshot *s, const struct offset_alloc *oa)
{
	u32 i;

	if (memcmp(&s->oa, oa, sizeof(*oa)) || *oa->partial.leaf != s->leaf[0] ||
	    *oa->empty.leaf != s->leaf[1] || *oa->absent.leaf != s->leaf[2])
		return false;
	for (i = 0; i < oa->nr_chunks; i++)
		if (oa->chunks[i] != s->directory[i] ||
		    memcmp(&s->chunks[i], oa->chunks[i], sizeof(s->chunks[i])))
			return false;
	return true;
}

/* Allocate holes of the given sizes, each between two separators of one unit */
static inline void make_holes(struct __test_metadata *_metadata, struct offset_alloc *oa,
			      const u64 *sizes, u64 *offsets, size_t n)
{
	struct offset_extent extent;
	u64 *handles = calloc(n, sizeof(*handles));
	u64 total = 1, rest;
	size_t i;

	ASSERT_NE(NULL, handles);
	for (i = 0; i < n; i++)
		total += sizes[i] + 1;
	ASSERT_EQ(0, init(oa, total));

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

#endif /* _CORE_UNIT_H */
