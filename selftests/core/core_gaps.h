/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The free ranges of an allocator as the walk over its used extents shows them:
 * what its bins should know, without them
 */
#ifndef _CORE_GAPS_H
#define _CORE_GAPS_H

#include "core_test.h"

/* About all free ranges, and those for extents of one size and alignment */
struct gaps {
	u64 nr;
	u64 largest;
	u64 nr_large;		/* of at least the size */
	bool fits;		/* one of these has room at the alignment */
};

static inline void gap_add(struct gaps *gaps, u64 start, u64 end, u64 size, u64 align)
{
	u64 head = align ? -start & (align - 1) : 0;

	if (start == end)
		return;
	gaps->nr++;
	if (end - start > gaps->largest)
		gaps->largest = end - start;
	if (end - start < size)
		return;
	gaps->nr_large++;
	if (head <= end - start - size)
		gaps->fits = true;
}

static inline struct gaps find_gaps(const struct offset_alloc *oa, u64 size, u64 align)
{
	struct offset_extent extent = { 0 };
	struct gaps gaps = { 0 };
	u64 start = 0;

	while (offset_alloc_next(oa, &extent) == 1) {
		gap_add(&gaps, start, extent.offset, size, align);
		start = extent.offset + extent.size;
	}
	gap_add(&gaps, start, oa->capacity, size, align);
	return gaps;
}

#endif /* _CORE_GAPS_H */
