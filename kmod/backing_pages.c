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
#include <linux/sched/signal.h>
#include <linux/slab.h>

#define CHUNK_ORDER	PINPOOL_CHUNK_ORDER
#define CHUNK_PAGES	BIT(CHUNK_ORDER)
#define CHUNK_SHIFT	(CHUNK_ORDER + PAGE_SHIFT)

/**
 * struct chunk - CHUNK_PAGES consecutive pages of the pool
 * @first: Its first page, if all of it is contiguous
 * @pages: Else its pages, one by one
 */
struct chunk {
	struct page *first;
	struct page **pages;
};

static struct page *chunk_page(const struct chunk *chunk, unsigned long index)
{
	return chunk->pages ? chunk->pages[index] : chunk->first + index;
}

static unsigned long nr_chunks(const struct pinpool_pool *pool)
{
	return DIV_ROUND_UP(pool->config.capacity, BIT(CHUNK_SHIFT));
}

/* The last chunk of a pool may be shorter than the others. */
static unsigned long chunk_len(const struct pinpool_pool *pool, unsigned long i)
{
	return min((pool->config.capacity >> PAGE_SHIFT) - i * CHUNK_PAGES, CHUNK_PAGES);
}

static struct page *pages_pages(const struct pinpool_pool *pool, u64 offset,
				unsigned long *nr)
{
	const struct chunk *chunks = pool->backing_data;
	const struct chunk *chunk = &chunks[offset >> CHUNK_SHIFT];
	unsigned long index = (offset >> PAGE_SHIFT) % CHUNK_PAGES;

	*nr = chunk->first ? CHUNK_PAGES - index : 1;
	return chunk_page(chunk, index);
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

/* @order: the largest that is worth trying, lowered when it is not to be had */
static int chunk_fill(const struct pinpool_pool *pool, struct chunk *chunk,
		      unsigned long len, unsigned int *order)
{
	unsigned long done = 0;
	struct page *page;
	unsigned long i;

	if (*order == CHUNK_ORDER && len == CHUNK_PAGES) {
		chunk->first = piece_alloc(pool, CHUNK_ORDER);
		if (chunk->first)
			return 0;
		*order = CHUNK_ORDER - 1;
	}
	chunk->pages = kcalloc(CHUNK_PAGES, sizeof(*chunk->pages), GFP_KERNEL);
	if (!chunk->pages)
		return -ENOMEM;
	while (done < len) {
		/* What is left may be less than the largest piece. */
		unsigned int try = min_t(unsigned int, *order, ilog2(len - done));

		page = piece_alloc(pool, try);
		if (!page && !try)
			return -ENOMEM;
		if (!page) {
			*order = try - 1;
			continue;
		}
		for (i = 0; i < BIT(try); i++)
			chunk->pages[done++] = page + i;
	}
	return 0;
}

/*
 * The references taken by piece_alloc() are dropped here, for each folio alone:
 * one that somebody still uses goes back to the kernel when they drop theirs.
 */
static void pages_destroy(struct pinpool_pool *pool)
{
	struct chunk *chunks = pool->backing_data;
	unsigned long i, j, step;
	struct page *page;

	for (i = 0; i < nr_chunks(pool); i++) {
		if (!chunks[i].first && !chunks[i].pages)
			break;
		for (j = 0; j < chunk_len(pool, i); j += step) {
			page = chunk_page(&chunks[i], j);
			if (!page)
				break;
			step = compound_nr(page);
			set_page_private(page, 0);
			put_page(page);
		}
		kfree(chunks[i].pages);
		cond_resched();
	}
	kvfree(chunks);
	pool->backing_data = NULL;
}

static int pages_create(struct pinpool_pool *pool)
{
	unsigned long need = pool->config.capacity >> PAGE_SHIFT;
	unsigned int order = CHUNK_ORDER;
	unsigned long i;
	long available;
	struct chunk *chunks;
	int err;

	/* Collecting what can't suffice would only starve others meanwhile. */
	available = max(si_mem_available(), 0L);
	if (need > available) {
		pr_info("pool '%s': needs %lu MiB of memory, about %lu MiB are available\n",
		       pool->config.name, need >> (20 - PAGE_SHIFT),
		       available >> (20 - PAGE_SHIFT));
		return -ENOMEM;
	}
	chunks = kvcalloc(nr_chunks(pool), sizeof(*chunks), GFP_KERNEL);
	if (!chunks)
		return -ENOMEM;
	pool->backing_data = chunks;

	for (i = 0; i < nr_chunks(pool); i++) {
		err = chunk_fill(pool, &chunks[i], chunk_len(pool, i), &order);
		if (!err && signal_pending(current))
			err = -EINTR;
		if (err)
			goto err_destroy;
		cond_resched();
	}
	return 0;

err_destroy:
	pr_info("pool '%s': stopped after %lu of %lu MiB\n", pool->config.name,
	       i << (CHUNK_SHIFT - 20), need >> (20 - PAGE_SHIFT));
	pages_destroy(pool);
	return err;
}

const struct pinpool_backing_ops pinpool_backing_pages = {
	.id = PINPOOL_BACKING_PAGES,
	.name = "pages",
	.create = pages_create,
	.destroy = pages_destroy,
	.pages = pages_pages,
};
