// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: see offset_alloc.h for its use
 *
 * All extents, used and free, form a circle in the order of their offsets,
 * closed by node 0, the sentinel. Free extents are also on the list of the bin
 * of their size, rounded down; two levels of bitmaps tell which bins have one.
 * No two neighbours are free: freeing merges at once.
 *
 * Bounds: an allocation looks at no more than FEW + OFFSET_ALLOC_SCAN + 1 free
 * extents, an aligned one at no more than ALIGN_SCAN + 1, and neither at more
 * bins than that. A free is a fixed number of steps.
 *
 * Looking at so few has a price: a request can be refused although some free
 * extent would fit, if that extent hides behind OFFSET_ALLOC_SCAN others of
 * its own bin, which is at most 1/64 wide, and no larger bin holds one either.
 * An aligned request can also miss an extent that is smaller than size +
 * align - 1 and happens to lie well.
 */
#ifdef __KERNEL__

#include "offset_alloc.h"

#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

static void *zalloc_directory(size_t n, size_t size)
{
	return kvcalloc(n, size, GFP_KERNEL);
}

static void *zalloc_chunk(size_t size)
{
	return kvzalloc(size, GFP_KERNEL);
}

static void free_memory(const void *p)
{
	kvfree(p);
}

#else /* !__KERNEL__ */

#include "offset_alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define U64_MAX			UINT64_MAX
#define BIT_ULL(n)		(1ULL << (n))
#define array_index_nospec(index, size)	(index)

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline unsigned int __ffs64(u64 x)
{
	return __builtin_ctzll(x);
}

/* Costs address space only, until chunks are added */
static void *zalloc_directory(size_t n, size_t size)
{
	return calloc(n, size);
}

/* Nodes are half a cache line: keep each of them within one */
static void *zalloc_chunk(size_t size)
{
	void *p = aligned_alloc(64, size);

	return p ? memset(p, 0, size) : NULL;
}

static void free_memory(void *p)
{
	free(p);
}

#endif /* __KERNEL__ */

#define CHUNK_NODES	1024U
#define MAX_NODES	0x10000000U

#define SENTINEL	0U
#define NIL		0U	/* the sentinel is on no list */

#define NR_BINS		(OFFSET_ALLOC_ROWS * OFFSET_ALLOC_ROW_BINS)
#define NO_BIN		NR_BINS

/* Entries of a bin to look at before going on to a larger one */
#define FEW		2
/* The same for an aligned request: bins to look at before a sure one */
#define ALIGN_BINS	4
/* Entries to look at in all before an aligned request is refused */
#define ALIGN_SCAN	(4 * OFFSET_ALLOC_SCAN)

/* What a node is, in bin_prev; any index of a node there: a free extent */
#define NODE_SENTINEL	0xfffffffdU
#define NODE_USED	0xfffffffeU
#define NODE_SPARE	0xffffffffU

/*
 * The sentinel's offset is the capacity, so that an extent ends where the next
 * node begins, and its size beats that of any extent.
 */
struct offset_alloc_node {
	u64 offset;
	u64 size;
	u32 prev;		/* neighbours by offset */
	u32 next;
	u32 bin_prev;		/* or one of NODE_* */
	u32 bin_next;		/* used: generation; spare: see spare_next() */
};

struct offset_alloc_chunk {
	struct offset_alloc_node nodes[CHUNK_NODES];
};

static_assert(sizeof(struct offset_alloc_node) == OFFSET_ALLOC_NODE_SIZE,
	      "the size of a node is part of the interface");

static inline struct offset_alloc_node *node_at(const struct offset_alloc *oa,
						u32 index)
{
	return &oa->chunks[index / CHUNK_NODES]->nodes[index % CHUNK_NODES];
}

static inline u32 nr_nodes(const struct offset_alloc *oa)
{
	return oa->nr_chunks * CHUNK_NODES;
}

static inline bool node_is_free(const struct offset_alloc_node *node)
{
	return node->bin_prev < MAX_NODES;
}

