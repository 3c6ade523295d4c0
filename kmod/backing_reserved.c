// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "reserved": a physical range that the kernel kept away from itself
 *
 * Either an address range that was never the kernel's (memmap=64M$4G on x86), which
 * gets struct pages here, or a part of its memory that it set aside when it booted
 * (reserve_mem=64M:2M:name, or a node of /reserved-memory in a device tree), which has
 * some. They live no longer than the pool, or belong to the next one of the same range:
 * so nobody may have one when it goes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "compat.h"

#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/memremap.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#define CHUNK_PAGES	BIT(PINPOOL_CHUNK_ORDER)

/**
 * struct reserved - The range of a pool
 * @link: In ranges
 * @start: Where it begins
 * @end: Where it ends, inclusively
 * @pgmap: Its pages, if it is not the kernel's memory
 */
struct reserved {
	struct list_head link;
	u64 start;
	u64 end;
	struct dev_pagemap pgmap;
};

static DEFINE_MUTEX(ranges_lock);
static LIST_HEAD(ranges);	/* under ranges_lock */

static struct page *reserved_page(const struct reserved *range, u64 offset)
{
	return pfn_to_page(PHYS_PFN(range->start + offset));
}

static struct page *reserved_pages(const struct pinpool_pool *pool, u64 offset,
				   unsigned long *nr)
{
	const struct reserved *range = pool->backing_data;

	/* The memory map itself need not be contiguous. */
	*nr = CHUNK_PAGES - PHYS_PFN(range->start + offset) % CHUNK_PAGES;
	return reserved_page(range, offset);
}

/* Ranges of the kernel's memory can't be claimed from it, so keep book here. */
static bool range_claim(struct reserved *range)
{
	struct reserved *other;
	bool taken = false;

	mutex_lock(&ranges_lock);
	list_for_each_entry(other, &ranges, link)
		taken |= range->start <= other->end && other->start <= range->end;
	if (!taken)
		list_add(&range->link, &ranges);
	mutex_unlock(&ranges_lock);
	return !taken;
}

static void range_free(struct reserved *range)
{
	mutex_lock(&ranges_lock);
	list_del(&range->link);
	mutex_unlock(&ranges_lock);
	kfree(range);
}

/* Take memory from @start on that the kernel set aside. */
static int claim_pages(struct pinpool_pool *pool, struct reserved *range, u64 start)
{
	u64 capacity = pool->config.capacity;
	struct page *page;
	u64 i;

	range->start = start;
	range->end = start + capacity - 1;
	if (!range_claim(range))
		return pinpool_backing_refuse(pool, -EBUSY, "Another pool has this region");
	/* Its pages stay when a pool goes, and so does who had one pinned. */
	for (i = 0; i < capacity; i += PAGE_SIZE) {
		if (!pfn_valid(PHYS_PFN(start + i)))
			return pinpool_backing_refuse(pool, -EINVAL,
						      "The region isn't memory that the kernel knows of");
		page = reserved_page(range, i);
		if (page_count(page) != 1)
			return pinpool_backing_refuse(pool, -EBUSY,
						      "Somebody still has pages of this region");
		/* The kernel would try without end to move what is to be pinned for long. */
		if (is_zone_movable_page(page))
			return pinpool_backing_refuse(pool, -EOPNOTSUPP,
						      "The region is where kernelcore= or movablecore= at boot allow only memory that can be moved");
	}
	return 0;
}

/* Find what the kernel set aside under this name. */
static int find_region(struct pinpool_pool *pool, struct reserved *range)
{
	const struct pinpool_config *config = &pool->config;
	phys_addr_t start, size;

	if (!reserve_mem_find_by_name(config->region, &start, &size))
		return pinpool_backing_refuse(pool, -ENOENT,
					      "No region of this name was reserved at boot: reserve_mem=<size>:<align>:<name> does that from Linux 6.12 on");
	if (!PAGE_ALIGNED(start) || config->capacity > size)
		return pinpool_backing_refuse(pool, -ERANGE,
					      "The capacity is more than the region has, or that begins within a page");
	return claim_pages(pool, range, start);
}

