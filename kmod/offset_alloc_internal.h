/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The offset allocator: what its source files have in common
 *
 * All extents, used and free, form a circle in the order of their offsets,
 * closed by the sentinel. No two neighbours are free.
 *
 * The free extents of one bin are a list. Where they become many, and can differ
 * in size, they are a digital search tree by size instead, until they are few
 * again: the children of a node differ in one bit of the size, the highest below
 * those that the whole bin, or the parent, has in common; those of the same size
 * are chained behind the one in the tree.
 */
#ifndef _PINPOOL_OFFSET_ALLOC_INTERNAL_H
#define _PINPOOL_OFFSET_ALLOC_INTERNAL_H

#ifdef __KERNEL__

#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/nospec.h>
#include <linux/string.h>

#else /* !__KERNEL__ */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "offset_alloc.h"

#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define BIT_ULL(n)		(1ULL << (n))
#define OPTIMIZER_HIDE_VAR(var)	__asm__("" : "+r" (var))
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define noinline		__attribute__((noinline))
#define array_index_nospec(index, size)	(index)

static inline unsigned int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline unsigned int __ffs64(u64 x)
{
	return __builtin_ctzll(x);
}

#endif /* __KERNEL__ */

#include "offset_alloc.h"

/* Called for every node that a loop visits: tests count them */
#ifndef oa_step
#define oa_step()		do { } while (0)
#endif

#define OA_CHUNK_NODES		1024U
#define OA_MAX_CHUNKS		(64U * 64U * 64U)
#define OA_NIL			0U	/* in a chunk's header: never a node */
#define OA_NO_CHUNK		(~0U)

/* What a node is, in its @link; the index of a node there: free, and behind that */
#define OA_SPARE		0U
#define OA_HEAD			0xf0000000U	/* + bin: free, in its tree or first */
#define OA_USED			0xf1000000U	/* + bin that it would be in if free */
#define OA_SENTINEL		0xffffffffU

/*
 * The sentinel's offset is the capacity, so that an extent ends where the next
 * node begins; the sum of its offset and size is 0, where the first extent
 * begins; and its size beats that of any extent.
 */
struct offset_alloc_node {
	union {
		u64 offset;		/* of a used extent */
		u32 child[2];		/* of a head, by the next bit of the size */
		u64 children;
		u32 bin;		/* of any other free one */
	};
	u64 size;
	u32 prev;			/* neighbours by offset */
	u32 next;
	u32 link;			/* the one before in the list, or OA_* */
	union {
		u32 chain;		/* free: the next one in the list */
		u32 generation;		/* used: the upper half of its handle */
	};
};

/*
 * The first few nodes of each chunk give their place to its header. They look
 * like spare ones, so that no handle is taken to name them.
 */
struct oa_header_node {
	u64 spare[2];			/* a bit per node */
	u32 spare_words;		/* @spare that aren't 0; in the first only */
	u32 nr_used;			/* nodes that aren't spare; the same */
	u32 link;			/* OA_SPARE */
	u32 unused;
};

#define OA_HEADER_NODES		(OA_CHUNK_NODES / 128)

struct offset_alloc_chunk {
	union {
		struct oa_header_node header[OA_HEADER_NODES];
		struct offset_alloc_node nodes[OA_CHUNK_NODES];
	};
};

#define OA_USABLE_NODES		(OA_CHUNK_NODES - OA_HEADER_NODES)
#define OA_SENTINEL_NODE	OA_HEADER_NODES

static_assert(sizeof(struct offset_alloc_node) == OFFSET_ALLOC_NODE_SIZE,
	      "the size of a node is part of the interface");
static_assert(sizeof(struct oa_header_node) == OFFSET_ALLOC_NODE_SIZE,
	      "the header of a chunk is made of nodes");
static_assert(sizeof(struct offset_alloc_chunk) == OFFSET_ALLOC_CHUNK_SIZE,
	      "the size of a chunk is part of the interface");

static inline struct offset_alloc_node *oa_node(const struct offset_alloc *oa, u32 index)
{
	struct offset_alloc_chunk *chunk = oa->chunks[index / OA_CHUNK_NODES];
	struct offset_alloc_node *node = &chunk->nodes[index % OA_CHUNK_NODES];

	/* Compilers tend to keep the chunk and the distance, in two registers. */
	OPTIMIZER_HIDE_VAR(node);
	return node;
}