/* Every extent has a unit or more, so there are no more than @capacity */
static u32 chunks_for(u64 capacity)
{
	u64 nodes = capacity + 1;

	if (nodes > MAX_NODES)
		nodes = MAX_NODES;
	return (nodes + CHUNK_NODES - 1) / CHUNK_NODES;
}

/* Bins */

static inline u32 bin_of(u64 size)
{
	u32 shift;

	if (size < OFFSET_ALLOC_ROW_BINS)
		return size;
	shift = fls64(size) - 1 - OFFSET_ALLOC_BIN_BITS;
	return ((shift + 1) << OFFSET_ALLOC_BIN_BITS) |
	       ((size >> shift) & (OFFSET_ALLOC_ROW_BINS - 1));
}

static inline u32 bin_row(u32 bin)
{
	return bin >> OFFSET_ALLOC_BIN_BITS;
}

static inline u32 bin_column(u32 bin)
{
	return bin & (OFFSET_ALLOC_ROW_BINS - 1);
}

static inline u32 bin_head(const struct offset_alloc *oa, u32 bin)
{
	return oa->heads[bin_row(bin)][bin_column(bin)];
}

/* The first bin from @bin upwards that has an extent, or NO_BIN */
static u32 bin_at_or_above(const struct offset_alloc *oa, u32 bin)
{
	u32 row = bin_row(bin);
	u64 word;

	if (bin >= NR_BINS)
		return NO_BIN;
	word = oa->bins[row] >> bin_column(bin);
	if (word)
		return bin + __ffs64(word);
	word = oa->rows >> row >> 1;
	if (!word)
		return NO_BIN;
	row += 1 + __ffs64(word);
	return (row << OFFSET_ALLOC_BIN_BITS) + __ffs64(oa->bins[row]);
}

/* The first bin from @bin downwards that has an extent, or NO_BIN */
static u32 bin_at_or_below(const struct offset_alloc *oa, u32 bin)
{
	u32 row = bin_row(bin);
	u64 word = oa->bins[row] << (OFFSET_ALLOC_ROW_BINS - 1 - bin_column(bin));

	if (word)
		return bin + fls64(word) - OFFSET_ALLOC_ROW_BINS;
	word = oa->rows & (BIT_ULL(row) - 1);
	if (!word)
		return NO_BIN;
	row = fls64(word) - 1;
	return (row << OFFSET_ALLOC_BIN_BITS) + fls64(oa->bins[row]) - 1;
}

static void bin_insert(struct offset_alloc *oa, u32 bin, u32 index,
		       struct offset_alloc_node *node)
{
	u32 row = bin_row(bin), column = bin_column(bin);
	u32 head = oa->heads[row][column];

	node->bin_prev = NIL;
	node->bin_next = head;
	oa->heads[row][column] = index;
	if (head) {
		node_at(oa, head)->bin_prev = index;
		return;
	}
	oa->bins[row] |= BIT_ULL(column);
	oa->rows |= BIT_ULL(row);
}

static void bin_remove(struct offset_alloc *oa, u32 bin,
		       const struct offset_alloc_node *node)
{
	u32 row = bin_row(bin), column = bin_column(bin);

	if (node->bin_next)
		node_at(oa, node->bin_next)->bin_prev = node->bin_prev;
	if (node->bin_prev) {
		node_at(oa, node->bin_prev)->bin_next = node->bin_next;
		return;
	}
	oa->heads[row][column] = node->bin_next;
	if (node->bin_next)
		return;
	oa->bins[row] &= ~BIT_ULL(column);
	if (!oa->bins[row])
		oa->rows &= ~BIT_ULL(row);
}

/* Give a free extent another size. Most often its bin remains the same. */
static void resize_free(struct offset_alloc *oa, u32 index,
			struct offset_alloc_node *node, u64 size)
{
	u32 from = bin_of(node->size), to = bin_of(size);

	node->size = size;
	if (from == to)
		return;
	bin_remove(oa, from, node);
	bin_insert(oa, to, index, node);
}

/* Spare nodes */

/*
 * The link of a spare node is relative to the node after it, so that a new
 * chunk, all zero, is a list already and joins the others in one step however
 * long it is.
 */
static inline u32 spare_next(const struct offset_alloc_node *node, u32 index)
{
	return index + 1 + node->bin_next;
}

