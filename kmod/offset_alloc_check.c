// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's invariants: proof, for tests and for loaded images
 *
 * None of this trusts what it reads: every index is checked before it is
 * followed, and every loop ends on a damaged state as well.
 */
#include "offset_alloc_internal.h"

/* The upper levels of a set against the leaves */
static const char *check_set(const struct offset_alloc *oa,
			     const struct offset_alloc_set *set)
{
	u32 words = (oa->max_chunks + 63) / 64;
	u32 i;

	for (i = 0; i < 64 * 64; i++)
		if (!(set->middle[i / 64] & BIT_ULL(i % 64)) != !(i < words && set->leaf[i]))
			return "set of chunks disagrees with itself";
	for (i = 0; i < 64; i++)
		if (!(set->top & BIT_ULL(i)) != !set->middle[i])
			return "set of chunks disagrees with itself";
	return NULL;
}

/* What chunks there are, and the sets of them */
static const char *check_slots(const struct offset_alloc *oa)
{
	u32 nr_chunks = 0, nr_empty = 0, nr_spare = 0, lowest = OA_NO_CHUNK;
	u64 partial = 0, empty = 0, absent = 0;
	u32 slot;

	for (slot = 0; slot < oa->max_chunks; slot++) {
		const struct offset_alloc_chunk *chunk = oa->chunks[slot];
		u64 bit = BIT_ULL(slot % 64);
		u32 nr_used;

		if (!chunk) {
			if (oa->bases[slot])
				return "base of a chunk wrong";
			absent |= bit;
		} else {
			if (oa->bases[slot] != oa_base(chunk, slot))
				return "base of a chunk wrong";
			nr_used = chunk->header[0].nr_used;
			nr_chunks++;
			nr_spare += OA_USABLE_NODES - nr_used;
			if (!nr_used) {
				nr_empty++;
				empty |= bit;
			}
			if (nr_used < OA_USABLE_NODES) {
				partial |= bit;
				if (lowest == OA_NO_CHUNK)
					lowest = slot;
			}
		}
		if (slot % 64 < 63 && slot < oa->max_chunks - 1)
			continue;
		if (oa->partial.leaf[slot / 64] != partial ||
		    oa->empty.leaf[slot / 64] != empty ||
		    oa->absent.leaf[slot / 64] != absent)
			return "set of chunks wrong";
		partial = 0;
		empty = 0;
		absent = 0;
	}
	if (nr_chunks != oa->nr_chunks || nr_empty != oa->nr_empty)
		return "count of chunks wrong";
	if (nr_spare != oa->nr_spare)
		return "count of spare nodes wrong";
	if (lowest != oa->lowest)
		return "not the first chunk with a spare node";
	return NULL;
}

static const char *check_directory(const struct offset_alloc *oa)
{
	const char *broken;

	if (!oa->capacity || oa->capacity > oa->max_capacity ||
	    oa->max_capacity > OFFSET_ALLOC_MAX_CAPACITY)
		return "capacity out of range";
	if (!oa->chunks || oa->max_chunks != oa_max_chunks(oa->max_capacity))
		return "directory not of the size for the capacity";
	if (oa->nr_hot > OFFSET_ALLOC_HOT_NODES)
		return "too many spare nodes at hand";
	broken = check_slots(oa);
	if (!broken)
		broken = check_set(oa, &oa->partial);
	if (!broken)
		broken = check_set(oa, &oa->empty);
	if (!broken)
		broken = check_set(oa, &oa->absent);
	return broken;
}

/* How often a node is among those kept at hand */
static u32 count_hot(const struct offset_alloc *oa, u32 index)
{
	u32 i, nr = 0;

	for (i = 0; i < oa->nr_hot; i++)
		nr += oa->hot[i] == index;
	return nr;
}

