/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The offset allocator: what its source files have in common
 *
 * All extents, used and free, form a circle in the order of their offsets,
 * closed by the sentinel. No two neighbours are free.
 *
 * The free extents of one bin are a list. Where they become many, and can differ
 * in size, as in a wide bin, they are a digital search tree by size instead, until
 * they are few again: the children of a node differ in one bit of the size, the
 * highest below those that the whole bin, or the parent, has in common; those of
 * the same size are chained behind the one in the tree.
 *
 * What takes time here is branches that are mispredicted, as they depend on how the
 * extents lie by chance. So the common ways for exact bins, and for wide ones with
 * several extents, do without some branches that would take less instructions; the
 * ways for extents that are alone in wide bins have them, and do less.
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
/* Nearly 2^17: so that no index is as large as the links that aren't one */
#define OA_MAX_CHUNKS		(0x20000U - 64U)
#define OA_NIL			0U	/* in a chunk's header: never a node */
#define OA_NO_CHUNK		(~0U)

/* What a node is, in its @link; the index of a node there: free, and behind that */
#define OA_SPARE		0U
#define OA_HEAD			0xffff0000U	/* + bin: free, in its tree or first */
#define OA_USED			0xfffffffeU
#define OA_SENTINEL		0xffffffffU

/*
 * The sentinel's offset is the capacity, so that an extent ends where the next
 * node begins; the sum of its offset and size is 0, where the first extent
 * begins; and its size beats that of any extent.
 */
