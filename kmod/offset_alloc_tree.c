// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's bins that have many extents of several sizes, and the
 * search in bins of both kinds
 *
 * A tree is no deeper than the bits that the sizes of a bin can differ in, 57 at
 * most, and one node more.
 */
#include "offset_alloc_internal.h"

/* Go down to where the new size has its place, or its like is. */
static void add(struct offset_alloc *oa, u32 bin, u32 index,
		struct offset_alloc_node *node)
{
	u64 key = oa_tree_key(node->size);
	u32 *at = &oa->bins[bin].root;

	for (; *at; key <<= 1) {
		struct offset_alloc_node *above = oa_node(oa, *at);

		oa_step();
		if (above->size == node->size) {
			node->link = *at;
			node->chain = above->chain;
			if (node->chain)
				oa_node(oa, node->chain)->link = index;
			above->chain = index;
			return;
		}
		at = &above->child[oa_key_bit(key)];
	}
	*at = index;
	node->chain = OA_NIL;
	node->link = OA_HEAD + bin;
	node->children = 0;
}

static void list_to_tree(struct offset_alloc *oa, u32 bin)
{
	u32 index = oa->bins[bin].root;
	u32 next;

	oa->bins[bin].nr |= OA_TREE;
	oa->bins[bin].root = OA_NIL;
	for (; index; index = next) {
		struct offset_alloc_node *node = oa_node(oa, index);

		next = node->chain;
		add(oa, bin, index, node);
	}
}

/* Put a free extent in the bin of its size. */
void oa_bin_insert(struct offset_alloc *oa, u32 bin, u32 index,
		   struct offset_alloc_node *node)
{
	if (oa_list_has_room(oa, bin)) {
		oa_list_push(oa, bin, index, node);
		return;
	}
	if (!oa_bin_is_tree(oa, bin))
		list_to_tree(oa, bin);
	oa->bins[bin].nr++;
	add(oa, bin, index, node);
}

/* Make a list of a tree that has become small. */
static void tree_to_list(struct offset_alloc *oa, u32 bin)
{
	u32 found[OA_TREE_MIN];
	u32 nr = 0, i;

	/* The children of one found, and what is chained to it, are found after it. */
	found[nr++] = oa->bins[bin].root;
	for (i = 0; i < nr; i++) {
		const struct offset_alloc_node *node = oa_node(oa, found[i]);

		oa_step();
		if (node->chain)
			found[nr++] = node->chain;
		if (oa_is_head(node) && node->child[0])
			found[nr++] = node->child[0];
		if (oa_is_head(node) && node->child[1])
			found[nr++] = node->child[1];
	}
	for (i = 0; i < nr; i++) {
		struct offset_alloc_node *node = oa_node(oa, found[i]);

		node->chain = i + 1 < nr ? found[i + 1] : OA_NIL;
		node->link = i ? found[i - 1] : OA_HEAD + bin;
		node->offset = oa_free_offset(oa, node);
	}
	oa->bins[bin].nr &= ~OA_TREE;
}

/* Take a leaf below @node out of the tree, to be put in the stead of @node. */
static u32 take_leaf(struct offset_alloc *oa, struct offset_alloc_node *node)
{
	u32 *at;
	u32 leaf;

	do {
		oa_step();
		at = &node->child[node->child[1] != OA_NIL];
		leaf = *at;
		node = oa_node(oa, leaf);
	} while (node->children);
	*at = OA_NIL;
	return leaf;
}

static void remove_head(struct offset_alloc *oa, u32 bin, u32 index,
			struct offset_alloc_node *node)
{
	u64 key = oa_tree_key(node->size);
	u32 *at = &oa->bins[bin].root;
	u32 heir = node->chain;

	for (; *at != index; key <<= 1) {
		oa_step();
		at = &oa_node(oa, *at)->child[oa_key_bit(key)];
	}
	if (!heir && node->children)
		heir = take_leaf(oa, node);
	if (heir) {
		oa_node(oa, heir)->link = OA_HEAD + bin;
		oa_node(oa, heir)->children = node->children;
	}
	*at = heir;
}

/* Take one out of the list or chain that it isn't the first of. */
static void remove_chained(struct offset_alloc *oa, const struct offset_alloc_node *node)
{
	oa_node(oa, node->link)->chain = node->chain;
	if (node->chain)
		oa_node(oa, node->chain)->link = node->link;
}

static void remove_from_tree(struct offset_alloc *oa, u32 bin, u32 index,
			     struct offset_alloc_node *node)
{
	if (oa_is_head(node))
		remove_head(oa, bin, index, node);
	else
		remove_chained(oa, node);
	node->offset = oa_free_offset(oa, node);
	if (--oa->bins[bin].nr < OA_TREE + OA_TREE_MIN)
		tree_to_list(oa, bin);
}