static const char *check_chunk(const struct offset_alloc *oa, u32 slot, u64 *nr_nodes)
{
	struct offset_alloc_chunk *chunk = oa->chunks[slot];
	const struct oa_header_node *header = &chunk->header[0];
	u32 i, nr_used = 0;

	for (i = 0; i < OA_CHUNK_NODES / 64; i++)
		if (!(header->spare_words & (1U << i)) != !*oa_spare_word(chunk, i))
			return "bitmap of spare nodes disagrees with itself";
	if (header->spare_words >> (OA_CHUNK_NODES / 64))
		return "bitmap of spare nodes too long";
	for (i = 0; i < OA_CHUNK_NODES; i++) {
		bool spare = *oa_spare_word(chunk, i / 64) & BIT_ULL(i % 64);
		bool unused = chunk->nodes[i].link == OA_SPARE;
		u32 hot = count_hot(oa, (slot * OA_CHUNK_NODES + i) * OFFSET_ALLOC_NODE_SIZE);

		if (i < OA_HEADER_NODES) {
			/* The very first one's link may be anything but that. */
			if (slot || i ? !unused : oa_is_used(&chunk->nodes[0]))
				return "header of a chunk taken for a node";
			if (spare || hot)
				return "header of a chunk taken for nodes";
			continue;
		}
		if (spare + hot != unused)
			return "spare nodes disagree with the bitmap and those at hand";
		nr_used += !spare;
		*nr_nodes += !spare && !hot;
	}
	if (nr_used != header->nr_used)
		return "count of a chunk's nodes wrong";
	return NULL;
}

static const char *check_chunks(const struct offset_alloc *oa, u64 *nr_nodes)
{
	const char *broken = NULL;
	u32 slot;

	for (slot = 0; slot < oa->max_chunks && !broken; slot++)
		if (oa->chunks[slot])
			broken = check_chunk(oa, slot, nr_nodes);
	return broken;
}

static const char *check_sentinel(const struct offset_alloc *oa)
{
	const struct offset_alloc_node *sentinel;

	if (!oa->chunks[0])
		return "sentinel missing";
	sentinel = oa_sentinel(oa);
	if (sentinel->link != OA_SENTINEL || sentinel->offset != oa->capacity ||
	    sentinel->size != -oa->capacity)
		return "sentinel damaged";
	return NULL;
}

/* Then it has no room for its offset. */
static bool is_tree_head(const struct offset_alloc *oa, const struct offset_alloc_node *node)
{
	return oa_is_free(node) && oa_is_head(node) && oa_bin_is_tree(oa, oa_bin(node->size));
}

/*
 * Each node met has the one before as its @prev, so none is met twice, and the
 * walk ends.
 */
static const char *check_circle(const struct offset_alloc *oa, u64 nr_nodes)
{
	u64 used = 0, nr_used = 0, nr_free = 0, offset = 0;
	u32 prev = OA_SENTINEL_NODE;
	bool prev_free = false;
	u32 index;

	for (index = oa_sentinel(oa)->next; index != OA_SENTINEL_NODE;
	     index = oa_node(oa, index)->next) {
		const struct offset_alloc_node *node;

		if (!oa_has_node(oa, index))
			return "neighbour link out of range";
		node = oa_node(oa, index);
		if (node->prev != prev)
			return "neighbour links disagree";
		if (node->link == OA_SPARE || node->link == OA_SENTINEL)
			return "extent neither used nor free";
		if (!node->size || node->size > oa->capacity - offset)
			return "size of an extent out of range";
		if (node->offset != offset && !is_tree_head(oa, node))
			return "extent doesn't begin where the one before it ends";
		if (oa_is_free(node)) {
			if (prev_free)
				return "two free neighbours";
			nr_free++;
		} else {
			used += node->size;
			nr_used++;
		}
		prev_free = oa_is_free(node);
		offset += node->size;
		prev = index;
	}
	if (oa_sentinel(oa)->prev != prev)
		return "neighbour links disagree";
	if (offset != oa->capacity)
		return "extents don't cover the capacity";
	if (used != oa->capacity - oa->free)
		return "count of used units wrong";
	if (nr_used + nr_free + 1 != nr_nodes)
		return "node outside of the circle";
	if (oa_allocs(oa) - oa->frees != nr_used)
		return "counts of allocations and frees disagree with the extents";
	if (oa->bound > oa->capacity)
		return "bound beyond the capacity";
	if (oa->least_free > oa->free)
		return "peak out of range";
	return NULL;
}

static bool linked(const struct offset_alloc *oa, u32 index, u32 link)
{
	return oa_has_node(oa, index) && oa_node(oa, index)->link == link;
}

/* A list, or those of one size in a tree; *@nr counts down what the bin has. */
static const char *check_chain(const struct offset_alloc *oa, u32 bin, u32 index, u32 *nr)
{
	const struct offset_alloc_node *node = oa_node(oa, index);

	while (node->chain) {
		if (!(*nr)--)
			return "count of a bin wrong";
		if (!linked(oa, node->chain, index))
			return "chain of a size broken";
		index = node->chain;
		if (oa_bin_is_tree(oa, bin) && oa_node(oa, index)->size != node->size)
			return "chain of several sizes";
		if (!oa_node(oa, index)->size || oa_bin(oa_node(oa, index)->size) != bin)
			return "extent in the wrong bin";
		if (oa_node(oa, index)->size > oa->bound)
			return "free extent beyond the bound";
		node = oa_node(oa, index);
	}
	return NULL;
}