static inline void spare_set_next(struct offset_alloc_node *node, u32 index,
				  u32 next)
{
	node->bin_next = next - (index + 1);
}

static u32 spare_get(struct offset_alloc *oa)
{
	u32 index = oa->spare;

	oa->spare = spare_next(node_at(oa, index), index);
	oa->nr_spare--;
	return index;
}

static void spare_put(struct offset_alloc *oa, u32 index,
		      struct offset_alloc_node *node)
{
	node->bin_prev = NODE_SPARE;
	spare_set_next(node, index, oa->spare);
	oa->spare = index;
	oa->nr_spare++;
}

/* The circle of neighbours */

static void link_between(struct offset_alloc *oa, u32 index,
			 struct offset_alloc_node *node, u32 prev, u32 next)
{
	node->prev = prev;
	node->next = next;
	node_at(oa, prev)->next = index;
	node_at(oa, next)->prev = index;
}

static void unlink_between(struct offset_alloc *oa, u32 prev, u32 next)
{
	node_at(oa, prev)->next = next;
	node_at(oa, next)->prev = prev;
}

/* Search */

/*
 * Look at @limit entries of a list from *@pos on, for one of @size exactly or
 * else the smallest that fits. *@pos is then where a further call can go on.
 */
static u32 scan(const struct offset_alloc *oa, u32 *pos, u32 limit, u64 size)
{
	u64 best_size = U64_MAX;
	u32 best = NIL;
	u32 index;

	for (index = *pos; index && limit; limit--) {
		const struct offset_alloc_node *node = node_at(oa, index);

		if (node->size == size)
			return index;
		if (node->size > size && node->size < best_size) {
			best = index;
			best_size = node->size;
		}
		index = node->bin_next;
	}
	*pos = index;
	return best;
}

/*
 * The bin of the size itself comes first, although not all of its extents fit:
 * only there can one of exactly this size be.
 */
static u32 find(const struct offset_alloc *oa, u64 size)
{
	u32 bin = bin_of(size);
	u32 pos = bin_head(oa, bin);
	u32 found;

	found = scan(oa, &pos, FEW, size);
	if (found)
		return found;
	bin = bin_at_or_above(oa, bin + 1);
	if (bin != NO_BIN)
		return bin_head(oa, bin);
	return scan(oa, &pos, OFFSET_ALLOC_SCAN, size);
}

/* No sum here can overflow: offsets and sizes are below 2^63, @align too */
static inline u64 align_up(u64 offset, u64 align)
{
	return (offset + align - 1) & ~(align - 1);
}

static inline u64 align_down(u64 offset, u64 align)
{
	return offset & ~(align - 1);
}

static bool fits_aligned(const struct offset_alloc_node *node, u64 size,
			 u64 align)
{
	return node->size >= size &&
	       align_up(node->offset, align) - node->offset <= node->size - size;
}

static u32 scan_aligned(const struct offset_alloc *oa, u32 bin, u32 limit,
			u32 *budget, u64 size, u64 align)
{
	u64 best_size = U64_MAX;
	u32 best = NIL;
	u32 index;

	for (index = bin_head(oa, bin); index && limit && *budget; limit--) {
		const struct offset_alloc_node *node = node_at(oa, index);

		--*budget;
		if (node->size < best_size && fits_aligned(node, size, align)) {
			best = index;
			best_size = node->size;
			if (best_size == size)
				break;
		}
		index = node->bin_next;
	}
	return best;
}