static inline struct offset_alloc_node *oa_sentinel(const struct offset_alloc *oa)
{
	return oa_node(oa, OA_SENTINEL_NODE);
}

static inline u64 oa_allocs(const struct offset_alloc *oa)
{
	return oa->generation - oa->first_generation;
}

/* Of a node in the circle */
static inline bool oa_is_free(const struct offset_alloc_node *node)
{
	return node->link < OA_USED;
}

/* Is a node used? Only then is the bin in range. */
static inline u32 oa_used_bin(const struct offset_alloc_node *node)
{
	return node->link - OA_USED;
}

static inline bool oa_is_used(const struct offset_alloc_node *node)
{
	return oa_used_bin(node) < OFFSET_ALLOC_BINS;
}

static inline bool oa_is_head(const struct offset_alloc_node *node)
{
	return node->link >= OA_HEAD;
}

/* The word with the bit of a node */
static inline u64 *oa_spare_word(struct offset_alloc_chunk *chunk, unsigned int word)
{
	return &chunk->header[word / 2].spare[word % 2];
}

/* Is this the index of a node at all, whatever became of it? */
static inline bool oa_has_node(const struct offset_alloc *oa, u32 index)
{
	return index / OA_CHUNK_NODES < oa->max_chunks &&
	       oa->chunks[index / OA_CHUNK_NODES] &&
	       index % OA_CHUNK_NODES >= OA_HEADER_NODES;
}

/* Bins */

/*
 * A list that would have more becomes a tree, a tree that has fewer a list. A list
 * is looked through as a whole: that must not take longer than a tree does.
 */
#define OA_LIST_MAX		8U
#define OA_TREE_MIN		4U

/* The bins of a row are this power of two wide; only row 0 begins at 0. */
static inline unsigned int oa_bin_shift(u64 size)
{
	return fls64(size | OFFSET_ALLOC_ROW_BINS) - 1 - OFFSET_ALLOC_BIN_BITS;
}

/* Rounded down: all of a bin have at least the size that it begins with. */
static inline u32 oa_bin(u64 size)
{
	unsigned int shift = oa_bin_shift(size);

	return (shift << OFFSET_ALLOC_BIN_BITS) + (size >> shift);
}

static inline u64 oa_bin_min(u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;

	if (!row)
		return bin;
	return (u64)(OFFSET_ALLOC_ROW_BINS + bin % OFFSET_ALLOC_ROW_BINS) << (row - 1);
}

/* The size's bits below those that its bin has in common, from the highest on */
static inline u64 oa_tree_key(u64 size)
{
	return size << (63 - oa_bin_shift(size)) << 1;
}

static inline unsigned int oa_key_bit(u64 key)
{
	return key >> 63;
}

/*
 * A word's bit. In a register that is one instruction of most machines; in memory
 * compilers would shift a 1 instead.
 */
static inline u64 oa_with_bit(u64 word, u32 bit)
{
	OPTIMIZER_HIDE_VAR(word);
	return word | BIT_ULL(bit % 64);
}

static inline u64 oa_without_bit(u64 word, u32 bit)
{
	OPTIMIZER_HIDE_VAR(word);
	return word & ~BIT_ULL(bit % 64);
}

static inline void oa_bin_mark(struct offset_alloc *oa, u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;
	u64 *columns = &oa->columns[row];

	*columns = oa_with_bit(*columns, bin);
	oa->rows = oa_with_bit(oa->rows, row);
}

static inline void oa_bin_unmark(struct offset_alloc *oa, u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;
	u64 *columns = &oa->columns[row];

	*columns = oa_without_bit(*columns, bin);
	if (!*columns)
		oa->rows = oa_without_bit(oa->rows, row);
}