/* Does the way from the root that its size prescribes lead to this node? */
static bool tree_leads_to(const struct offset_alloc *oa, u32 root, u32 index)
{
	u64 size = oa_node(oa, index)->size;
	u64 key = oa_tree_key(size);
	u32 depth;

	for (depth = 0; root != index; depth++, key <<= 1) {
		if (depth > oa_bin_shift(size) || !linked(oa, root, OA_HEAD + oa_bin(size)) ||
		    oa_node(oa, root)->size == size)
			return false;
		root = oa_node(oa, root)->child[oa_key_bit(key)];
	}
	return true;
}

static const char *check_bin(const struct offset_alloc *oa, u32 bin, u64 *listed)
{
	bool tree = oa_bin_is_tree(oa, bin);
	u32 later[64] = { oa->bins[bin].root };
	u32 nr = oa_bin_nr(oa, bin);
	u32 nr_later = !!nr;
	const char *broken;

	if (!nr != !oa->bins[bin].root)
		return "count of a bin wrong";
	if (tree ? oa_bin_is_exact(bin) || nr < OA_TREE_MIN :
		   !oa_bin_is_exact(bin) && nr > OA_LIST_MAX)
		return "tree of few, or list of many";
	while (nr_later) {
		u32 index = later[--nr_later];
		const struct offset_alloc_node *node;

		if (!nr--)
			return "count of a bin wrong";
		if (!linked(oa, index, OA_HEAD + bin))
			return "tree of a bin broken";
		node = oa_node(oa, index);
		if (!node->size || node->size > oa->capacity || oa_bin(node->size) != bin)
			return "extent in the wrong bin";
		if (node->size > oa->bound)
			return "free extent beyond the bound";
		if (tree && !tree_leads_to(oa, oa->bins[bin].root, index))
			return "extent at the wrong place of a tree";
		broken = check_chain(oa, bin, index, &nr);
		if (broken)
			return broken;
		/* The place of a node is right: no more wait than the tree is deep. */
		if (tree && node->child[0])
			later[nr_later++] = node->child[0];
		if (tree && node->child[1])
			later[nr_later++] = node->child[1];
	}
	if (nr)
		return "count of a bin wrong";
	*listed += oa_bin_nr(oa, bin);
	return NULL;
}

/*
 * No extent is in two places of the bins: its link tells the one before it in a
 * chain, its size the place in a tree. So as many as are listed are in there.
 */
static const char *check_bins(const struct offset_alloc *oa, u64 nr_free)
{
	const char *broken;
	u64 listed = 0;
	u32 bin, word;

	for (bin = 0; bin < OFFSET_ALLOC_BINS; bin++) {
		bool marked = oa->marks[bin / 64] & BIT_ULL(bin % 64);

		if (marked != !!oa_bin_nr(oa, bin))
			return "bitmap of bins disagrees with the bins";
		broken = check_bin(oa, bin, &listed);
		if (broken)
			return broken;
	}
	for (word = 0; word < OFFSET_ALLOC_BINS / 64; word++)
		if (!(oa->words & BIT_ULL(word)) != !oa->marks[word])
			return "bitmap of words disagrees with that of bins";
	if (oa->words >> (OFFSET_ALLOC_BINS / 64))
		return "bitmap of words too long";
	if (listed != nr_free)
		return "free extent in no bin";
	return NULL;
}

/**
 * offset_alloc_check - Prove an allocator consistent, or find what is broken
 * @oa: The allocator, in whatever state, if only its directory can be read
 *
 * For tests and debugging: the number of steps is proportional to the nodes and
 * to the directory. Writes nothing, and comes to an end on a damaged state too.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: NULL if all is well, else the rule that doesn't hold.
 */
const char *offset_alloc_check(const struct offset_alloc *oa)
{
	const char *broken;
	u64 nr_nodes = 0;

	broken = check_directory(oa);
	if (!broken)
		broken = check_chunks(oa, &nr_nodes);
	if (!broken)
		broken = check_sentinel(oa);
	if (!broken)
		broken = check_circle(oa, nr_nodes);
	if (!broken)
		broken = check_bins(oa, nr_nodes - 1 - (oa_allocs(oa) - oa->frees));
	return broken;
}
