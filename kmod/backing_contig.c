// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "contig": one run of physically contiguous pages
 *
 * For devices that can't gather memory from several places. The kernel is asked for
 * one range of page frames after the other, and moves away what is in it if it can.
 * The pages are base pages with a reference count each, as those of backing "pages".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "compat.h"

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#define CHUNK_PAGES	BIT(PINPOOL_CHUNK_ORDER)

/**
 * struct run - What is looked for
 * @nr: How many pages
 * @align: What its first page frame is a multiple of, a power of two
 * @step: How far the next try is from one that failed
 * @node: Where it shall be, or NUMA_NO_NODE
 */
struct run {
	unsigned long nr;
	unsigned long align;
	unsigned long step;
	int node;
};

static struct page *contig_pages(const struct pinpool_pool *pool, u64 offset,
				 unsigned long *nr)
{
	unsigned long pfn = (unsigned long)pool->backing_data + (offset >> PAGE_SHIFT);

	/* The memory map itself need not be contiguous. */
	*nr = CHUNK_PAGES - pfn % CHUNK_PAGES;
	return pfn_to_page(pfn);
}

/* Where a page is that can't be had, or @end */
static unsigned long find_bad(const struct zone *zone, unsigned long pfn, unsigned long end)
{
	struct page *page;

	for (; pfn < end; pfn++) {
		page = pfn_to_online_page(pfn);
		if (!page || page_zone(page) != zone || PageReserved(page) || PageHuge(page))
			break;
		if (pfn % CHUNK_PAGES == 0)
			cond_resched();
	}
	return pfn;
}

/*
 * Returns the first page frame, 0 if there is no such run, or -EINTR. Of what it is asked for
 * the kernel isolates whole pageblocks, which must not begin before the zone does.
 */
static long zone_alloc(struct zone *zone, const struct run *run)
{
	unsigned long align = max(run->align, pageblock_nr_pages);
	unsigned long pfn = ALIGN(max(zone->zone_start_pfn, 1UL), align);
	unsigned long end = zone_end_pfn(zone);
	unsigned long bad;

	while (pfn < end && run->nr <= end - pfn) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/* Where there is nothing, the next page is looked at alone. */
		cond_resched();
		bad = find_bad(zone, pfn, pfn + run->nr);
		if (bad < pfn + run->nr) {
			pfn = ALIGN(bad + 1, run->align);
			continue;
		}
		if (!alloc_contig_range(pfn, pfn + run->nr, PINPOOL_CONTIG_MOVABLE,
					GFP_KERNEL | __GFP_NOWARN))
			return pfn;
		pfn += run->step;
	}
	return 0;
}

/* As zone_alloc(). What is in ZONE_MOVABLE could not be pinned for long. */
static long node_alloc(int node, const struct run *run)
{
	struct zone *zone;
	int i;
	long pfn;

	for (i = ZONE_NORMAL; i >= 0; i--) {
		zone = &NODE_DATA(node)->node_zones[i];
		if (!managed_zone(zone))
			continue;
		pfn = zone_alloc(zone, run);
		if (pfn)
			return pfn;
	}
	return 0;
}

static long run_alloc(const struct run *run)
{
	int node;
	long pfn;

	if (run->node != NUMA_NO_NODE)
		return node_alloc(run->node, run);
	for_each_online_node(node) {
		pfn = node_alloc(node, run);
		if (pfn)
			return pfn;
	}
	return 0;
}

/* Each page goes back to the kernel when nobody has it any more. */
static void run_free(unsigned long pfn, unsigned long nr)
{
	for (; nr; nr--, pfn++) {
		set_page_private(pfn_to_page(pfn), 0);
		put_page(pfn_to_page(pfn));
		if (pfn % CHUNK_PAGES == 0)
			cond_resched();
	}
}

static void run_init(struct run *run, const struct pinpool_pool *pool, u64 bytes)
{
	run->nr = bytes >> PAGE_SHIFT;
	run->align = max_t(u64, pool->config.align >> PAGE_SHIFT, 1);
	run->step = ALIGN(max(run->nr / 4, CHUNK_PAGES), run->align);
	run->node = pool->config.node;
}

/* What could be had instead, to the power of two below */
static void tell_what_there_is(const struct pinpool_pool *pool)
{
	u64 bytes = rounddown_pow_of_two(pool->config.capacity);
	struct run run;
	long pfn = 0;

	while (!pfn && bytes > PAGE_SIZE) {
		bytes /= 2;
		run_init(&run, pool, bytes);
		pfn = run_alloc(&run);
	}
	if (pfn < 0)
		return;
	if (pfn)
		run_free(pfn, run.nr);
	pr_info("pool '%s': there is no contiguous run of %llu KiB; one of %llu KiB could be had\n",
		pool->config.name, pool->config.capacity >> 10, pfn ? bytes >> 10 : 0);
}

static int zero_chunk(struct pinpool_pool *pool, u64 index, unsigned int *order)
{
	u64 offset = index * CHUNK_PAGES << PAGE_SHIFT;
	u64 end = min(offset + (CHUNK_PAGES << PAGE_SHIFT), pool->config.capacity);
	unsigned long pfn = (unsigned long)pool->backing_data;

	for (; offset < end; offset += PAGE_SIZE)
		clear_highpage(pfn_to_page(pfn + (offset >> PAGE_SHIFT)));
	return 0;
}

static int contig_create(struct pinpool_pool *pool)
{
	struct run run;
	long pfn;
	int err;

	if (pool->config.capacity > (u64)totalram_pages() << PAGE_SHIFT)
		return pinpool_backing_refuse(pool, -ENOMEM,
					      "This machine has less memory than that");
	run_init(&run, pool, pool->config.capacity);
	pfn = run_alloc(&run);
	if (pfn < 0)
		return pfn;
	if (!pfn) {
		tell_what_there_is(pool);
		return pinpool_backing_refuse(pool, -ENOMEM,
					      "There is no contiguous run of that size; the kernel's log says of which there is one");
	}
	pool->backing_data = (void *)pfn;
	err = pinpool_fill(pool, 0, pool->config.capacity, zero_chunk);
	if (err)
		run_free(pfn, run.nr);
	return err;
}

static void contig_destroy(struct pinpool_pool *pool)
{
	run_free((unsigned long)pool->backing_data, pool->config.capacity >> PAGE_SHIFT);
}

static const char *contig_check(const struct pinpool_config *config)
{
	if (config->align > SZ_1G)
		return "An alignment of more than 1 GiB";
	return NULL;
}

const struct pinpool_backing_ops pinpool_backing_contig = {
	.id = PINPOOL_BACKING_CONTIG,
	.name = "contig",
	.attr = PINPOOL_A_POOL_ALIGN,
	.longterm = PINPOOL_LONGTERM_YES,
	.check = contig_check,
	.create = contig_create,
	.destroy = contig_destroy,
	.fixed = "One contiguous run can't grow or shrink",
	.pages = contig_pages,
};