static u32 find_aligned(const struct offset_alloc *oa, u64 size, u64 align)
{
	u32 budget = ALIGN_SCAN;
	u32 floor = bin_of(size);
	u32 bin, sure, found;
	int i;

	/* Only offset 0 is aligned so: no need to search, nor to miss it */
	if (align >= oa->capacity) {
		const struct offset_alloc_node *node;

		found = node_at(oa, SENTINEL)->next;
		node = node_at(oa, found);
		return node_is_free(node) && node->size >= size ? found : NIL;
	}

	/* From this bin on all have size + align - 1: they fit wherever they lie */
	sure = bin_of(size + align - 2) + 1;

	bin = bin_at_or_above(oa, floor);
	for (i = 0; i < ALIGN_BINS && bin < sure; i++) {
		found = scan_aligned(oa, bin, FEW, &budget, size, align);
		if (found)
			return found;
		bin = bin_at_or_above(oa, bin + 1);
	}

	bin = bin_at_or_above(oa, sure);
	if (bin != NO_BIN)
		return bin_head(oa, bin);

	/*
	 * The last resort: the bin where the exact fits are, then the others
	 * from the largest down, since the larger the likelier it fits.
	 */
	found = scan_aligned(oa, floor, OFFSET_ALLOC_SCAN, &budget, size, align);
	bin = bin_at_or_below(oa, sure - 1);
	while (!found && budget && bin != NO_BIN && bin > floor) {
		found = scan_aligned(oa, bin, OFFSET_ALLOC_SCAN, &budget, size,
				     align);
		bin = bin_at_or_below(oa, bin - 1);
	}
	return found;
}

/*
 * Where in a free extent to put an allocation: flush with one of its ends, so
 * that one remainder is left and not two. Where both ends will do, at the
 * smaller neighbour: the remainder then borders the larger one, and becomes
 * part of a larger extent when that is freed. An end of the region is never
 * freed: it counts as large, by the size of the sentinel.
 */
static u64 place(const struct offset_alloc *oa,
		 const struct offset_alloc_node *node, u64 size, u64 align)
{
	u64 last = node->offset + node->size - size;
	u64 low = align_up(node->offset, align);
	u64 high = align_down(last, align);
	bool low_flush = low == node->offset;
	bool high_flush = high == last;

	if (low_flush != high_flush)
		return low_flush ? low : high;
	if (node_at(oa, node->prev)->size <= node_at(oa, node->next)->size)
		return low;
	return high;
}

/*
 * Turn [@offset, @offset + @size) of a larger free extent into a used one and
 * return its index. What is left before and after it remains free; the caller
 * has made sure of a spare node for each of these two.
 */
static u32 carve(struct offset_alloc *oa, u32 index,
		 struct offset_alloc_node *node, u64 offset, u64 size)
{
	u64 before = offset - node->offset;
	u64 after = node->size - size - before;
	struct offset_alloc_node *used, *rest;
	u32 used_index, rest_index;

	used_index = spare_get(oa);
	used = node_at(oa, used_index);
	used->offset = offset;
	used->size = size;
	if (!before) {
		link_between(oa, used_index, used, node->prev, index);
		node->offset = offset + size;
		resize_free(oa, index, node, after);
		return used_index;
	}

	link_between(oa, used_index, used, index, node->next);
	resize_free(oa, index, node, before);
	if (after) {
		rest_index = spare_get(oa);
		rest = node_at(oa, rest_index);
		rest->offset = offset + size;
		rest->size = after;
		link_between(oa, rest_index, rest, used_index, used->next);
		bin_insert(oa, bin_of(after), rest_index, rest);
		oa->nr_free++;
	}
	return used_index;
}

/* Handles */

static inline u32 handle_generation(u64 handle)
{
	return handle >> 32;
}

/* The index of the used node that a handle names, or NIL */
static u32 handle_index(const struct offset_alloc *oa, u64 handle)
{
	const struct offset_alloc_node *node;
	u32 index = handle;

	if (index >= nr_nodes(oa))
		return NIL;
	/* Handles come from outside: no speculation beyond the directory */
	index = array_index_nospec(index, nr_nodes(oa));
	node = node_at(oa, index);
	if (node->bin_prev != NODE_USED ||
	    node->bin_next != handle_generation(handle))
		return NIL;
	return index;
}

/**
 * offset_alloc_init - Set up an allocator, all of it free
 * @oa: The allocator; what it contains is overwritten
 * @capacity: Units it divides, 1 to OFFSET_ALLOC_MAX_CAPACITY
 *
 * Allocates the first chunk of nodes, and the directory of all the chunks that
 * the capacity can ever need: 8 bytes per 1024 units, no more than 2 MiB.
 *
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL if the capacity is out of range; -ENOMEM. After an error
 *         offset_alloc_destroy() is allowed but not needed.
 */
