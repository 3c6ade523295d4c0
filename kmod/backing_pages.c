// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "pages": non-movable pages from the kernel's page allocator
 *
 * Memory is asked for in chunks of 2 MiB (on x86), and in ever smaller pieces
 * where the kernel has no more of those. Each piece is split into base pages,
 * so that every page has a reference count of its own and one that is pinned
 * holds back no other. Only where a granule is a whole chunk or more, chunks stay
 * in one piece, as huge pages with one reference count.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define CHUNK_ORDER	PINPOOL_CHUNK_ORDER
#define CHUNK_PAGES	BIT(CHUNK_ORDER)
#define CHUNK_SHIFT	(CHUNK_ORDER + PAGE_SHIFT)

/* Where there is no memory, fail before somebody is killed for it. */
#define CHUNK_GFP	(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct chunk - CHUNK_PAGES consecutive pages of the pool
 * @first: Its first page, if all of it is, or was, contiguous
 * @pages: Else its pages, one by one
 * @nr: How many it has; less than CHUNK_PAGES in the last one only
 *
 * Who looks at it does so for an extent, whose pages stay. So the rest may change
 * meanwhile, and @pages may come.
 */
struct chunk {
	struct page *first;
	struct page **pages;
	unsigned long nr;
};

/**
 * struct backing - The memory of a pool
 * @chunks: struct chunk by their place in the pool
 * @wanted: The capacity that it is growing to; of whoever makes it grow, which is one
 *          at a time
 */
struct backing {
	struct xarray chunks;
	u64 wanted;
};

static unsigned long nr_chunks(u64 capacity)
{
	return DIV_ROUND_UP_ULL(capacity, BIT(CHUNK_SHIFT));
}

static struct page *pages_pages(const struct pinpool_pool *pool, u64 offset,
				unsigned long *nr)
{
	struct backing *backing = pool->backing_data;
	const struct chunk *chunk = xa_load(&backing->chunks, offset >> CHUNK_SHIFT);
	unsigned long index = (offset >> PAGE_SHIFT) % CHUNK_PAGES;
	/* Pairs with the release in chunk_fill(). */
	struct page **pages = smp_load_acquire(&chunk->pages);

	*nr = pages ? 1 : CHUNK_PAGES - index;
	return pages ? pages[index] : chunk->first + index;
}

/*
 * Rather than squeeze the machine, let alone kill somebody for memory, go on
 * with smaller pieces, or fail.
 */
static struct page *piece_alloc(const struct pinpool_pool *pool, unsigned int order)
{
	bool huge = order == CHUNK_ORDER && pinpool_pool_huge(pool);
	gfp_t gfp = GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN;
	int node = pool->config.node;
	struct page *page;

	gfp |= order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;
	if (node != NUMA_NO_NODE)
		gfp |= __GFP_THISNODE;
	if (huge)
		gfp |= __GFP_COMP;
	page = alloc_pages_node(node, gfp, order);
	if (page && order && !huge)
		split_page(page, order);
	return page;
}

/* An array of the chunk's pages, of which it has some already; or NULL */
static struct page **chunk_array(const struct chunk *chunk)
{
	struct page **pages = kcalloc(CHUNK_PAGES, sizeof(*pages), CHUNK_GFP);
	unsigned long i;

	for (i = 0; pages && i < chunk->nr; i++)
		pages[i] = chunk->first + i;
	return pages;
}

/* @order: the largest that is worth trying, lowered when it is not to be had */
static int chunk_fill(const struct pinpool_pool *pool, struct chunk *chunk,
		      unsigned long len, unsigned int *order)
{
	struct page **pages;
	struct page *page;
	unsigned long i;

	if (*order == CHUNK_ORDER && len == CHUNK_PAGES && !chunk->nr) {
		chunk->first = piece_alloc(pool, CHUNK_ORDER);
		if (chunk->first) {
			chunk->nr = CHUNK_PAGES;
			return 0;
		}
		*order = CHUNK_ORDER - 1;
	}
	if (!chunk->pages) {
		pages = chunk_array(chunk);
		if (!pages)
			return -ENOMEM;
		/* Pairs with the acquire in pages_pages(). */
		smp_store_release(&chunk->pages, pages);
	}
	while (chunk->nr < len) {
		/* What is left may be less than the largest piece. */
		unsigned int try = min_t(unsigned int, *order, ilog2(len - chunk->nr));

		page = piece_alloc(pool, try);
		if (!page && !try)
			return -ENOMEM;
		if (!page) {
			*order = try - 1;
			continue;
		}
		for (i = 0; i < BIT(try); i++)
			chunk->pages[chunk->nr++] = page + i;
	}
	return 0;
}