/* The first bin from @bin upwards that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_at_or_above(const struct offset_alloc *oa, u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;
	u64 word;

	if (bin >= OFFSET_ALLOC_BINS)
		return OFFSET_ALLOC_BINS;
	word = oa->columns[row] >> bin % OFFSET_ALLOC_ROW_BINS;
	if (word)
		return bin + __ffs64(word);
	word = oa->rows >> row >> 1;
	if (!word)
		return OFFSET_ALLOC_BINS;
	row += 1 + __ffs64(word);
	return row * OFFSET_ALLOC_ROW_BINS + __ffs64(oa->columns[row]);
}

/* The first bin from @bin downwards that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_at_or_below(const struct offset_alloc *oa, u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;
	u64 word = oa->columns[row] << (63 - bin % OFFSET_ALLOC_ROW_BINS);

	if (word)
		return bin + fls64(word) - 64;
	word = oa->rows & (BIT_ULL(row) - 1);
	if (!word)
		return OFFSET_ALLOC_BINS;
	row = fls64(word) - 1;
	return row * OFFSET_ALLOC_ROW_BINS + fls64(oa->columns[row]) - 1;
}

/* Nodes and chunks: offset_alloc_chunk.c */

u32 oa_max_chunks(u64 max_capacity);
size_t oa_directory_size(u32 max_chunks);
int oa_directory_new(struct offset_alloc *oa);
void oa_directory_free(struct offset_alloc *oa);
void oa_chunk_install(struct offset_alloc *oa, u32 slot,
		      struct offset_alloc_chunk *chunk);
void oa_sentinel_init(struct offset_alloc *oa);
u32 oa_chunk_get(struct offset_alloc *oa);
bool oa_nodes_refill(struct offset_alloc *oa, u32 nr);
bool oa_chunk_take(struct offset_alloc *oa, u32 index);
void oa_chunk_put(struct offset_alloc *oa, u32 index);

/* Have @nr spare nodes at hand, 2 at most, or say no. */
static inline bool oa_nodes_ready(struct offset_alloc *oa, u32 nr)
{
	return likely(oa->nr_hot >= nr) || oa_nodes_refill(oa, nr);
}

/* Take a spare node, which oa_nodes_ready() has said yes for. */
static inline u32 oa_node_get(struct offset_alloc *oa)
{
	return oa->hot[--oa->nr_hot];
}

/* A few are kept at hand: they will soon be wanted again, and are in the cache. */
static inline void oa_node_put(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node)
{
	node->link = OA_SPARE;
	if (likely(oa->nr_hot < OFFSET_ALLOC_HOT_NODES))
		oa->hot[oa->nr_hot++] = index;
	else
		oa_chunk_put(oa, index);
}

/* offset_alloc.c */

int oa_refuse(struct offset_alloc *oa);
int oa_refuse_node(struct offset_alloc *oa);
void oa_take(struct offset_alloc *oa, u32 index, struct offset_extent *extent);
int oa_split(struct offset_alloc *oa, u32 index, u32 bin, u64 size,
	     struct offset_extent *extent);

/* offset_alloc_aligned.c */

u32 oa_find_aligned(const struct offset_alloc *oa, u64 size, u64 align, u64 *offset);

static inline void oa_raise_bound(struct offset_alloc *oa, u64 size)
{
	if (size > oa->bound)
		WRITE_ONCE(oa->bound, size);
}

static inline bool oa_bin_is_tree(const struct offset_alloc *oa, u32 bin)
{
	return oa->trees[bin / OFFSET_ALLOC_ROW_BINS] & BIT_ULL(bin % OFFSET_ALLOC_ROW_BINS);
}

/* Have all extents of a bin the same size? */
static inline bool oa_bin_is_exact(u32 bin)
{
	return bin < 2 * OFFSET_ALLOC_ROW_BINS;
}

/* Make a node the first of a list, or one in a tree */
static inline void oa_make_head(struct offset_alloc_node *node, u32 bin)
{
	node->link = OA_HEAD + bin;
	node->children = 0;
}

/* Trees: offset_alloc_tree.c */

void oa_bin_insert_more(struct offset_alloc *oa, u32 bin, u32 index,
			struct offset_alloc_node *node);
void oa_tree_remove(struct offset_alloc *oa, u32 bin, u32 index,
		    const struct offset_alloc_node *node);
u32 oa_bin_find(const struct offset_alloc *oa, u32 bin, u64 size);
u32 oa_bin_any(const struct offset_alloc *oa, u32 bin);
u32 oa_find_largest(const struct offset_alloc *oa);