int offset_alloc_init(struct offset_alloc *oa, u64 capacity)
{
	struct offset_alloc_chunk *chunk;
	struct offset_alloc_node *sentinel, *all;
	u32 index;

	memset(oa, 0, sizeof(*oa));
	if (!capacity || capacity > OFFSET_ALLOC_MAX_CAPACITY)
		return -EINVAL;

	chunk = offset_alloc_chunk_new();
	if (!chunk)
		return -ENOMEM;
	oa->max_chunks = chunks_for(capacity);
	oa->chunks = zalloc_directory(oa->max_chunks, sizeof(*oa->chunks));
	if (!oa->chunks) {
		offset_alloc_chunk_free(chunk);
		oa->max_chunks = 0;
		return -ENOMEM;
	}
	oa->capacity = capacity;
	offset_alloc_add_chunk(oa, chunk);

	index = spare_get(oa);	/* the very first: SENTINEL */
	sentinel = node_at(oa, index);
	sentinel->offset = capacity;
	sentinel->size = U64_MAX;
	sentinel->bin_prev = NODE_SENTINEL;
	sentinel->bin_next = 0;

	index = spare_get(oa);
	all = node_at(oa, index);
	all->offset = 0;
	all->size = capacity;
	link_between(oa, index, all, SENTINEL, SENTINEL);
	bin_insert(oa, bin_of(capacity), index, all);
	oa->nr_free = 1;
	return 0;
}

/**
 * offset_alloc_destroy - Free all that an allocator has allocated
 * @oa: The allocator, whether or not it has used extents; may also be all zero
 *
 * Context: Process context, may sleep.
 */
void offset_alloc_destroy(struct offset_alloc *oa)
{
	u32 i;

	for (i = 0; i < oa->nr_chunks; i++)
		offset_alloc_chunk_free(oa->chunks[i]);
	free_memory(oa->chunks);
	oa->chunks = NULL;
	oa->nr_chunks = 0;
	oa->max_chunks = 0;
}

/**
 * offset_alloc_chunk_new - Allocate nodes for any allocator
 *
 * Context: Process context, may sleep.
 * Return: A chunk for offset_alloc_add_chunk() or offset_alloc_chunk_free(),
 *         NULL if there is no memory.
 */
struct offset_alloc_chunk *offset_alloc_chunk_new(void)
{
	struct offset_alloc_chunk *chunk = zalloc_chunk(sizeof(*chunk));
	u32 i;

	if (!chunk)
		return NULL;
	for (i = 0; i < CHUNK_NODES; i++)
		chunk->nodes[i].bin_prev = NODE_SPARE;
	return chunk;
}

/**
 * offset_alloc_chunk_free - Free a chunk that no allocator has taken
 * @chunk: The chunk, or NULL
 *
 * Context: Process context, may sleep.
 */
void offset_alloc_chunk_free(struct offset_alloc_chunk *chunk)
{
	free_memory(chunk);
}

/**
 * offset_alloc_ready - Can the next allocation do without a new chunk?
 * @oa: The allocator
 *
 * True with two spare nodes, the most that one allocation takes. True as well
 * once there are as many chunks as the capacity can ever need: then there is a
 * node for every unit. Only an allocator of 2^28 units and more may then still
 * run out of nodes, and offset_alloc_alloc() gives -ENOSPC.
 *
 * Context: Any; the caller holds the lock of the allocator.
 * Return: True if offset_alloc_alloc() won't give -ENOMEM.
 */
bool offset_alloc_ready(const struct offset_alloc *oa)
{
	return oa->nr_spare >= 2 || oa->nr_chunks == oa->max_chunks;
}

/**
 * offset_alloc_add_chunk - Give an allocator more nodes
 * @oa: The allocator; on success it owns the chunk, until it is destroyed
 * @chunk: From offset_alloc_chunk_new()
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -EEXIST if it has spare nodes already; -ENOSPC if it has all the
 *         chunks it can have. After an error the chunk is still the caller's.
 */
