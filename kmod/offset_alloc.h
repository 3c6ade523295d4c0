/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The offset allocator: divides a range [0, capacity) into extents
 *
 * It hands out numbers: it never touches the memory that they stand for, which
 * may be on another machine. It takes no locks: the caller serializes all calls
 * on one allocator, but for offset_alloc_may_fit(). The same source builds in
 * the kernel and in user space, and the same sequence of calls gives the same
 * extents and the same handles in both.
 *
 * Units
 *	Sizes and offsets are in units of the caller's choice: bytes, pages,
 *	granules of a pool. There are 1 to 2^63 of them. A size is never rounded
 *	up: an extent has as many units as were asked for.
 *
 * Placement
 *	A free extent of exactly the wanted size is used if there is one;
 *	else the smallest that fits of those in the same bin (bins are 1/64 of a
 *	power of two wide, and one unit below 512); else one of the next larger
 *	bin that has any. That is divided at the end that leaves the better rest,
 *	or at the lower one if it has less than 512 units. A free extent is merged
 *	with its free neighbours at once.
 *
 *	A request is refused only if no free extent fits. One with an alignment
 *	can't know from the sizes alone where there is none of size + align - 1
 *	units: then it looks at the free extents that are large enough, one after
 *	the other. With @align_scan it looks at so many of them; if there are more,
 *	the answer is -EAGAIN, and offset_alloc_seek_aligned() looks at all others.
 *
 * Bounds
 *	alloc, free, resize and set_capacity visit at most OFFSET_ALLOC_MAX_STEPS
 *	nodes each, however many extents there are; alloc with an alignment as many
 *	more as there are free extents that are large enough, but no more than
 *	@align_scan; and offset_alloc_alloc_scatter() as many times so many as
 *	extents are allowed. offset_alloc_alloc_at() walks from the last extent it
 *	placed, or the last one that was resized: so an extent is divided in a few
 *	steps. offset_alloc_seek() does such a walk piece by piece, as does
 *	offset_alloc_seek_aligned(). offset_alloc_report() looks at all bins, and at
 *	no more nodes than alloc; save, load and check go through all there is. The
 *	others take a handful of steps.
 *
 * Handles
 *	An extent is named by a 64-bit handle: the index of a node and the
 *	generation that the node has had since this allocation. A handle that was
 *	freed, that another allocator gave out, or that somebody made up, is found
 *	out in O(1) and gives -ENOENT. Generations are 32 bits wide: a handle that
 *	was freed could name a newer extent again if it were kept for exactly
 *	2^32 allocations, and one of another allocator is found out for sure only
 *	if the two @first_generation are further apart than either has made
 *	allocations.
 *
 * Memory
 *	A node of 32 bytes stands for each extent, used or free. Nodes come in
 *	chunks of 32 KiB which the caller provides, so that no call below but
 *	those that say so allocates memory or sleeps, and alloc and free may run
 *	under a spinlock:
 *
 *	retry:
 *		lock();
 *		err = offset_alloc_alloc(oa, size, align, &extent);
 *		unlock();
 *		if (err == -ENOMEM) {
 *			chunk = offset_alloc_chunk_new();	(may sleep)
 *			if (!chunk)
 *				return -ENOMEM;		(and nothing has changed)
 *			lock();
 *			if (offset_alloc_add_chunk(oa, chunk))
 *				(full, or somebody else was quicker: free it)
 *			unlock();
 *			goto retry;
 *		}
 *
 *	and once in a while, say after each free:
 *
 *		lock();
 *		chunk = offset_alloc_take_chunk(oa);	(NULL: none to spare)
 *		unlock();
 *		offset_alloc_chunk_free(chunk);		(may sleep)
 */
#ifndef _PINPOOL_OFFSET_ALLOC_H
#define _PINPOOL_OFFSET_ALLOC_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define OFFSET_ALLOC_MAX_CAPACITY	(1ULL << 63)