struct offset_alloc_node {
	union {
		u64 offset;		/* but of a tree's head */
		u32 child[2];		/* of that, by the next bit of the size */
		u64 children;
	};
	u64 size;
	union {
		struct {
			u32 prev;	/* neighbours by offset */
			u32 next;
		};
		u32 beside[2];		/* the same */
	};
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
	u32 link;			/* OA_SPARE, but see oa_list_push() */
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
#define OA_HEADER_SIZE		(OA_HEADER_NODES * OFFSET_ALLOC_NODE_SIZE)
#define OA_SENTINEL_NODE	OA_HEADER_SIZE

static_assert(sizeof(struct offset_alloc_node) == OFFSET_ALLOC_NODE_SIZE,
	      "the size of a node is part of the interface");
static_assert(sizeof(struct oa_header_node) == OFFSET_ALLOC_NODE_SIZE,
	      "the header of a chunk is made of nodes");
static_assert(sizeof(struct offset_alloc_chunk) == OFFSET_ALLOC_CHUNK_SIZE,
	      "the size of a chunk is part of the interface");

/*
 * The index of a node is its distance in bytes from the first one, if all chunks
 * lay side by side in the order of their slots.
 */
static inline u32 oa_slot(u32 index)
{
	return index / OFFSET_ALLOC_CHUNK_SIZE;
}

static inline unsigned long oa_base(const struct offset_alloc_chunk *chunk, u32 slot)
{
	return (unsigned long)chunk - slot * OFFSET_ALLOC_CHUNK_SIZE;
}

static inline struct offset_alloc_node *oa_node(const struct offset_alloc *oa, u32 index)
{
	return (struct offset_alloc_node *)(oa->bases[oa_slot(index)] + index);
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

static inline bool oa_is_used(const struct offset_alloc_node *node)
{
	return node->link == OA_USED;
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
	return oa_slot(index) < oa->max_chunks && oa->chunks[oa_slot(index)] &&
	       index % OFFSET_ALLOC_CHUNK_SIZE >= OA_HEADER_SIZE &&
	       index % OFFSET_ALLOC_NODE_SIZE == 0;
}

/* Bins */

/*
 * A list that would have more becomes a tree, a tree that has fewer a list. A list
 * is looked through as a whole: that must not take longer than a tree does.
 */
#define OA_LIST_MAX		8U
#define OA_TREE_MIN		4U
#define OA_TREE			(1U << 31)	/* set in the count of a bin that is a tree */

/* Have all extents of a bin the same size? */
static inline bool oa_bin_is_exact(u32 bin)
{
	return bin < OFFSET_ALLOC_EXACT_BINS;
}

/* Of sizes that have no bins of their own: these are this power of two wide. */
static inline unsigned int oa_bin_shift(u64 size)
{
	return fls64(size) - 1 - OFFSET_ALLOC_BIN_BITS;
}

/* The wide bins would begin here if all sizes had such: not at 0 */
#define OA_WIDE_BASE	(OFFSET_ALLOC_EXACT_BINS - OFFSET_ALLOC_ROW_BINS * \
			 (1 + OFFSET_ALLOC_EXACT_BITS - OFFSET_ALLOC_BIN_BITS))

static inline u32 oa_wide_bin(u64 size)
{
	unsigned int shift = oa_bin_shift(size);

	return OA_WIDE_BASE + (shift << OFFSET_ALLOC_BIN_BITS) + (size >> shift);
}

/* Rounded down: all of a bin have at least the size that it begins with. */
static inline u32 oa_bin(u64 size)
{
	return size < OFFSET_ALLOC_EXACT_BINS ? size : oa_wide_bin(size);
}

static inline u64 oa_bin_min(u32 bin)
{
	u32 wide = bin - OFFSET_ALLOC_EXACT_BINS;

	if (oa_bin_is_exact(bin))
		return bin;
	return (u64)(OFFSET_ALLOC_ROW_BINS + wide % OFFSET_ALLOC_ROW_BINS) <<
	       (wide / OFFSET_ALLOC_ROW_BINS + OFFSET_ALLOC_EXACT_BITS - OFFSET_ALLOC_BIN_BITS);
}

/* The size's bits below those that its bin has in common, from the highest on */
static inline u64 oa_tree_key(u64 size)
{
	/* A search may begin with a size that has no wide bin: then it ends at once. */
	return size << (63 - oa_bin_shift(size | OFFSET_ALLOC_EXACT_BINS)) << 1;
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

static_assert(OFFSET_ALLOC_BINS / 64 < 64, "one word has a bit for each word of marks");

static inline void oa_bin_mark(struct offset_alloc *oa, u32 bin)
{
	u32 word = bin / 64;
	u64 marks = oa->marks[word];

	oa->marks[word] = oa_with_bit(marks, bin);
	if (!marks)
		oa->words = oa_with_bit(oa->words, word);
}

static inline void oa_bin_unmark(struct offset_alloc *oa, u32 bin)
{
	u32 word = bin / 64;
	u64 marks = oa_without_bit(oa->marks[word], bin);

	oa->marks[word] = marks;
	if (!marks)
		oa->words = oa_without_bit(oa->words, word);
}

/* The same if @empty, but without a branch */
static inline void oa_bin_unmark_if(struct offset_alloc *oa, u32 bin, bool empty)
{
	u32 word = bin / 64;
	u64 marks = oa->marks[word] & ~((u64)empty << bin % 64);

	oa->marks[word] = marks;
	if (!marks)
		oa->words = oa_without_bit(oa->words, word);
}

/* The first bin that has an extent, and its mark in a word above this one */
static inline u32 oa_bin_above_word(const struct offset_alloc *oa, u32 word)
{
	u64 words = oa->words >> word >> 1;

	if (!words)
		return OFFSET_ALLOC_BINS;
	word += 1 + __ffs64(words);
	return word * 64 + __ffs64(oa->marks[word]);
}

/* The first bin from @bin upwards that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_at_or_above(const struct offset_alloc *oa, u32 bin)
{
	u64 marks;

	if (bin >= OFFSET_ALLOC_BINS)
		return OFFSET_ALLOC_BINS;
	marks = oa->marks[bin / 64] >> bin % 64;
	return marks ? bin + __ffs64(marks) : oa_bin_above_word(oa, bin / 64);
}

/* The first bin above @bin that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_above(const struct offset_alloc *oa, u32 bin)
{
	u64 marks = oa->marks[bin / 64] >> bin % 64 >> 1;

	return marks ? bin + 1 + __ffs64(marks) : oa_bin_above_word(oa, bin / 64);
}

/* The first bin from @bin downwards that has an extent, or OFFSET_ALLOC_BINS */
static inline u32 oa_bin_at_or_below(const struct offset_alloc *oa, u32 bin)
{
	u32 word = bin / 64;
	u64 marks = oa->marks[word] << (63 - bin % 64);
	u64 words = oa->words & (BIT_ULL(word) - 1);

	if (marks)
		return bin + fls64(marks) - 64;
	if (!words)
		return OFFSET_ALLOC_BINS;
	word = fls64(words) - 1;
	return word * 64 + fls64(oa->marks[word]) - 1;
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
int oa_split(struct offset_alloc *oa, u32 index, u64 size,
	     struct offset_extent *extent);
bool oa_find_offset(const struct offset_alloc *oa, u64 offset, u32 *left, u32 *found,
		    u32 *finger);

/* offset_alloc_aligned.c */

u32 oa_find_aligned(const struct offset_alloc *oa, u64 size, u64 align, u64 *offset,
		    bool *more);

static inline void oa_raise_bound(struct offset_alloc *oa, u64 size)
{
	if (size > oa->bound)
		WRITE_ONCE(oa->bound, size);
}

static inline bool oa_bin_is_tree(const struct offset_alloc *oa, u32 bin)
{
	return oa->bins[bin].nr & OA_TREE;
}

/* The extents that a bin has */
static inline u32 oa_bin_nr(const struct offset_alloc *oa, u32 bin)
{
	return oa->bins[bin].nr & ~OA_TREE;
}

/* Bins of any kind: offset_alloc_tree.c */

void oa_bin_insert(struct offset_alloc *oa, u32 bin, u32 index,
		   struct offset_alloc_node *node);
void oa_bin_remove(struct offset_alloc *oa, u32 index, struct offset_alloc_node *node);
u32 oa_bin_find(const struct offset_alloc *oa, u32 bin, u64 size);
u32 oa_bin_any(const struct offset_alloc *oa, u32 bin);
u32 oa_find_largest(const struct offset_alloc *oa);

/* Is a bin a list, and remains one with another extent? */
static inline bool oa_list_has_room(const struct offset_alloc *oa, u32 bin)
{
	return oa_bin_is_exact(bin) || likely(oa->bins[bin].nr < OA_LIST_MAX);
}

/*
 * Put a free extent in a list, as the first. Whether there are others is like the
 * toss of a coin: this takes no branch, which would be mispredicted. If there is
 * none, a header takes what would be written to the other one.
 */
static inline void oa_list_push(struct offset_alloc *oa, u32 number, u32 index,
				struct offset_alloc_node *node)
{
	struct offset_alloc_bin *bin = &oa->bins[number];
	u32 first = bin->root;

	node->link = OA_HEAD + number;
	bin->root = index;
	node->chain = first;
	bin->nr++;
	oa_node(oa, first)->link = index;
	oa_bin_mark(oa, number);
}

/* Take the first one out of a list. */
static inline void oa_list_pop(struct offset_alloc *oa, u32 number,
			       const struct offset_alloc_node *node)
{
	struct offset_alloc_bin *bin = &oa->bins[number];
	u32 second = node->chain;

	bin->root = second;
	oa_node(oa, second)->link = OA_HEAD + number;
	oa_bin_unmark_if(oa, number, !--bin->nr);
}

/* Take any one out of a list. */
static inline void oa_list_remove(struct offset_alloc *oa, u32 number,
				  const struct offset_alloc_node *node)
{
	struct offset_alloc_bin *bin = &oa->bins[number];
	u32 link = node->link, next = node->chain;
	u32 *at;

	at = &oa_node(oa, link >= OA_HEAD ? OA_NIL : link)->chain;
	at = link >= OA_HEAD ? &bin->root : at;
	*at = next;
	oa_node(oa, next)->link = link;
	oa_bin_unmark_if(oa, number, !--bin->nr);
}

/* Is a free extent the only one of its bin, and that a wide one? */
static inline bool oa_is_alone(const struct offset_alloc *oa, const struct offset_alloc_node *node)
{
	/* Of any that isn't the first of a wide bin's list this is out of range. */
	u32 wide = node->link - (OA_HEAD + OFFSET_ALLOC_EXACT_BINS);

	return wide < OFFSET_ALLOC_BINS - OFFSET_ALLOC_EXACT_BINS &&
	       oa->bins[OFFSET_ALLOC_EXACT_BINS + wide].nr == 1;
}

/* Take the only extent out of a bin. */
static inline void oa_bin_clear(struct offset_alloc *oa, u32 bin)
{
	oa->bins[bin].root = OA_NIL;
	oa->bins[bin].nr = 0;
	oa_bin_unmark(oa, bin);
}

/* Move a free extent that is alone in its bin to an empty one. */
static inline void oa_move_alone(struct offset_alloc *oa, u32 from, u32 to, u32 index,
				 struct offset_alloc_node *node)
{
	oa_bin_clear(oa, from);
	oa->bins[to].root = index;
	node->link = OA_HEAD + to;
	oa->bins[to].nr = 1;
	oa_bin_mark(oa, to);
}

/* Give a free extent that is in no bin its place, and put it in the bin for it. */
static inline void oa_add_free(struct offset_alloc *oa, u32 index,
			       struct offset_alloc_node *node, u64 offset, u64 size)
{
	node->offset = offset;
	node->size = size;
	oa_raise_bound(oa, size);
	oa_bin_insert(oa, oa_bin(size), index, node);
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
	struct offset_alloc_node *node;
	unsigned long base;
	u32 index = handle;
	u32 slot = oa_slot(index);

	if (unlikely(slot >= oa->max_chunks || index % OFFSET_ALLOC_NODE_SIZE))
		return NULL;
	/* Handles come from outside: no speculation beyond the directory */
	slot = array_index_nospec(slot, oa->max_chunks);
	base = oa->bases[slot];
	/* A base of 0 would be a rare coincidence, but is possible. */
	if (unlikely(!base && !oa->chunks[slot]))
		return NULL;
	node = (struct offset_alloc_node *)(base + index);
	if (unlikely(!oa_is_used(node) || node->generation != handle >> 32))
		return NULL;
	return node;
}

#endif /* _PINPOOL_OFFSET_ALLOC_INTERNAL_H */