int offset_alloc_add_chunk(struct offset_alloc *oa,
			   struct offset_alloc_chunk *chunk)
{
	u32 first = nr_nodes(oa);
	u32 last = first + CHUNK_NODES - 1;

	if (oa->nr_chunks == oa->max_chunks)
		return -ENOSPC;
	if (offset_alloc_ready(oa))
		return -EEXIST;

	spare_set_next(&chunk->nodes[CHUNK_NODES - 1], last, oa->spare);
	oa->chunks[oa->nr_chunks++] = chunk;
	oa->spare = first;
	oa->nr_spare += CHUNK_NODES;
	return 0;
}

/**
 * offset_alloc_alloc - Allocate an extent
 * @oa: The allocator
 * @size: Units wanted; the extent has exactly so many
 * @align: Its offset is to be a multiple of this power of two; 0 and 1: any.
 *         It may exceed the capacity: 0 is a multiple of everything.
 * @extent: Filled in on success, else not touched
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep. The
 *          number of steps is bounded, see the top of this file.
 * Return: 0; -EINVAL if the size is 0 or more than the capacity, or the
 *         alignment no power of two; -ENOSPC if no free extent was found for
 *         it, or the last of 2^28 nodes is in use; -ENOMEM if it takes a new
 *         chunk, which doesn't happen after offset_alloc_ready() said yes.
 *         Errors change nothing, but -ENOSPC is counted.
 */
int offset_alloc_alloc(struct offset_alloc *oa, u64 size, u64 align,
		       struct offset_extent *extent)
{
	struct offset_alloc_node *node;
	u32 index = NIL;
	u64 offset;
	u32 nodes;

	if (!align)
		align = 1;
	if (!size || size > oa->capacity || (align & (align - 1)))
		return -EINVAL;

	if (size <= oa->capacity - oa->used)
		index = align == 1 ? find(oa, size) : find_aligned(oa, size, align);
	if (!index)
		goto err_full;

	node = node_at(oa, index);
	if (node->size == size) {
		offset = node->offset;
		bin_remove(oa, bin_of(size), node);
		oa->nr_free--;
	} else {
		offset = place(oa, node, size, align);
		nodes = (offset != node->offset) +
			(offset - node->offset != node->size - size);
		if (nodes > oa->nr_spare) {
			if (oa->nr_chunks < oa->max_chunks)
				return -ENOMEM;
			goto err_full;
		}
		index = carve(oa, index, node, offset, size);
		node = node_at(oa, index);
	}

	if (!++oa->generation)
		oa->generation = 1;	/* so that no handle is 0 */
	node->bin_prev = NODE_USED;
	node->bin_next = oa->generation;

	oa->used += size;
	if (oa->used > oa->peak)
		oa->peak = oa->used;
	oa->nr_used++;
	oa->allocs++;

	extent->offset = offset;
	extent->size = size;
	extent->handle = (u64)oa->generation << 32 | index;
	return 0;

err_full:
	oa->failures++;
	return -ENOSPC;
}

/**
 * offset_alloc_free - Free an extent and merge it with its free neighbours
 * @oa: The allocator
 * @handle: Of the extent; any 64 bits are safe
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep and
 *          takes no memory.
 * Return: 0; -ENOENT, and nothing changed, if the handle doesn't name a used
 *         extent of this allocator.
 */
int offset_alloc_free(struct offset_alloc *oa, u64 handle)
{
	struct offset_alloc_node *node, *prev, *next;
	u32 index, prev_index, next_index;
	u64 size;

	index = handle_index(oa, handle);
	if (!index)
		return -ENOENT;

	node = node_at(oa, index);
	prev_index = node->prev;
	next_index = node->next;
	prev = node_at(oa, prev_index);
	next = node_at(oa, next_index);
	size = node->size;

	oa->used -= size;
	oa->nr_used--;
	oa->frees++;

	if (node_is_free(prev)) {
		if (node_is_free(next)) {
			size += next->size;
			bin_remove(oa, bin_of(next->size), next);
			oa->nr_free--;
			spare_put(oa, next_index, next);
			next_index = next->next;
		}
		unlink_between(oa, prev_index, next_index);
		resize_free(oa, prev_index, prev, prev->size + size);
		spare_put(oa, index, node);
	} else if (node_is_free(next)) {
		unlink_between(oa, prev_index, next_index);
		next->offset = node->offset;
		resize_free(oa, next_index, next, next->size + size);
		spare_put(oa, index, node);
	} else {
		bin_insert(oa, bin_of(size), index, node);
		oa->nr_free++;
	}
	return 0;
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
	const struct offset_alloc_node *node;
	u32 index = handle_index(oa, handle);

	if (!index)
		return -ENOENT;
	node = node_at(oa, index);
	extent->offset = node->offset;
	extent->size = node->size;
	extent->handle = handle;
	return 0;
}