/*
 * The references taken by piece_alloc() are dropped here, for each folio alone:
 * one that somebody still uses goes back to the kernel when they drop theirs.
 */
static void chunk_cut(struct chunk *chunk, unsigned long len)
{
	unsigned long i, step;
	struct page *page;

	for (i = len; i < chunk->nr; i += step) {
		page = chunk->pages ? chunk->pages[i] : chunk->first + i;
		step = compound_nr(page);
		set_page_private(page, 0);
		put_page(page);
	}
	chunk->nr = min(chunk->nr, len);
}

/* Give back what lies from @capacity up to @old. Nobody has an extent there. */
static void pages_shrink(struct pinpool_pool *pool, u64 old, u64 capacity)
{
	struct backing *backing = pool->backing_data;
	unsigned long keep = nr_chunks(capacity);
	unsigned long i;
	struct chunk *chunk;

	for (i = nr_chunks(old); i > keep; i--) {
		chunk = xa_erase(&backing->chunks, i - 1);
		if (!chunk)
			continue;
		chunk_cut(chunk, 0);
		kfree(chunk->pages);
		kfree(chunk);
		cond_resched();
	}
	chunk = keep ? xa_load(&backing->chunks, keep - 1) : NULL;
	if (chunk)
		chunk_cut(chunk, (capacity >> PAGE_SHIFT) - (keep - 1) * CHUNK_PAGES);
}

static u64 available_pages(void)
{
	return max(si_mem_available(), 0L);
}

/* Have a chunk at @index. */
static int chunk_get(struct xarray *chunks, unsigned long index)
{
	struct chunk *chunk;
	int err;

	if (xa_load(chunks, index))
		return 0;
	chunk = kzalloc(sizeof(*chunk), CHUNK_GFP);
	if (!chunk)
		return -ENOMEM;
	err = xa_err(xa_store(chunks, index, chunk, CHUNK_GFP));
	if (err)
		kfree(chunk);
	return err;
}

/*
 * Others may want memory at the same time. Go on only while there is enough for all that
 * is left: to find out at the last page would be too late for them.
 */
static int fill_chunk(struct pinpool_pool *pool, u64 index, unsigned int *order)
{
	struct backing *backing = pool->backing_data;
	u64 left = (backing->wanted >> PAGE_SHIFT) - index * CHUNK_PAGES;

	if (left > available_pages())
		return -ENOMEM;
	return chunk_fill(pool, xa_load(&backing->chunks, index), min_t(u64, left, CHUNK_PAGES),
			  order);
}

static int pages_grow(struct pinpool_pool *pool, u64 old, u64 capacity)
{
	u64 need = (capacity - old) >> PAGE_SHIFT;
	struct backing *backing = pool->backing_data;
	unsigned long i;
	u64 available;
	int err = 0;

	/* Collecting what can't suffice would only starve others meanwhile. */
	available = available_pages();
	if (need > available) {
		pr_info("pool '%s': needs %llu MiB of memory, about %llu MiB are available\n",
			pool->config.name, need >> (20 - PAGE_SHIFT),
			available >> (20 - PAGE_SHIFT));
		return -ENOMEM;
	}
	for (i = old >> CHUNK_SHIFT; i < nr_chunks(capacity) && !err; i++) {
		err = chunk_get(&backing->chunks, i);
		cond_resched();
	}
	backing->wanted = capacity;
	if (!err)
		err = pinpool_fill(pool, old, capacity, fill_chunk);
	if (err)
		pages_shrink(pool, capacity, old);
	return err;
}

static void backing_free(struct pinpool_pool *pool)
{
	struct backing *backing = pool->backing_data;

	xa_destroy(&backing->chunks);
	kfree(backing);
	pool->backing_data = NULL;
}

static void pages_destroy(struct pinpool_pool *pool)
{
	pages_shrink(pool, pool->config.capacity, 0);
	backing_free(pool);
}

static int pages_create(struct pinpool_pool *pool)
{
	struct backing *backing;
	int err;

	backing = kzalloc(sizeof(*backing), GFP_KERNEL);
	if (!backing)
		return -ENOMEM;
	xa_init(&backing->chunks);
	pool->backing_data = backing;
	err = pages_grow(pool, 0, pool->config.capacity);
	if (err)
		backing_free(pool);
	return err;
}

const struct pinpool_backing_ops pinpool_backing_pages = {
	.id = PINPOOL_BACKING_PAGES,
	.name = "pages",
	.create = pages_create,
	.destroy = pages_destroy,
	.grow = pages_grow,
	.shrink = pages_shrink,
	.pages = pages_pages,
};
