/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The offset allocator: divides a range [0, capacity) into extents
 *
 * It never touches the memory that the offsets stand for and takes no locks:
 * the caller serializes all calls on one allocator. The same source builds in
 * the kernel and in user space, and the same sequence of calls gives the same
 * offsets in both.
 *
 * Sizes and offsets are in units of the caller's choice (bytes, or granules of
 * a pool), up to a capacity of OFFSET_ALLOC_MAX_CAPACITY.
 *
 * Every extent, used or free, is a node. Nodes live in chunks which the caller
 * provides, so that no call below allocates memory and alloc and free may run
 * under a spinlock:
 *
 *	retry:
 *		lock();
 *		if (!offset_alloc_ready(oa)) {
 *			unlock();
 *			chunk = offset_alloc_chunk_new();	(may sleep)
 *			if (!chunk)
 *				return -ENOMEM;
 *			lock();
 *			if (offset_alloc_add_chunk(oa, chunk))
 *				(full, or somebody else was quicker: free it)
 *			unlock();
 *			goto retry;
 *		}
 *		err = offset_alloc_alloc(oa, size, align, &extent);
 *		unlock();
 */
#ifndef _PINPOOL_OFFSET_ALLOC_H
#define _PINPOOL_OFFSET_ALLOC_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define OFFSET_ALLOC_MAX_CAPACITY	(1ULL << 62)

/*
 * Bins: a size below 2^6 has a bin of its own; above, every power of two is
 * divided into 2^6 bins. Row r of the two-level bitmap holds the bins of one
 * power of two.
 */
#define OFFSET_ALLOC_BIN_BITS		6
#define OFFSET_ALLOC_ROW_BINS		(1U << OFFSET_ALLOC_BIN_BITS)
#define OFFSET_ALLOC_ROWS		(63 - OFFSET_ALLOC_BIN_BITS + 1)

struct offset_alloc_chunk;

/**
 * struct offset_alloc - An allocator; its fields are private to offset_alloc.c
 */
struct offset_alloc {
	/* private: */
	u64 capacity;
	u64 used;
	u64 peak;
	u64 nr_used;
	u64 nr_free;
	u64 allocs;
	u64 frees;
	u64 failures;

	struct offset_alloc_chunk **chunks;	/* node index -> chunk */
	u32 max_chunks;
	u32 nr_chunks;
	u32 spare;		/* head of the list of unused nodes */
	u32 nr_spare;
	u32 generation;		/* of the last handle given out */

	u64 rows;					/* rows with a free extent */
	u64 bins[OFFSET_ALLOC_ROWS];			/* bins with one, by row */
	u32 heads[OFFSET_ALLOC_ROWS][OFFSET_ALLOC_ROW_BINS];
};

/**
 * struct offset_extent - One allocation
 * @offset: First unit
 * @size: Units
 * @handle: Its name, never 0: node index in the lower half, generation in the
 *          upper
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
 * @peak: Highest @used so far
 * @largest_free: The largest free extent; where more than
 *                OFFSET_ALLOC_SCAN extents share its bin, the largest of the
 *                first so many, which is at most 1/64 smaller
 * @nr_used: Used extents
 * @nr_free: Free extents
 * @allocs: Successful allocations so far
 * @frees: Frees so far
 * @failures: Allocations refused with -ENOSPC so far
 * @nodes: Nodes in all chunks, each of OFFSET_ALLOC_NODE_SIZE bytes
 */
struct offset_alloc_report {
	u64 capacity;
	u64 used;
	u64 peak;
	u64 largest_free;
	u64 nr_used;
	u64 nr_free;
	u64 allocs;
	u64 frees;
	u64 failures;
	u64 nodes;
};

/* How many extents of one bin a search looks at */
#define OFFSET_ALLOC_SCAN	64

#define OFFSET_ALLOC_NODE_SIZE	32

int offset_alloc_init(struct offset_alloc *oa, u64 capacity);
void offset_alloc_destroy(struct offset_alloc *oa);

struct offset_alloc_chunk *offset_alloc_chunk_new(void);
void offset_alloc_chunk_free(struct offset_alloc_chunk *chunk);
bool offset_alloc_ready(const struct offset_alloc *oa);
int offset_alloc_add_chunk(struct offset_alloc *oa,
			   struct offset_alloc_chunk *chunk);

int offset_alloc_alloc(struct offset_alloc *oa, u64 size, u64 align,
		       struct offset_extent *extent);
int offset_alloc_free(struct offset_alloc *oa, u64 handle);
int offset_alloc_lookup(const struct offset_alloc *oa, u64 handle,
			struct offset_extent *extent);

void offset_alloc_report(const struct offset_alloc *oa,
			 struct offset_alloc_report *report);
const char *offset_alloc_check(const struct offset_alloc *oa);

#endif /* _PINPOOL_OFFSET_ALLOC_H */
