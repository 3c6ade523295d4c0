/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the user-space tests of the offset allocator have in common
 */
#ifndef _CORE_TEST_H
#define _CORE_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "offset_alloc.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

/* splitmix64: the same numbers everywhere, whatever the C library */
static inline u64 rng_next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline u64 rng_below(u64 *state, u64 n)
{
	return rng_next(state) % n;
}

static inline u64 rng_between(u64 *state, u64 from, u64 to)
{
	return from + rng_below(state, to - from + 1);
}

static inline int init(struct offset_alloc *oa, u64 capacity)
{
	return offset_alloc_init(oa, &(struct offset_alloc_config){ .capacity = capacity });
}

/* More nodes, as the header prescribes */
static inline int grow(struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	int err;

	if (!chunk)
		return -ENOMEM;
	err = offset_alloc_add_chunk(oa, chunk);
	if (err)
		offset_alloc_chunk_free(chunk);
	return err;
}

/* Allocate as the header prescribes */
static inline int alloc_grow(struct offset_alloc *oa, u64 size, u64 align,
			     struct offset_extent *extent)
{
	int err;

	do {
		err = offset_alloc_alloc(oa, size, align, extent);
	} while (err == -ENOMEM && !grow(oa));
	return err;
}

/*
 * The bins again, by division: the tests shall not share the mistakes of what
 * they test. The smallest size of the bin that @size is in, and its width.
 */
static inline u64 bin_width(u64 size)
{
	u64 width = 1;

	if (size < OFFSET_ALLOC_EXACT_BINS)
		return 1;
	while (size / width >= 2 * OFFSET_ALLOC_ROW_BINS)
		width *= 2;
	return width;
}

static inline u64 bin_start(u64 size)
{
	return size - size % bin_width(size);
}

#endif /* _CORE_TEST_H */
