// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "cma": one run of the kernel's contiguous memory allocator
 *
 * That sets memory aside for devices at boot (cma=512M), and lends it out meanwhile to
 * those whose memory it can move away again. So a large run can be had from it at any
 * time, but who wants to pin its pages for long is not to: the kernel would first move
 * them elsewhere, which it can't, and tries without end (gup.c). Windows map them by PFN
 * therefore, and nobody can.
 *
 * The allocator itself isn't exported by all kernels. DMA memory of a device comes from
 * it, and from the page allocator where that is quicker.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"

#include <linux/cc_platform.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/**
 * struct cma_memory - The run of a pool; constant
 * @page: Its first page
 * @address: What the device would know it by
 */
struct cma_memory {
	struct page *page;
	dma_addr_t address;
};

static struct page *cma_pages(const struct pinpool_pool *pool, u64 offset, unsigned long *nr)
{
	const struct cma_memory *memory = pool->backing_data;
	unsigned long pfn = page_to_pfn(memory->page) + (offset >> PAGE_SHIFT);

	/* The memory map itself need not be contiguous. */
	*nr = BIT(PINPOOL_CHUNK_ORDER) - pfn % BIT(PINPOOL_CHUNK_ORDER);
	return pfn_to_page(pfn);
}

static bool run_alloc(struct cma_memory *memory, u64 bytes)
{
	memory->page = dma_alloc_pages(pinpool_device, bytes, &memory->address,
				       DMA_BIDIRECTIONAL, GFP_KERNEL | __GFP_NOWARN);
	/* Where there are pages they are mapped, but it has to be asked (DMA_API_DEBUG). */
	return memory->page && !dma_mapping_error(pinpool_device, memory->address);
}

static void run_free(const struct cma_memory *memory, u64 bytes)
{
	dma_free_pages(pinpool_device, bytes, memory->page, memory->address,
		       DMA_BIDIRECTIONAL);
}

/* What could be had instead, to the power of two below */
static void tell_what_there_is(const struct pinpool_pool *pool, struct cma_memory *memory)
{
	u64 bytes = rounddown_pow_of_two(pool->config.capacity);
	bool had = false;

	while (!had && bytes > PAGE_SIZE && !fatal_signal_pending(current)) {
		bytes /= 2;
		had = run_alloc(memory, bytes);
	}
	if (had)
		run_free(memory, bytes);
	pr_info("pool '%s': CMA has no run of %llu KiB; one of %llu KiB could be had\n",
		pool->config.name, pool->config.capacity >> 10, had ? bytes >> 10 : 0);
}

static int cma_create(struct pinpool_pool *pool)
{
	struct cma_memory *memory;

	/* What is for devices there isn't encrypted, and windows would take it to be. */
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return pinpool_backing_refuse(pool, -EOPNOTSUPP,
					      "The memory of this machine is encrypted");
	if (pool->config.capacity > (u64)totalram_pages() << PAGE_SHIFT)
		return pinpool_backing_refuse(pool, -ENOMEM,
					      "This machine has less memory than that");
	memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	if (!run_alloc(memory, pool->config.capacity)) {
		tell_what_there_is(pool, memory);
		kfree(memory);
		return pinpool_backing_refuse(pool, -ENOMEM,
					      "CMA has no run of that size, cma=<size> at boot gives it memory; the kernel's log says of which there is one");
	}
	pool->backing_data = memory;
	return 0;
}

static void cma_destroy(struct pinpool_pool *pool)
{
	struct cma_memory *memory = pool->backing_data;

	pool->backing_data = NULL;
	run_free(memory, pool->config.capacity);
	kfree(memory);
}

const struct pinpool_backing_ops pinpool_backing_cma = {
	.id = PINPOOL_BACKING_CMA,
	.name = "cma",
	.attr = PINPOOL_A_POOL_BACKING,
	.longterm = PINPOOL_LONGTERM_NO_MOVABLE,
	.foreign = true,
	.create = cma_create,
	.destroy = cma_destroy,
	.fixed = "One contiguous run can't grow or shrink",
	.pages = cma_pages,
};