/* Take a free extent out of its bin. Its place and its neighbours remain. */
void oa_bin_remove(struct offset_alloc *oa, u32 index, struct offset_alloc_node *node)
{
	u32 bin = oa_bin(node->size);

	if (oa_bin_is_tree(oa, bin)) {
		remove_from_tree(oa, bin, index, node);
	} else if (oa_is_head(node)) {
		oa_list_pop(oa, bin, node);
	} else {
		oa->bins[bin].nr--;
		remove_chained(oa, node);
	}
}

/*
 * The smallest of a tree, or of a part of it: the left child's are smaller than
 * the right one's, but what is above both can be anything.
 */
static u32 tree_min(const struct offset_alloc *oa, u32 index)
{
	const struct offset_alloc_node *node = oa_node(oa, index);
	u64 size = node->size;
	u32 min = index;

	while (node->children) {
		oa_step();
		index = node->child[0] ? node->child[0] : node->child[1];
		node = oa_node(oa, index);
		if (node->size < size) {
			size = node->size;
			min = index;
		}
	}
	return min;
}

static u32 tree_max(const struct offset_alloc *oa, u32 index)
{
	const struct offset_alloc_node *node = oa_node(oa, index);
	u64 size = node->size;
	u32 max = index;

	while (node->children) {
		oa_step();
		index = node->child[1] ? node->child[1] : node->child[0];
		node = oa_node(oa, index);
		if (node->size > size) {
			size = node->size;
			max = index;
		}
	}
	return max;
}

/*
 * The smallest of a tree that is large enough, or OA_NIL. It is on the way to
 * where this very size would be, or the smallest of the last part to the right
 * that this way has left aside.
 */
static u32 tree_find(const struct offset_alloc *oa, u32 index, u64 size)
{
	u64 key = oa_tree_key(size);
	u64 best_size = U64_MAX;
	u32 best = OA_NIL;
	u32 aside = OA_NIL;

	for (; index; key <<= 1) {
		const struct offset_alloc_node *node = oa_node(oa, index);
		unsigned int bit = oa_key_bit(key);

		oa_step();
		if (node->size == size)
			return index;
		if (node->size > size && node->size < best_size) {
			best_size = node->size;
			best = index;
		}
		if (!bit && node->child[1])
			aside = node->child[1];
		index = node->child[bit];
	}
	if (!aside)
		return best;
	aside = tree_min(oa, aside);
	return oa_node(oa, aside)->size < best_size ? aside : best;
}

static u32 list_find(const struct offset_alloc *oa, u32 index, u64 size)
{
	u64 best_excess = U64_MAX - size;
	u32 best = OA_NIL;

	/* What is too small exceeds the size by more: by nearly 2^64. */
	while (index) {
		const struct offset_alloc_node *node = oa_node(oa, index);
		u64 excess = node->size - size;

		oa_step();
		best = excess < best_excess ? index : best;
		best_excess = excess < best_excess ? excess : best_excess;
		index = node->chain;
	}
	return best;
}

/* One of several of the same size, better not the head of a tree */
static inline u32 best_of_chain(const struct offset_alloc *oa, u32 index)
{
	return index && oa_node(oa, index)->chain ? oa_node(oa, index)->chain : index;
}

/* The smallest extent of a bin that has the size or more, or OA_NIL */
u32 oa_bin_find(const struct offset_alloc *oa, u32 bin, u64 size)
{
	u32 root = oa->bins[bin].root;

	if (oa_bin_is_exact(bin))
		return root;
	if (oa_bin_is_tree(oa, bin))
		return best_of_chain(oa, tree_find(oa, root, size));
	return list_find(oa, root, size);
}

/* An extent of a bin that has one: the smallest, or of a list the latest */
u32 oa_bin_any(const struct offset_alloc *oa, u32 bin)
{
	u32 root = oa->bins[bin].root;

	return oa_bin_is_tree(oa, bin) ? best_of_chain(oa, tree_min(oa, root)) : root;
}

/* The largest of all free extents, or OA_NIL */
u32 oa_find_largest(const struct offset_alloc *oa)
{
	u32 bin = oa_bin_at_or_below(oa, OFFSET_ALLOC_BINS - 1);
	u32 index, max;

	if (bin == OFFSET_ALLOC_BINS)
		return OA_NIL;
	max = oa->bins[bin].root;
	if (oa_bin_is_tree(oa, bin))
		return tree_max(oa, max);
	if (oa_bin_is_exact(bin))
		return max;
	for (index = max; index; index = oa_node(oa, index)->chain) {
		oa_step();
		if (oa_node(oa, index)->size > oa_node(oa, max)->size)
			max = index;
	}
	return max;
}
