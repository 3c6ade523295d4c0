// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's search for a free extent that an aligned one fits into
 */
#include "offset_alloc_internal.h"

/* What to look at before taking an extent that is sure to fit */
#define ALIGN_BINS	4
#define ALIGN_FEW	2

/* No sum here can overflow: offsets, sizes and @align are 2^63 at most. */
static inline u64 align_up(u64 offset, u64 align)
{
	return (offset + align - 1) & ~(align - 1);
}

static inline u64 align_down(u64 offset, u64 align)
{
	return offset & ~(align - 1);
}

struct search {
	u64 size;
	u64 align;
	u64 best_size;
	u32 best;
	u32 budget;		/* extents to look at yet */
};

static bool fits(const struct offset_alloc *oa, const struct search *search,
		 const struct offset_alloc_node *node)
{
	u64 offset = oa_free_offset(oa, node);

	return align_up(offset, search->align) - offset <= node->size - search->size;
}

/*
 * Look at one extent, or not if its size says that it can't be the one. Return:
 * may others of this size be?
 */
static bool look_at(const struct offset_alloc *oa, struct search *search, u32 index)
{
	const struct offset_alloc_node *node = oa_node(oa, index);

	oa_step();
	if (node->size < search->size || node->size >= search->best_size)
		return false;
	search->budget--;
	if (!fits(oa, search, node))
		return true;
	search->best = index;
	search->best_size = node->size;
	return false;
}

/*
 * Look at a node of a tree and at those of the same size, or at a whole list, in
 * which sizes may differ.
 */
static void search_chain(const struct offset_alloc *oa, struct search *search, u32 index,
			 bool one_size)
{
	for (; index && search->budget; index = oa_node(oa, index)->chain)
		if (!look_at(oa, search, index) && one_size)
			break;
}

/*
 * Look at the extents of a bin for the smallest that fits. Where some may be too
 * small, go down to where the size itself would be: all to the left of that way
 * are too small, and only on the way itself may some be. Of the nodes on the way
 * down, each leaves one at most to be visited later.
 */
static void search_bin(const struct offset_alloc *oa, struct search *search, u32 bin)
{
	u64 key = oa_tree_key(search->size);
	u32 index = oa->bins[bin].root;
	u32 later[64];
	u32 nr_later = 0;

	if (!oa_bin_is_tree(oa, bin)) {
		search_chain(oa, search, index, oa_bin_is_exact(bin));
		return;
	}
	if (bin != oa_bin(search->size)) {
		later[nr_later++] = index;
		index = OA_NIL;
	}
	for (; index && search->budget; key <<= 1) {
		const struct offset_alloc_node *node = oa_node(oa, index);

		if (!oa_key_bit(key) && node->child[1])
			later[nr_later++] = node->child[1];
		search_chain(oa, search, index, true);
		index = node->child[oa_key_bit(key)];
	}
	while (nr_later && search->budget) {
		const struct offset_alloc_node *node;

		index = later[--nr_later];
		node = oa_node(oa, index);
		if (node->child[1])
			later[nr_later++] = node->child[1];
		if (node->child[0])
			later[nr_later++] = node->child[0];
		search_chain(oa, search, index, true);
	}
}

/* The first few that come near the size, if one of them fits */
static u32 find_close(const struct offset_alloc *oa, u64 size, u64 align)
{
	struct search search = { .size = size, .align = align, .best_size = U64_MAX };
	u32 bin = oa_bin(size);
	u32 index = oa_bin_find(oa, bin, size);
	int i;

	search.budget = ALIGN_FEW;
	search_chain(oa, &search, index, true);
	bin = oa_bin_at_or_above(oa, bin);
	for (i = 0; !search.best && i < ALIGN_BINS && bin < OFFSET_ALLOC_BINS; i++) {
		search.budget = ALIGN_FEW;
		search_bin(oa, &search, bin);
		bin = oa_bin_at_or_above(oa, bin + 1);
	}
	return search.best;
}

/* All from @most downwards: the larger ones first, as they are the likelier to fit */
static u32 find_any(const struct offset_alloc *oa, u64 size, u64 align, u64 most)
{
	struct search search = { .size = size, .align = align, .best_size = U64_MAX };
	u32 floor = oa_bin(size);
	u32 bin = oa_bin_at_or_below(oa, oa_bin(most));

	search.budget = oa->align_scan;
	while (!search.best && search.budget && bin < OFFSET_ALLOC_BINS && bin >= floor) {
		search_bin(oa, &search, bin);
		bin = bin ? oa_bin_at_or_below(oa, bin - 1) : OFFSET_ALLOC_BINS;
	}
	return search.best;
}

static u32 find(const struct offset_alloc *oa, u64 size, u64 align)
{
	/* Who has so much has room wherever it lies. */
	u64 enough = size + align - 1;
	u32 index, bin;

	/* Only offset 0 is aligned so: no need to search, nor to miss it */
	if (align >= oa->capacity) {
		index = oa_sentinel(oa)->next;
		return oa_is_free(oa_node(oa, index)) && oa_node(oa, index)->size >= size ?
			index : OA_NIL;
	}
	index = find_close(oa, size, align);
	if (!index)
		index = oa_bin_find(oa, oa_bin(enough), enough);
	if (index)
		return index;
	bin = oa_bin_above(oa, oa_bin(enough));
	if (bin < OFFSET_ALLOC_BINS)
		return oa_bin_any(oa, bin);
	return find_any(oa, size, align, enough);
}

/*
 * A free extent with room for an aligned one, or OA_NIL, and where in it to put
 * that: flush with one of its ends, so that one rest is left and not two; where
 * both ends will do, at the smaller neighbour, as without an alignment.
 */
u32 oa_find_aligned(const struct offset_alloc *oa, u64 size, u64 align, u64 *offset)
{
	u32 index = find(oa, size, align);
	const struct offset_alloc_node *node = oa_node(oa, index);
	bool low_flush, high_flush;
	u64 first, last, low, high;

	if (!index)
		return OA_NIL;
	first = oa_free_offset(oa, node);
	last = first + node->size - size;
	low = align_up(first, align);
	high = align_down(last, align);
	low_flush = low == first;
	high_flush = high == last;
	if (low_flush == high_flush)
		low_flush = oa_node(oa, node->prev)->size <= oa_node(oa, node->next)->size;
	*offset = low_flush ? low : high;
	return index;
}
