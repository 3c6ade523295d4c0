// SPDX-License-Identifier: GPL-2.0
/*
 * Where pools' memory comes from: what all backings have in common
 */
#include "pinpool.h"

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pfn.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/string.h>

static const struct pinpool_backing_ops * const backings[] = {
	[PINPOOL_BACKING_PAGES] = &pinpool_backing_pages,
#ifdef CONFIG_CONTIG_ALLOC
	[PINPOOL_BACKING_CONTIG] = &pinpool_backing_contig,
#endif
	[PINPOOL_BACKING_RESERVED] = &pinpool_backing_reserved,
	[PINPOOL_BACKING_USER] = &pinpool_backing_user,
	[PINPOOL_BACKING_DMABUF] = &pinpool_backing_dmabuf,
	[PINPOOL_BACKING_NONE] = &pinpool_backing_none,
#ifdef CONFIG_DMA_CMA
	[PINPOOL_BACKING_CMA] = &pinpool_backing_cma,
#endif
};

/* Attachments, and memory for DMA, are of a device. No driver is bound to it. */
struct device *pinpool_device;

/**
 * pinpool_backing_init() - Get ready to make backings
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno
 */
int __init pinpool_backing_init(void)
{
	struct platform_device *device;
	int err;

	device = platform_device_register_simple("pinpool", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(device))
		return PTR_ERR(device);
	/* It looks at no memory: any address will do, and any length. */
	dma_set_max_seg_size(&device->dev, UINT_MAX);
	err = dma_coerce_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
	if (err) {
		platform_device_unregister(device);
		return err;
	}
	pinpool_device = &device->dev;
	return 0;
}

/**
 * pinpool_backing_exit() - Undo pinpool_backing_init()
 *
 * Context: May sleep. There are no pools.
 */
void pinpool_backing_exit(void)
{
	platform_device_unregister(to_platform_device(pinpool_device));
}

/**
 * pinpool_backing_get() - Find a backing by its number
 * @id: enum pinpool_backing, or anything
 *
 * Context: Any.
 * Return: The backing, or NULL
 */
const struct pinpool_backing_ops *pinpool_backing_get(unsigned int id)
{
	if (id >= ARRAY_SIZE(backings))
		return NULL;
	return backings[array_index_nospec(id, ARRAY_SIZE(backings))];
}

/**
 * pinpool_backing_find() - Find a backing by its name
 * @name: The name
 *
 * Context: Any.
 * Return: The backing, or NULL
 */
const struct pinpool_backing_ops *pinpool_backing_find(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(backings); i++)
		if (backings[i] && !strcmp(backings[i]->name, name))
			return backings[i];
	return NULL;
}

/*
 * What is in memory that had another owner is like what another client wrote: nobody
 * is to see it.
 */
static int owners_new(struct pinpool_pool *pool)
{
	u64 nr = pool->config.capacity >> PAGE_SHIFT;
	u64 i;

	pool->owners = kvmalloc_array(nr, sizeof(*pool->owners),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pool->owners)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		pool->owners[i] = PINPOOL_ID_MANY;
		if (i % SZ_1M == SZ_1M - 1)
			cond_resched();
	}
	return 0;
}

static void owners_free(struct pinpool_pool *pool)
{
	kvfree(pool->owners);
	pool->owners = NULL;
}

/**
 * pinpool_backing_refuse() - Tell why a backing can't have a pool its memory
 * @pool: The pool
 * @err: The error
 * @why: In words, a constant; to go to the log, and to who asked for the pool
 *
 * Context: Of the create method.
 * Return: @err
 */
int pinpool_backing_refuse(struct pinpool_pool *pool, int err, const char *why)
{
	pool->why = why;
	return err;
}

/**
 * pinpool_backing_create() - Get a pool its memory
 * @pool: The pool, of which nobody knows yet
 *
 * Context: May sleep, and for long.
 * Return: 0, and then pool->backing is set; or a negative errno, and pool->why if there
 *         is more to be said
 */
int pinpool_backing_create(struct pinpool_pool *pool)
{
	const struct pinpool_backing_ops *backing = pinpool_backing_get(pool->config.backing);
	int err;

	if (!backing)
		return -EOPNOTSUPP;
	err = backing->create(pool);
	if (err)
		return err;
	/* Only now it is known that somebody has so much memory. */
	if (backing->foreign) {
		err = owners_new(pool);
		if (err) {
			backing->destroy(pool);
			return err;
		}
	}
	pool->backing = backing;
	pinpool_backing_survey(pool);
	return 0;
}

/**
 * pinpool_backing_destroy() - Let go of a pool's memory
 * @pool: The pool; nobody has a buffer of it
 *
 * Context: May sleep, and for long.
 */
void pinpool_backing_destroy(struct pinpool_pool *pool)
{
	pool->backing->destroy(pool);
	owners_free(pool);
}

static u64 node_bit(const struct page *page)
{
	return BIT_ULL(min(page_to_nid(page), 63));
}

static void survey_chunk(struct pinpool_survey *survey, u64 bytes)
{
	if (!bytes)
		return;
	survey->min = survey->chunks ? min(survey->min, bytes) : bytes;
	survey->max = max(survey->max, bytes);
	survey->chunks++;
}

/**
 * pinpool_backing_survey() - Find out what a pool's memory is like
 * @pool: The pool; its capacity doesn't change meanwhile
 *
 * Context: May sleep. Looks at each run of pages.
 */
void pinpool_backing_survey(struct pinpool_pool *pool)
{
	u64 capacity = pool->backing->pages ? pool->config.capacity : 0;
	struct pinpool_survey survey = { };
	unsigned long next = 0;
	unsigned long pfn, nr;
	u64 offset, bytes = 0;
	struct page *page;

	for (offset = 0; offset < capacity; offset += (u64)nr << PAGE_SHIFT) {
		page = pool->backing->pages(pool, offset, &nr);
		nr = min_t(u64, nr, (capacity - offset) >> PAGE_SHIFT);
		pfn = page_to_pfn(page);
		if (!offset)
			survey.phys = PFN_PHYS(page_to_pfn(page));
		if (pfn != next) {
			survey_chunk(&survey, bytes);
			bytes = 0;
		}
		bytes += (u64)nr << PAGE_SHIFT;
		next = pfn + nr;
		survey.nodes |= node_bit(page);
		cond_resched();
	}
	survey_chunk(&survey, bytes);
	spin_lock(&pool->lock);
	pool->survey = survey;
	spin_unlock(&pool->lock);
}