/* What alloc, free, resize and set_capacity visit at most */
#define OFFSET_ALLOC_MAX_STEPS		512

/*
 * Bins: a size below 2^9 has a bin of its own; above, every power of two is
 * divided into 2^6 bins.
 */
#define OFFSET_ALLOC_EXACT_BITS		9
#define OFFSET_ALLOC_BIN_BITS		6
#define OFFSET_ALLOC_EXACT_BINS		(1U << OFFSET_ALLOC_EXACT_BITS)
#define OFFSET_ALLOC_ROW_BINS		(1U << OFFSET_ALLOC_BIN_BITS)
#define OFFSET_ALLOC_BINS		(OFFSET_ALLOC_EXACT_BINS + \
					 (64 - OFFSET_ALLOC_EXACT_BITS) * OFFSET_ALLOC_ROW_BINS)

#define OFFSET_ALLOC_NODE_SIZE		32
#define OFFSET_ALLOC_CHUNK_SIZE		32768

/* private: spare nodes that are kept at hand */
#define OFFSET_ALLOC_HOT_NODES		64

struct offset_alloc_chunk;

/* private: a set of up to 64^3 numbers which knows its least and its greatest */
struct offset_alloc_set {
	u64 top;
	u64 middle[64];
	u64 *leaf;
};

/* private: the free extents of about one size */
struct offset_alloc_bin {
	u32 root;
	u32 nr;
};

/**
 * struct offset_alloc - An allocator; its fields are private
 */
struct offset_alloc {
	/* private: */
	u64 marks[OFFSET_ALLOC_BINS / 64];	/* bins with a free extent */
	u64 words;		/* of @marks, which aren't 0 */
	u64 bound;		/* no free extent is larger; read without the lock */
	u64 free;
	u64 least_free;		/* so far */
	u64 generation;		/* of the next handle; counts on beyond 32 bits */
	u64 first_generation;
	u64 frees;
	u64 failures;
	u64 capacity;
	u64 max_capacity;

	unsigned long *bases;	/* by slot: add a node's index to get its address */
	struct offset_alloc_chunk **chunks;	/* by slot */
	u32 max_chunks;
	u32 nr_chunks;
	u32 nr_empty;		/* chunks without a node in use */
	u32 lowest;		/* the first chunk with a spare node */
	u32 nr_hot;
	u32 hot[OFFSET_ALLOC_HOT_NODES];	/* spare, but their chunks don't know */
	u32 nr_spare;		/* but for those at hand */
	u32 align_scan;
	u32 finger;		/* where offset_alloc_alloc_at() begins */
	struct offset_alloc_set partial;	/* chunks with a spare node */
	struct offset_alloc_set empty;		/* chunks with nothing else */
	struct offset_alloc_set absent;		/* slots without a chunk */

	struct offset_alloc_bin bins[OFFSET_ALLOC_BINS];
};

/**
 * struct offset_alloc_config - What an allocator shall be
 * @capacity: Units it divides, 1 to OFFSET_ALLOC_MAX_CAPACITY
 * @max_capacity: What offset_alloc_set_capacity() may later make of it; 0:
 *                @capacity
 * @first_generation: Where the generations of handles begin; see "Handles" above
 * @align_scan: Free extents that a request with an alignment may look at before it
 *              gives up with -EAGAIN; 0: all there are. For a caller that needs
 *              short lock hold times.
 */
struct offset_alloc_config {
	u64 capacity;
	u64 max_capacity;
	u32 first_generation;
	u32 align_scan;
};

/**
 * struct offset_extent - One allocation
 * @offset: First unit
 * @size: Units
 * @handle: Its name, never 0
 */
struct offset_extent {
	u64 offset;
	u64 size;
	u64 handle;
};