/* Whether a range can be had */
static int range_check(struct pinpool_pool *pool, u64 start, u64 size)
{
	if (region_intersects(start, size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT)
		return pinpool_backing_refuse(pool, -EBUSY,
					      "The range has memory that the kernel uses itself; memmap=<size>$<start> at boot keeps it from that");
	/* On x86, what was kept from the kernel is told apart from other things. */
	if (IS_ENABLED(CONFIG_X86) &&
	    region_intersects(start, size, IORESOURCE_MEM, IORES_DESC_RESERVED) !=
	    REGION_INTERSECTS)
		return pinpool_backing_refuse(pool, -EBUSY,
					      "The range was not reserved at boot; memmap=<size>$<start> does that");
	return 0;
}

static int is_busy(struct resource *resource, void *unused)
{
	return 1;
}

/* Nobody else shall use the range while the pool does. */
static int range_request(struct pinpool_pool *pool, u64 start, u64 size)
{
	if (request_mem_region(start, size, "pinpool"))
		return 0;
	/* It doesn't tell why not. */
	if (walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_MEM | IORESOURCE_BUSY, start,
				start + size - 1, NULL, is_busy) != 1)
		return -ENOMEM;
	return pinpool_backing_refuse(pool, -EBUSY,
				      "Another driver has memory of this range; /proc/iomem tells which");
}

static int map_range(struct pinpool_pool *pool, struct reserved *range)
{
	const struct pinpool_config *config = &pool->config;
	void *address;
	int err;

	if (!IS_ENABLED(CONFIG_ZONE_DEVICE))
		return pinpool_backing_refuse(pool, -EOPNOTSUPP,
					      "This kernel can't have pages of memory that isn't its own; it was built without ZONE_DEVICE");
	range->start = config->base;
	range->end = config->base + config->capacity - 1;
	if (!range_claim(range))
		return pinpool_backing_refuse(pool, -EBUSY,
					      "Another pool has memory of this range");
	err = range_check(pool, config->base, config->capacity);
	if (err)
		return err;
	err = range_request(pool, config->base, config->capacity);
	if (err)
		return err;
	range->pgmap.type = MEMORY_DEVICE_GENERIC;
	range->pgmap.range.start = range->start;
	range->pgmap.range.end = range->end;
	range->pgmap.nr_range = 1;
	address = memremap_pages(&range->pgmap, NUMA_NO_NODE);
	if (IS_ERR(address)) {
		release_mem_region(config->base, config->capacity);
		return pinpool_backing_refuse(pool, PTR_ERR(address),
					      "The kernel can't map this range");
	}
	return 0;
}

static int clean_chunk(struct pinpool_pool *pool, u64 index, unsigned int *order)
{
	u64 offset = index * CHUNK_PAGES << PAGE_SHIFT;
	u64 end = min(offset + (CHUNK_PAGES << PAGE_SHIFT), pool->config.capacity);
	struct page *page;

	for (; offset < end; offset += PAGE_SIZE) {
		page = reserved_page(pool->backing_data, offset);
		set_page_private(page, 0);
		if (!pool->config.keep)
			clear_highpage(page);
	}
	return 0;
}

static void reserved_destroy(struct pinpool_pool *pool)
{
	struct reserved *range = pool->backing_data;

	if (range->pgmap.nr_range) {
		memunmap_pages(&range->pgmap);
		release_mem_region(range->start, range->end - range->start + 1);
	}
	range_free(range);
	pool->backing_data = NULL;
}

static int reserved_create(struct pinpool_pool *pool)
{
	struct reserved *range = kzalloc(sizeof(*range), GFP_KERNEL);
	int err;

	if (!range)
		return -ENOMEM;
	INIT_LIST_HEAD(&range->link);
	if (pool->config.mapped)
		err = claim_pages(pool, range, pool->config.base);
	else if (pool->config.region[0])
		err = find_region(pool, range);
	else
		err = map_range(pool, range);
	if (err) {
		range_free(range);
		return err;
	}
	pool->backing_data = range;
	err = pinpool_fill(pool, 0, pool->config.capacity, clean_chunk);
	if (err)
		reserved_destroy(pool);
	return err;
}

static const char *reserved_check(const struct pinpool_config *config)
{
	unsigned long align = memremap_compat_align();
	u64 end;

	if (!config->base == !config->region[0])
		return "Either a base or a region is needed";
	if (config->region[0])
		return NULL;
	if (config->mapped)
		return PAGE_ALIGNED(config->base) ? NULL : "The region begins within a page";
	/* The memory map grows by so much. */
	if (!IS_ALIGNED(config->base | config->capacity, align))
		return "Base and capacity must be multiples of 2 MiB";
	if (check_add_overflow(config->base, config->capacity - 1, &end) || end > PHYS_ADDR_MAX)
		return "The range goes beyond what this machine can address";
	return NULL;
}

const struct pinpool_backing_ops pinpool_backing_reserved = {
	.id = PINPOOL_BACKING_RESERVED,
	.name = "reserved",
	.attr = PINPOOL_A_POOL_BASE,
	.longterm = PINPOOL_LONGTERM_YES,
	.borrowed = true,
	.check = reserved_check,
	.create = reserved_create,
	.destroy = reserved_destroy,
	.fixed = "What was reserved at boot can't grow or shrink",
	.pages = reserved_pages,
};
