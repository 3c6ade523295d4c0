// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The offset allocator's nodes: chunks come and go with the need for them
 *
 * But for the one kept at hand, the spare node with the lowest index is the next
 * to be used: so the chunks at the end become empty, and which node is used next
 * depends on what is in use, not on how that came about.
 */
#include "offset_alloc_internal.h"

#ifdef __KERNEL__

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

static void *zalloc_directory(size_t size)
{
	return kvzalloc(size, GFP_KERNEL);
}

/* Whoever needs it pays for it, and is told where his cgroup has no more. */
static void *zalloc_chunk(size_t size)
{
	return kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

static void free_memory(const void *p)
{
	kvfree(p);
}

#else /* !__KERNEL__ */

#include <stdlib.h>

/* Costs address space only, until chunks are added */
static void *zalloc_directory(size_t size)
{
	return calloc(1, size);
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

/* Sets of chunks */

static void set_add(struct offset_alloc_set *set, u32 number)
{
	set->leaf[number / 64] |= BIT_ULL(number % 64);
	set->middle[number / 64 / 64] |= BIT_ULL(number / 64 % 64);
	set->top |= BIT_ULL(number / 64 / 64);
}

static void set_del(struct offset_alloc_set *set, u32 number)
{
	set->leaf[number / 64] &= ~BIT_ULL(number % 64);
	if (set->leaf[number / 64])
		return;
	set->middle[number / 64 / 64] &= ~BIT_ULL(number / 64 % 64);
	if (!set->middle[number / 64 / 64])
		set->top &= ~BIT_ULL(number / 64 / 64);
}

/* The least number of a set, or OA_NO_CHUNK */
static u32 set_first(const struct offset_alloc_set *set)
{
	u32 number;

	if (!set->top)
		return OA_NO_CHUNK;
	number = __ffs64(set->top);
	number = number * 64 + __ffs64(set->middle[number]);
	return number * 64 + __ffs64(set->leaf[number]);
}

/* The greatest number of a set, or OA_NO_CHUNK */
static u32 set_last(const struct offset_alloc_set *set)
{
	u32 number;

	if (!set->top)
		return OA_NO_CHUNK;
	number = fls64(set->top) - 1;
	number = number * 64 + fls64(set->middle[number]) - 1;
	return number * 64 + fls64(set->leaf[number]) - 1;
}

/* The directory */

/* Every extent has a unit or more, so there are no more of them than units. */
u32 oa_max_chunks(u64 capacity)
{
	u64 nodes = capacity + 1;	/* the sentinel */

	if (nodes > (u64)OA_MAX_CHUNKS * OA_USABLE_NODES)
		return OA_MAX_CHUNKS;
	return (nodes + OA_USABLE_NODES - 1) / OA_USABLE_NODES;
}

/* In groups of 64: the pointers to the chunks, the bases, the leaves of three sets */
size_t oa_directory_size(u32 max_chunks)
{
	size_t groups = (max_chunks + 63) / 64;

	return groups * (64 * sizeof(struct offset_alloc_chunk *) +
			 64 * sizeof(unsigned long) + 3 * sizeof(u64));
}

int oa_directory_new(struct offset_alloc *oa)
{
	u32 max_chunks = oa_max_chunks(oa->max_capacity);
	size_t leaves = (max_chunks + 63) / 64;
	u64 *leaf;
	u32 i;

	oa->chunks = zalloc_directory(oa_directory_size(max_chunks));
	if (!oa->chunks)
		return -ENOMEM;
	oa->bases = (unsigned long *)(oa->chunks + leaves * 64);
	leaf = (u64 *)(oa->bases + leaves * 64);
	oa->partial.leaf = leaf;
	oa->empty.leaf = leaf + leaves;
	oa->absent.leaf = leaf + 2 * leaves;
	oa->max_chunks = max_chunks;
	oa->lowest = OA_NO_CHUNK;
	/* All are absent; one of each word does for the levels above. */
	for (i = 0; i < leaves; i++) {
		set_add(&oa->absent, i * 64);
		oa->absent.leaf[i] = U64_MAX;
	}
	if (max_chunks % 64)
		oa->absent.leaf[leaves - 1] >>= 64 - max_chunks % 64;
	return 0;
}

void oa_directory_free(struct offset_alloc *oa)
{
	u32 slot;

	for (slot = 0; oa->nr_chunks; slot++) {
		if (!oa->chunks[slot])
			continue;
		free_memory(oa->chunks[slot]);
		oa->nr_chunks--;
	}
	free_memory(oa->chunks);
	memset(oa, 0, sizeof(*oa));
}

void oa_chunk_install(struct offset_alloc *oa, u32 slot,
		      struct offset_alloc_chunk *chunk)
{
	oa->chunks[slot] = chunk;
	oa->bases[slot] = oa_base(chunk, slot);
	oa->nr_chunks++;
	oa->nr_empty++;
	oa->nr_spare += OA_USABLE_NODES;
	set_del(&oa->absent, slot);
	set_add(&oa->partial, slot);
	set_add(&oa->empty, slot);
	if (slot < oa->lowest)
		oa->lowest = slot;
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
	for (i = 0; i < OA_CHUNK_NODES / 64; i++)
		*oa_spare_word(chunk, i) = U64_MAX;
	*oa_spare_word(chunk, 0) <<= OA_HEADER_NODES;
	chunk->header[0].spare_words = (1U << OA_CHUNK_NODES / 64) - 1;
	return chunk;
}

/**
 * offset_alloc_chunk_free - Free a chunk that no allocator has
 * @chunk: The chunk, or NULL
 *
 * Context: Process context, may sleep.
 */
void offset_alloc_chunk_free(struct offset_alloc_chunk *chunk)
{
	free_memory(chunk);
}

/**
 * offset_alloc_ready - Can the next call do without a new chunk?
 * @oa: The allocator
 *
 * True with two spare nodes, the most that one call takes. True as well once
 * there are as many chunks as the capacity can ever need: then there is a node
 * for every unit, or else nearly 2^27, and the call that wants more gives -ENOSPC.
 *
 * Context: Any; the caller holds the lock of the allocator.
 * Return: True if no call will give -ENOMEM.
 */
bool offset_alloc_ready(const struct offset_alloc *oa)
{
	return oa->nr_spare + oa->nr_hot >= 2 || oa->nr_chunks == oa->max_chunks;
}

/**
 * offset_alloc_add_chunk - Give an allocator more nodes
 * @oa: The allocator; on success it owns the chunk
 * @chunk: From offset_alloc_chunk_new()
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: 0; -EEXIST if it has spare nodes already; -ENOSPC if it has all the
 *         chunks it can have. After an error the chunk is still the caller's.
 */
int offset_alloc_add_chunk(struct offset_alloc *oa,
			   struct offset_alloc_chunk *chunk)
{
	if (oa->nr_chunks == oa->max_chunks)
		return -ENOSPC;
	if (offset_alloc_ready(oa))
		return -EEXIST;
	oa_chunk_install(oa, set_first(&oa->absent), chunk);
	return 0;
}

/**
 * offset_alloc_take_chunk - Take back nodes that an allocator has too many of
 * @oa: The allocator
 *
 * It keeps one empty chunk, so that no chunk comes and goes with a single
 * extent.
 *
 * Context: Any; the caller holds the lock of the allocator. Doesn't sleep.
 * Return: A chunk for offset_alloc_chunk_free(); NULL if there is none to spare.
 */
struct offset_alloc_chunk *offset_alloc_take_chunk(struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk;
	u32 slot;

	/* One is the sentinel's, and one it keeps. */
	if (oa->nr_chunks < 3)
		return NULL;
	/* The nodes at hand may be what keeps chunks, where most are spare. */
	if (oa->nr_spare > oa->nr_chunks * OA_USABLE_NODES / 2)
		while (oa->nr_hot)
			oa_chunk_put(oa, oa->hot[--oa->nr_hot]);
	if (oa->nr_empty < 2)
		return NULL;
	slot = set_last(&oa->empty);
	chunk = oa->chunks[slot];
	oa->chunks[slot] = NULL;
	oa->bases[slot] = 0;
	oa->nr_chunks--;
	oa->nr_empty--;
	oa->nr_spare -= OA_USABLE_NODES;
	set_del(&oa->empty, slot);
	set_del(&oa->partial, slot);
	set_add(&oa->absent, slot);
	if (slot == oa->lowest)
		oa->lowest = set_first(&oa->partial);
	return chunk;
}

/* The sentinel alone closes the circle. Its node is spare no more. */
void oa_sentinel_init(struct offset_alloc *oa)
{
	struct offset_alloc_node *sentinel = oa_sentinel(oa);

	sentinel->offset = oa->capacity;
	sentinel->size = -oa->capacity;
	sentinel->link = OA_SENTINEL;
	sentinel->prev = OA_SENTINEL_NODE;
	sentinel->next = OA_SENTINEL_NODE;
}

static void clear_spare(struct offset_alloc *oa, u32 slot, unsigned int word, u64 bit)
{
	struct offset_alloc_chunk *chunk = oa->chunks[slot];
	struct oa_header_node *header = &chunk->header[0];
	u64 *spare = oa_spare_word(chunk, word);

	oa->nr_spare--;
	if (!header->nr_used++) {
		oa->nr_empty--;
		set_del(&oa->empty, slot);
	}
	*spare &= ~bit;
	if (!*spare) {
		header->spare_words &= ~(1U << word);
		if (!header->spare_words) {
			set_del(&oa->partial, slot);
			oa->lowest = set_first(&oa->partial);
		}
	}
}

/* Take the spare node with the lowest index. */
u32 oa_chunk_get(struct offset_alloc *oa)
{
	u32 slot = oa->lowest;
	struct offset_alloc_chunk *chunk = oa->chunks[slot];
	unsigned int word = __ffs64(chunk->header[0].spare_words);
	unsigned int bit = __ffs64(*oa_spare_word(chunk, word));

	clear_spare(oa, slot, word, BIT_ULL(bit));
	return (slot * OA_CHUNK_NODES + word * 64 + bit) * OFFSET_ALLOC_NODE_SIZE;
}

/* Have @nr spare nodes at hand. If there aren't so many, no and nothing changed. */
bool oa_nodes_refill(struct offset_alloc *oa, u32 nr)
{
	if (oa->nr_hot + oa->nr_spare < nr)
		return false;
	while (oa->nr_hot < nr)
		oa->hot[oa->nr_hot++] = oa_chunk_get(oa);
	return true;
}

/* Take this very node, if it is spare. Its chunk is there. */
bool oa_chunk_take(struct offset_alloc *oa, u32 index)
{
	u32 number = index / OFFSET_ALLOC_NODE_SIZE;
	u32 slot = number / OA_CHUNK_NODES;
	unsigned int word = number % OA_CHUNK_NODES / 64;
	u64 bit = BIT_ULL(number % 64);

	if (!(*oa_spare_word(oa->chunks[slot], word) & bit))
		return false;
	clear_spare(oa, slot, word, bit);
	return true;
}

void oa_chunk_put(struct offset_alloc *oa, u32 index)
{
	u32 number = index / OFFSET_ALLOC_NODE_SIZE;
	u32 slot = number / OA_CHUNK_NODES;
	struct offset_alloc_chunk *chunk = oa->chunks[slot];
	struct oa_header_node *header = &chunk->header[0];
	unsigned int word = number % OA_CHUNK_NODES / 64;
	u64 *spare = oa_spare_word(chunk, word);

	oa->nr_spare++;
	if (!header->spare_words) {
		set_add(&oa->partial, slot);
		if (slot < oa->lowest)
			oa->lowest = slot;
	}
	header->spare_words |= 1U << word;
	*spare |= BIT_ULL(number % 64);
	if (!--header->nr_used) {
		oa->nr_empty++;
		set_add(&oa->empty, slot);
	}
}