/**
 * offset_alloc_report - Describe the state of an allocator
 * @oa: The allocator
 * @report: Filled in
 *
 * An unaligned allocation of @report->largest_free units would succeed.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep, and
 *          looks at OFFSET_ALLOC_SCAN free extents at most.
 */
void offset_alloc_report(const struct offset_alloc *oa,
			 struct offset_alloc_report *report)
{
	u32 bin = bin_at_or_below(oa, NR_BINS - 1);
	u32 index = bin == NO_BIN ? NIL : bin_head(oa, bin);
	u64 largest = 0;
	int i;

	for (i = 0; index && i < OFFSET_ALLOC_SCAN; i++) {
		const struct offset_alloc_node *node = node_at(oa, index);

		if (node->size > largest)
			largest = node->size;
		index = node->bin_next;
	}

	*report = (struct offset_alloc_report){
		.capacity = oa->capacity,
		.used = oa->used,
		.peak = oa->peak,
		.largest_free = largest,
		.nr_used = oa->nr_used,
		.nr_free = oa->nr_free,
		.allocs = oa->allocs,
		.frees = oa->frees,
		.failures = oa->failures,
		.nodes = nr_nodes(oa),
	};
}

/* Consistency */

static const char *check_directory(const struct offset_alloc *oa)
{
	const struct offset_alloc_node *sentinel;
	u32 i;

	if (!oa->capacity || oa->capacity > OFFSET_ALLOC_MAX_CAPACITY)
		return "capacity out of range";
	if (!oa->chunks || oa->max_chunks != chunks_for(oa->capacity))
		return "directory not of the size for the capacity";
	if (!oa->nr_chunks || oa->nr_chunks > oa->max_chunks)
		return "number of chunks out of range";
	for (i = 0; i < oa->nr_chunks; i++)
		if (!oa->chunks[i])
			return "chunk missing";
	sentinel = node_at(oa, SENTINEL);
	if (sentinel->bin_prev != NODE_SENTINEL || sentinel->bin_next ||
	    sentinel->offset != oa->capacity || sentinel->size != U64_MAX)
		return "sentinel damaged";
	return NULL;
}

/*
 * The offsets met rise from step to step, so no node is met twice and the walk
 * ends.
 */
static const char *check_circle(const struct offset_alloc *oa)
{
	u64 used = 0, nr_used = 0, nr_free = 0, offset = 0;
	bool prev_free = false;
	u32 prev = SENTINEL;
	u32 index;

	for (index = node_at(oa, SENTINEL)->next; index != SENTINEL;
	     index = node_at(oa, index)->next) {
		const struct offset_alloc_node *node;

		if (index >= nr_nodes(oa))
			return "neighbour link out of range";
		node = node_at(oa, index);
		if (node->prev != prev)
			return "neighbour links disagree";
		if (node->offset != offset)
			return "extent doesn't begin where the one before it ends";
		if (!node->size || node->size > oa->capacity - offset)
			return "size of an extent out of range";
		if (node_is_free(node)) {
			if (prev_free)
				return "two free neighbours";
			nr_free++;
		} else if (node->bin_prev == NODE_USED) {
			if (!node->bin_next)
				return "used extent without a generation";
			used += node->size;
			nr_used++;
		} else {
			return "extent neither used nor free";
		}
		prev_free = node_is_free(node);
		offset += node->size;
		prev = index;
	}
	if (node_at(oa, SENTINEL)->prev != prev)
		return "neighbour links disagree";
	if (offset != oa->capacity)
		return "extents don't cover the capacity";
	if (used != oa->used)
		return "count of used units wrong";
	if (nr_used != oa->nr_used)
		return "count of used extents wrong";
	if (nr_free != oa->nr_free)
		return "count of free extents wrong";
	if (oa->peak < oa->used || oa->peak > oa->capacity)
		return "peak out of range";
	if (oa->allocs - oa->frees != oa->nr_used)
		return "counts of allocations and frees disagree with the extents";
	return NULL;
}

