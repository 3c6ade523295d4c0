// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "dmabuf": memory of another driver
 *
 * An attachment keeps it where it is: we can't be told that it moves, so the exporter
 * doesn't move it while the pool is there. The exporter also maps it for the kernel,
 * and what is mapped there are the pages; those in the attachment's scatterlist are
 * not for importers to look at.
 */
#include "pinpool.h"
#include "compat.h"

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/* How far a run is looked for. A fault wants 16 pages. */
#define RUN_PAGES	64

/**
 * struct dmabuf_memory - A dma-buf of another driver; constant once it is complete
 * @dmabuf: A reference is held
 * @attach: Ours
 * @sgt: What is mapped for @attach
 * @map: The memory, mapped for the kernel
 */
struct dmabuf_memory {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct iosys_map map;
};

/* The page at an address of the kernel's, or NULL if it has none */
static struct page *page_of(const void *address)
{
	struct page *page;

	if (!is_vmalloc_addr(address))
		return virt_addr_valid(address) ? virt_to_page(address) : NULL;
	page = vmalloc_to_page(address);
	return page && pfn_valid(page_to_pfn(page)) ? page : NULL;
}

static struct page *dmabuf_pages(const struct pinpool_pool *pool, u64 offset,
				 unsigned long *nr)
{
	const struct dmabuf_memory *memory = pool->backing_data;
	const char *address = memory->map.vaddr + offset;
	unsigned long most = min_t(u64, (pool->config.capacity - offset) >> PAGE_SHIFT,
				   RUN_PAGES);
	struct page *page = page_of(address);
	unsigned long pfn = page_to_pfn(page);

	for (*nr = 1; *nr < most; ++*nr)
		if (page_to_pfn(page_of(address + *nr * PAGE_SIZE)) != pfn + *nr)
			break;
	return page;
}

/* Whether this can be a pool */
static int exporter_check(struct pinpool_pool *pool, const struct dma_buf *dmabuf)
{
	if (pinpool_dmabuf_is_share(dmabuf))
		return pinpool_backing_refuse(pool, -EXDEV, "That is a share of a pool");
	if (!(dmabuf->file->f_mode & FMODE_WRITE))
		return pinpool_backing_refuse(pool, -EACCES, "The dma-buf is for reading only");
	if (dmabuf->size < pool->config.capacity)
		return pinpool_backing_refuse(pool, -EINVAL,
					      "The dma-buf is smaller than the capacity");
	return 0;
}

/* The same for how the exporter has mapped it, where it could */
static int map_check(struct pinpool_pool *pool, const struct dmabuf_memory *memory)
{
	u64 offset;

	if (memory->map.is_iomem)
		return pinpool_backing_refuse(pool, -EOPNOTSUPP,
					      "The dma-buf is memory of a device, which is not to be used as ordinary memory");
	if (!PAGE_ALIGNED(memory->map.vaddr))
		return pinpool_backing_refuse(pool, -EOPNOTSUPP,
					      "The dma-buf doesn't begin at a page");
	for (offset = 0; offset < pool->config.capacity; offset += PAGE_SIZE) {
		if (!page_of(memory->map.vaddr + offset))
			return pinpool_backing_refuse(pool, -EOPNOTSUPP,
						      "The dma-buf is memory that the kernel doesn't know of as pages");
		cond_resched();
	}
	return 0;
}

/* Get at the memory of memory->dmabuf, and have it stay where it is */
static int dmabuf_open(struct pinpool_pool *pool, struct dmabuf_memory *memory)
{
	int err;

	err = exporter_check(pool, memory->dmabuf);
	if (err)
		return err;
	memory->attach = dma_buf_attach(memory->dmabuf, pinpool_device);
	if (IS_ERR(memory->attach))
		return pinpool_backing_refuse(pool, PTR_ERR(memory->attach),
					      "The exporter doesn't let it be attached to");
	/* First this: where it was before it stayed, others may be afterwards. */
	memory->sgt = dma_buf_map_attachment_unlocked(memory->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(memory->sgt)) {
		pool->why = "The exporter can't have it stay where it is";
		err = PTR_ERR(memory->sgt);
		goto err_detach;
	}
	err = dma_buf_vmap_unlocked(memory->dmabuf, &memory->map);
	if (err) {
		pool->why = "The exporter can't map it for the kernel";
		goto err_unmap;
	}
	err = map_check(pool, memory);
	if (err)
		goto err_vunmap;
	return 0;

err_vunmap:
	dma_buf_vunmap_unlocked(memory->dmabuf, &memory->map);
err_unmap:
	dma_buf_unmap_attachment_unlocked(memory->attach, memory->sgt, DMA_BIDIRECTIONAL);
err_detach:
	dma_buf_detach(memory->dmabuf, memory->attach);
	return err;
}

static int dmabuf_create(struct pinpool_pool *pool)
{
	struct dmabuf_memory *memory;
	int err;

	memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	memory->dmabuf = dma_buf_get(pool->config.fd);
	if (IS_ERR(memory->dmabuf)) {
		err = PTR_ERR(memory->dmabuf);
		pool->why = err == -EBADF ? "That is no file descriptor" : "That is no dma-buf";
		goto err_free;
	}
	err = dmabuf_open(pool, memory);
	if (err)
		goto err_put;
	pool->backing_data = memory;
	return 0;

err_put:
	dma_buf_put(memory->dmabuf);
err_free:
	kfree(memory);
	return err;
}

static void dmabuf_destroy(struct pinpool_pool *pool)
{
	struct dmabuf_memory *memory = pool->backing_data;

	pool->backing_data = NULL;
	dma_buf_vunmap_unlocked(memory->dmabuf, &memory->map);
	dma_buf_unmap_attachment_unlocked(memory->attach, memory->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(memory->dmabuf, memory->attach);
	dma_buf_put(memory->dmabuf);
	kfree(memory);
}

static int dmabuf_begin_write(const struct pinpool_pool *pool)
{
	const struct dmabuf_memory *memory = pool->backing_data;

	return dma_buf_begin_cpu_access(memory->dmabuf, DMA_BIDIRECTIONAL);
}

static void dmabuf_end_write(const struct pinpool_pool *pool)
{
	const struct dmabuf_memory *memory = pool->backing_data;

	/* What was written is there, if not for the device at once. */
	dma_buf_end_cpu_access(memory->dmabuf, DMA_BIDIRECTIONAL);
}

static const char *dmabuf_check(const struct pinpool_config *config)
{
	if (config->fd < 0)
		return "Backing dmabuf needs the file descriptor of one";
	return NULL;
}

const struct pinpool_backing_ops pinpool_backing_dmabuf = {
	.id = PINPOOL_BACKING_DMABUF,
	.name = "dmabuf",
	.attr = PINPOOL_A_POOL_FD,
	.longterm = PINPOOL_LONGTERM_NO_FOREIGN,
	.foreign = true,
	.check = dmabuf_check,
	.create = dmabuf_create,
	.destroy = dmabuf_destroy,
	.begin_write = dmabuf_begin_write,
	.end_write = dmabuf_end_write,
	.fixed = "The memory is a dma-buf, no more and no less",
	.pages = dmabuf_pages,
};
