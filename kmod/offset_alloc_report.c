// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's answers to who only wants to know
 */
#include "offset_alloc_internal.h"

static void describe(u32 index, const struct offset_alloc_node *node,
		     struct offset_extent *extent)
{
	extent->offset = node->offset;
	extent->size = node->size;
	extent->handle = (u64)node->generation << 32 | index;
}

/**
 * offset_alloc_lookup - Find out what a handle stands for
 * @oa: The allocator
 * @handle: Of the extent; any 64 bits are safe
 * @extent: Filled in on success, else not touched
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -ENOENT if the handle doesn't name a used extent of this
 *         allocator.
 */
int offset_alloc_lookup(const struct offset_alloc *oa, u64 handle,
			struct offset_extent *extent)
{
	const struct offset_alloc_node *node = oa_handle_node(oa, handle);

	if (!node)
		return -ENOENT;
	describe(handle, node, extent);
	return 0;
}

/**
 * offset_alloc_next - Walk over the used extents in the order of their offsets
 * @oa: The allocator
 * @extent: With the handle of an extent, or 0 to begin; filled in with the next
 *
 * What lies between two is free. Extents may come and go between two calls, but
 * for the one whose handle is given.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 1; 0 if there is no further one, with the handle set to 0; -ENOENT if
 *         the handle doesn't name a used extent of this allocator.
 */
int offset_alloc_next(const struct offset_alloc *oa, struct offset_extent *extent)
{
	const struct offset_alloc_node *node = oa_sentinel(oa);
	u32 index;

	if (extent->handle)
		node = oa_handle_node(oa, extent->handle);
	if (!node)
		return -ENOENT;
	index = node->next;
	if (oa_is_free(oa_node(oa, index)))
		index = oa_node(oa, index)->next;
	if (index == OA_SENTINEL_NODE) {
		extent->handle = 0;
		return 0;
	}
	describe(index, oa_node(oa, index), extent);
	return 1;
}

/**
 * offset_alloc_may_fit - Could an allocation succeed?
 * @oa: The allocator
 * @size: Units wanted
 *
 * For a quick refusal: it says no to what it knows to be larger than any free
 * extent, such as what it has refused since something as large was last freed,
 * and to what is more than all that is free.
 *
 * Context: Any, also without the lock, where the answer may be out of date when
 *          it is given, but was true during the call.
 * Return: False only if offset_alloc_alloc() would refuse.
 */
bool offset_alloc_may_fit(const struct offset_alloc *oa, u64 size)
{
	return size <= READ_ONCE(oa->bound) && size <= READ_ONCE(oa->free);
}

/* @part / @whole in millionths, rounded down, digit by digit: products would overflow. */
static u32 millionths(u64 part, u64 whole)
{
	u32 result = 0;
	int digit, i;

	for (digit = 0; digit < 6; digit++) {
		u64 rest = 0;

		/* Ten times the part, and how often the whole goes into that */
		result *= 10;
		for (i = 0; i < 10; i++) {
			if (rest >= whole - part) {
				rest -= whole - part;
				result++;
			} else {
				rest += part;
			}
		}
		part = rest;
	}
	return result;
}

/**
 * offset_alloc_report - Describe the state of an allocator
 * @oa: The allocator
 * @report: Filled in
 *
 * An unaligned allocation of @report->largest_free units would succeed.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep. Looks
 *          at the bins that have extents, and into one of them.
 */
void offset_alloc_report(const struct offset_alloc *oa,
			 struct offset_alloc_report *report)
{
	u32 bin = oa_bin_at_or_above(oa, 0);
	u32 largest = oa_find_largest(oa);

	*report = (struct offset_alloc_report){
		.capacity = oa->capacity,
		.used = oa->capacity - oa->free,
		.free = oa->free,
		.peak = oa->capacity - oa->least_free,
		.largest_free = largest ? oa_node(oa, largest)->size : 0,
		.nr_used = oa_allocs(oa) - oa->frees,
		.allocs = oa_allocs(oa),
		.frees = oa->frees,
		.failures = oa->failures,
		.nodes = (u64)oa->nr_chunks * OA_USABLE_NODES,
		.metadata = oa_directory_size(oa->max_chunks) +
			    (u64)oa->nr_chunks * sizeof(struct offset_alloc_chunk),
	};
	if (report->free)
		report->fragmentation = millionths(report->free - report->largest_free,
						   report->free);
	for (; bin < OFFSET_ALLOC_BINS; bin = oa_bin_at_or_above(oa, bin + 1))
		report->nr_free += oa_bin_nr(oa, bin);
}

/**
 * offset_alloc_report_bin - Describe the free extents of about one size
 * @oa: The allocator
 * @bin: 0 to OFFSET_ALLOC_BINS - 1, in the order of their sizes
 * @report: Filled in; all 0 for a bin beyond the last
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 */
void offset_alloc_report_bin(const struct offset_alloc *oa, u32 bin,
			     struct offset_alloc_bin_report *report)
{
	memset(report, 0, sizeof(*report));
	if (bin >= OFFSET_ALLOC_BINS)
		return;
	report->min_size = oa_bin_min(bin);
	report->max_size = oa_bin_min(bin + 1) - 1;
	report->nr_free = oa_bin_nr(oa, bin);
}