/* The back links agree, so no node is met twice and the walk ends */
static const char *check_bin(const struct offset_alloc *oa, u32 bin,
			     u64 *listed)
{
	u32 prev = NIL;
	u32 index;

	for (index = bin_head(oa, bin); index;
	     index = node_at(oa, index)->bin_next) {
		const struct offset_alloc_node *node;

		if (index >= nr_nodes(oa))
			return "bin link out of range";
		node = node_at(oa, index);
		if (!node_is_free(node))
			return "extent in a bin but not free";
		if (node->bin_prev != prev)
			return "bin links disagree";
		if (bin_of(node->size) != bin)
			return "extent in the wrong bin";
		++*listed;
		prev = index;
	}
	return NULL;
}

static const char *check_bins(const struct offset_alloc *oa)
{
	const char *broken;
	u64 listed = 0;
	u32 bin, row;

	for (bin = 0; bin < NR_BINS; bin++) {
		bool marked = oa->bins[bin_row(bin)] & BIT_ULL(bin_column(bin));

		if (marked != (bin_head(oa, bin) != NIL))
			return "bitmap of bins disagrees with the bins";
		broken = check_bin(oa, bin, &listed);
		if (broken)
			return broken;
	}
	for (row = 0; row < OFFSET_ALLOC_ROWS; row++)
		if (!(oa->rows & BIT_ULL(row)) != !oa->bins[row])
			return "bitmap of rows disagrees with the bins";
	if (oa->rows >> OFFSET_ALLOC_ROWS)
		return "bitmap of rows too long";
	if (listed != oa->nr_free)
		return "free extent in no bin";
	return NULL;
}

/*
 * A list that ends has no node twice. The counts by kind then leave no node
 * outside of the circle and this list: both have as many as there are.
 */
static const char *check_nodes(const struct offset_alloc *oa)
{
	u64 nr_used = 0, nr_free = 0, nr_spare = 0, listed = 0;
	u32 index;

	for (index = 0; index < nr_nodes(oa); index++) {
		const struct offset_alloc_node *node = node_at(oa, index);

		if (node_is_free(node))
			nr_free++;
		else if (node->bin_prev == NODE_USED)
			nr_used++;
		else if (node->bin_prev == NODE_SPARE)
			nr_spare++;
		else if (index != SENTINEL)
			return "node of no kind";
	}
	if (nr_used != oa->nr_used)
		return "used node outside of the region";
	if (nr_free != oa->nr_free)
		return "free node outside of the region";

	for (index = oa->spare; index;
	     index = spare_next(node_at(oa, index), index)) {
		if (index >= nr_nodes(oa))
			return "spare link out of range";
		if (node_at(oa, index)->bin_prev != NODE_SPARE)
			return "node on the spare list but not spare";
		if (++listed > nr_spare)
			return "spare list without an end";
	}
	if (listed != nr_spare)
		return "spare node not on the spare list";
	if (listed != oa->nr_spare)
		return "count of spare nodes wrong";
	return NULL;
}

/**
 * offset_alloc_check - Prove an allocator consistent, or find what is broken
 * @oa: The allocator, in whatever state, if only its directory can be read
 *
 * For tests and debugging: the number of steps is proportional to the nodes.
 * Writes nothing, and comes to an end on a damaged state as well.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: NULL if all is well, else the rule that doesn't hold.
 */
const char *offset_alloc_check(const struct offset_alloc *oa)
{
	const char *broken;

	broken = check_directory(oa);
	if (!broken)
		broken = check_circle(oa);
	if (!broken)
		broken = check_bins(oa);
	if (!broken)
		broken = check_nodes(oa);
	return broken;
}