/**
 * struct offset_alloc_report - The state of an allocator, in units
 * @capacity: The whole range
 * @used: In used extents
 * @free: In free extents
 * @peak: Highest @used so far, but no more than @capacity
 * @largest_free: The largest free extent, exactly
 * @nr_used: Used extents
 * @nr_free: Free extents
 * @allocs: Extents allocated so far
 * @frees: Extents freed so far
 * @failures: Allocations refused with -ENOSPC so far
 * @nodes: Nodes that the chunks have in all
 * @metadata: Bytes of memory that the allocator has allocated for itself
 * @fragmentation: 1 - @largest_free / @free in millionths, rounded down; 0 if
 *                 nothing is free
 */
struct offset_alloc_report {
	u64 capacity;
	u64 used;
	u64 free;
	u64 peak;
	u64 largest_free;
	u64 nr_used;
	u64 nr_free;
	u64 allocs;
	u64 frees;
	u64 failures;
	u64 nodes;
	u64 metadata;
	u32 fragmentation;
};

/**
 * struct offset_alloc_bin_report - The free extents of about one size
 * @min_size: Smallest size of the bin
 * @max_size: Largest size of the bin
 * @nr_free: Free extents in it
 */
struct offset_alloc_bin_report {
	u64 min_size;
	u64 max_size;
	u64 nr_free;
};

int offset_alloc_init(struct offset_alloc *oa,
		      const struct offset_alloc_config *config);
void offset_alloc_destroy(struct offset_alloc *oa);

struct offset_alloc_chunk *offset_alloc_chunk_new(void);
void offset_alloc_chunk_free(struct offset_alloc_chunk *chunk);
bool offset_alloc_ready(const struct offset_alloc *oa);
int offset_alloc_add_chunk(struct offset_alloc *oa,
			   struct offset_alloc_chunk *chunk);
struct offset_alloc_chunk *offset_alloc_take_chunk(struct offset_alloc *oa);

int offset_alloc_alloc(struct offset_alloc *oa, u64 size, u64 align,
		       struct offset_extent *extent);
int offset_alloc_alloc_at(struct offset_alloc *oa, u64 offset, u64 size,
			  struct offset_extent *extent);
bool offset_alloc_seek(struct offset_alloc *oa, u64 offset, u32 max_steps);
int offset_alloc_seek_aligned(struct offset_alloc *oa, u64 size, u64 align, u64 *offset,
			      u32 max_steps);
int offset_alloc_alloc_scatter(struct offset_alloc *oa, u64 size,
			       struct offset_extent *extents, u32 max_extents);
int offset_alloc_resize(struct offset_alloc *oa, u64 handle, u64 size);
int offset_alloc_free(struct offset_alloc *oa, u64 handle);
int offset_alloc_renew(struct offset_alloc *oa, u64 *handle);
int offset_alloc_lookup(const struct offset_alloc *oa, u64 handle,
			struct offset_extent *extent);
int offset_alloc_next(const struct offset_alloc *oa, struct offset_extent *extent);
bool offset_alloc_may_fit(const struct offset_alloc *oa, u64 size);
int offset_alloc_set_capacity(struct offset_alloc *oa, u64 capacity);

/**
 * offset_alloc_used() - How many units are in used extents
 * @oa: The allocator
 *
 * Context: As for all functions that only look.
 * Return: Units
 */
static inline u64 offset_alloc_used(const struct offset_alloc *oa)
{
	return oa->capacity - oa->free;
}

void offset_alloc_report(const struct offset_alloc *oa,
			 struct offset_alloc_report *report);
void offset_alloc_report_bin(const struct offset_alloc *oa, u32 bin,
			     struct offset_alloc_bin_report *report);

size_t offset_alloc_save(const struct offset_alloc *oa, void *image, size_t size);
int offset_alloc_load(struct offset_alloc *oa, const void *image, size_t size);

const char *offset_alloc_check(const struct offset_alloc *oa);

#endif /* _PINPOOL_OFFSET_ALLOC_H */
