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
	bool more;		/* there are more than that */
};

static bool fits(const struct offset_alloc *oa, const struct offset_alloc_node *node,
		 u64 size, u64 align)
{
	u64 offset = oa_free_offset(oa, node);

	return align_up(offset, align) - offset <= node->size - size;
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
	if (!search->budget) {
		search->more = true;
		return false;
	}
	search->budget--;
	if (!fits(oa, node, search->size, search->align))
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
	for (; index && !search->more; index = oa_node(oa, index)->chain)
		if (!look_at(oa, search, index) && one_size)
			break;
}

/* Parts of a tree that are to be searched later, the one with the smallest on top */
struct later {
	u32 nr;
	u32 index[64];
	u32 depth[64];
};

static void push(struct later *later, u32 index, unsigned int depth)
{
	if (!index)
		return;
	later->index[later->nr] = index;
	later->depth[later->nr++] = depth;
}

/* No size in this part of a tree is smaller: its first @depth bits are the same. */
static u64 part_min(const struct offset_alloc_node *node, unsigned int depth)
{
	unsigned int rest = oa_bin_shift(node->size) - depth;

	return node->size >> rest << rest;
}

/*
 * Look at the extents of a bin for the smallest that fits. Where some may be too
 * small, go down to where the size itself would be: all to the left of that way
 * are too small, and only on the way itself may some be. Of the nodes on the way
 * down, each leaves one at most to be visited later. What is found ends the search
 * where all that is left is larger.
 */
static void search_bin(const struct offset_alloc *oa, struct search *search, u32 bin)
{
	u64 key = oa_tree_key(search->size);
	struct later later = { .nr = 0 };
	u32 index = oa->bins[bin].root;
	unsigned int depth;

	if (!oa_bin_is_tree(oa, bin)) {
		search_chain(oa, search, index, oa_bin_is_exact(bin));
		return;
	}
	if (bin != oa_bin(search->size)) {
		push(&later, index, 0);
		index = OA_NIL;
	}
	for (depth = 1; index && !search->more; depth++, key <<= 1) {
		const struct offset_alloc_node *node = oa_node(oa, index);

		if (!oa_key_bit(key))
			push(&later, node->child[1], depth);
		search_chain(oa, search, index, true);
		index = node->child[oa_key_bit(key)];
	}
	while (later.nr && !search->more) {
		const struct offset_alloc_node *node;

		index = later.index[--later.nr];
		depth = later.depth[later.nr];
		node = oa_node(oa, index);
		if (part_min(node, depth) >= search->best_size)
			break;
		push(&later, node->child[1], depth + 1);
		push(&later, node->child[0], depth + 1);
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
		search.more = false;
		search_bin(oa, &search, bin);
		bin = oa_bin_at_or_above(oa, bin + 1);
	}
	return search.best;
}

/* All from @most downwards: the larger ones first, as they are the likelier to fit */
static u32 find_any(const struct offset_alloc *oa, u64 size, u64 align, u64 most, bool *more)
{
	struct search search = { .size = size, .align = align, .best_size = U64_MAX };
	u32 floor = oa_bin(size);
	u32 bin = oa_bin_at_or_below(oa, oa_bin(most));

	search.budget = oa->align_scan;
	while (!search.best && !search.more && bin < OFFSET_ALLOC_BINS && bin >= floor) {
		search_bin(oa, &search, bin);
		bin = bin ? oa_bin_at_or_below(oa, bin - 1) : OFFSET_ALLOC_BINS;
	}
	*more = search.more;
	return search.best;
}

static u32 find(const struct offset_alloc *oa, u64 size, u64 align, bool *more)
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
	return find_any(oa, size, align, enough, more);
}

/*
 * Where in a free extent that has room for it to put an aligned one: flush with one
 * of its ends, so that one rest is left and not two; where both ends will do, at the
 * smaller neighbour, as without an alignment.
 */
static u64 place(const struct offset_alloc *oa, const struct offset_alloc_node *node,
		 u64 size, u64 align)
{
	u64 first = oa_free_offset(oa, node);
	u64 last = first + node->size - size;
	u64 low = align_up(first, align);
	u64 high = align_down(last, align);
	bool low_flush = low == first;
	bool high_flush = high == last;

	if (low_flush == high_flush)
		low_flush = oa_node(oa, node->prev)->size <= oa_node(oa, node->next)->size;
	return low_flush ? low : high;
}

/*
 * A free extent with room for an aligned one, and where in it to put that. Or
 * OA_NIL, and whether there are more that could have room
 */
u32 oa_find_aligned(const struct offset_alloc *oa, u64 size, u64 align, u64 *offset,
		    bool *more)
{
	u32 index = find(oa, size, align, more);

	if (index)
		*offset = place(oa, oa_node(oa, index), size, align);
	return index;
}

/**
 * offset_alloc_seek_aligned - Look for room for an aligned extent, piece by piece
 * @oa: The allocator
 * @size: Units wanted
 * @align: Its offset is to be a multiple of this power of two, 1 or more
 * @offset: in: 0 to begin, or what the last call said. out: Where there is room, or
 *          where to go on
 * @max_steps: How many extents may be looked at, at least 4
 *
 * For those to whom offset_alloc_alloc() said -EAGAIN, and who can't hold the lock
 * for as long as it takes to look at all extents. They call this while it says
 * the same, and then offset_alloc_alloc_at() under the same lock, which finds its
 * place in @max_steps. They see to it that nobody else walks so meanwhile. What else
 * is done between two calls does no harm, but may set it back; room that comes to be
 * behind its back isn't found.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0 if there is room at *@offset; -EAGAIN if there is more to look at;
 *         -ENOSPC, which is counted, if not; -EINVAL as offset_alloc_alloc()
 */
int offset_alloc_seek_aligned(struct offset_alloc *oa, u64 size, u64 align, u64 *offset,
			      u32 max_steps)
{
	u32 finger = oa->finger;
	int err = -ENOSPC;
	u32 index;

	if (!size || size > oa->capacity || !align || (align & (align - 1)))
		return -EINVAL;
	if (size > oa->bound || *offset >= oa->capacity)
		return oa_refuse(oa);
	if (!oa_find_offset(oa, *offset, &max_steps, &index, &finger)) {
		oa->finger = finger;
		return -EAGAIN;
	}
	for (; index != OA_SENTINEL_NODE; index = oa_node(oa, index)->next) {
		const struct offset_alloc_node *node = oa_node(oa, index);

		if (!max_steps) {
			err = -EAGAIN;
			break;
		}
		max_steps--;
		oa_step();
		if (oa_is_used(node)) {
			finger = index;
			*offset = node->offset + node->size;
		} else if (node->size < size || !fits(oa, node, size, align)) {
			*offset = oa_free_offset(oa, node) + node->size;
		} else {
			*offset = place(oa, node, size, align);
			err = 0;
			break;
		}
	}
	oa->finger = finger;
	return err == -ENOSPC ? oa_refuse(oa) : err;
}