/* Put a free extent in the bin of its size. */
static inline void oa_bin_insert(struct offset_alloc *oa, u32 bin, u32 index,
				 struct offset_alloc_node *node)
{
	if (++oa->bins[bin].nr > 1) {
		oa_bin_insert_more(oa, bin, index, node);
		return;
	}
	oa->bins[bin].root = index;
	oa_make_head(node, bin);
	node->chain = OA_NIL;
	oa_bin_mark(oa, bin);
}

/* Give a free extent that is in no bin its size, and put it in the bin for it. */
static inline void oa_add_free(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node, u64 size)
{
	node->size = size;
	oa_raise_bound(oa, size);
	oa_bin_insert(oa, oa_bin(size), index, node);
}

/* Take the only extent out of a bin. */
static inline void oa_bin_clear(struct offset_alloc *oa, u32 bin)
{
	oa->bins[bin].nr = 0;
	oa->bins[bin].root = OA_NIL;
	oa_bin_unmark(oa, bin);
}

/* Take the first of a list out of it. */
static inline void oa_list_remove(struct offset_alloc *oa, u32 bin,
				  const struct offset_alloc_node *node)
{
	if (!node->chain) {
		oa_bin_clear(oa, bin);
		return;
	}
	oa->bins[bin].nr--;
	oa->bins[bin].root = node->chain;
	oa_make_head(oa_node(oa, node->chain), bin);
}

/* Take one out of the list or chain that it isn't the first of. */
static inline void oa_chain_remove(struct offset_alloc *oa,
				   const struct offset_alloc_node *node)
{
	oa_node(oa, node->link)->chain = node->chain;
	if (node->chain)
		oa_node(oa, node->chain)->link = node->link;
}

/* Take a free extent out of its bin. Its @size and its neighbours remain. */
static inline void oa_bin_remove(struct offset_alloc *oa, u32 index,
				 const struct offset_alloc_node *node)
{
	u32 bin = oa_is_head(node) ? node->link - OA_HEAD : node->bin;

	if (oa->bins[bin].nr == 1) {
		oa_bin_clear(oa, bin);
	} else if (unlikely(oa_bin_is_tree(oa, bin))) {
		oa_tree_remove(oa, bin, index, node);
	} else if (oa_is_head(node)) {
		oa_list_remove(oa, bin, node);
	} else {
		oa->bins[bin].nr--;
		oa_chain_remove(oa, node);
	}
}

/* The first bin above @bin that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_above(const struct offset_alloc *oa, u32 bin)
{
	u32 row = bin / OFFSET_ALLOC_ROW_BINS;
	u64 word = oa->columns[row] >> bin % OFFSET_ALLOC_ROW_BINS >> 1;

	if (word)
		return bin + 1 + __ffs64(word);
	word = oa->rows >> row >> 1;
	if (!word)
		return OFFSET_ALLOC_BINS;
	row += 1 + __ffs64(word);
	return row * OFFSET_ALLOC_ROW_BINS + __ffs64(oa->columns[row]);
}

/* Where a free extent begins: after the one before it, which is used */
static inline u64 oa_free_offset(const struct offset_alloc *oa,
				 const struct offset_alloc_node *node)
{
	const struct offset_alloc_node *prev = oa_node(oa, node->prev);

	return prev->offset + prev->size;
}

/* The used node that a handle names, or NULL */
static inline struct offset_alloc_node *oa_handle_node(const struct offset_alloc *oa, u64 handle)
{
	struct offset_alloc_chunk *chunk;
	struct offset_alloc_node *node;
	u32 index = handle;
	u32 slot = index / OA_CHUNK_NODES;

	if (unlikely(slot >= oa->max_chunks))
		return NULL;
	/* Handles come from outside: no speculation beyond the directory */
	chunk = oa->chunks[array_index_nospec(slot, oa->max_chunks)];
	if (unlikely(!chunk))
		return NULL;
	node = &chunk->nodes[index % OA_CHUNK_NODES];
	OPTIMIZER_HIDE_VAR(node);
	if (unlikely(!oa_is_used(node) || node->generation != handle >> 32))
		return NULL;
	return node;
}

#endif /* _PINPOOL_OFFSET_ALLOC_INTERNAL_H */
