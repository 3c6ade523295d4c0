// SPDX-License-Identifier: GPL-2.0
/*
 * Shares: a buffer as a dma-buf
 *
 * A share carries a buffer to another process, which imports it into a client of
 * its own or maps it by itself, or to any driver that takes a dma-buf. It has a
 * reference to the buffer for as long as its file lives.
 */
#include "pinpool.h"
#include "compat.h"
#include "trace.h"

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

MODULE_IMPORT_NS(PINPOOL_NS(DMA_BUF));

/**
 * struct share - A dma-buf
 * @buffer: Constant; a reference is held, and one to its pool
 * @lock: Protects @attachments and @marked
 * @attachments: struct attachment
 * @marked: The buffer's pages are marked as written by anybody
 */
struct share {
	struct pinpool_buffer *buffer;
	struct mutex lock;	/* attachments, marked */
	struct list_head attachments;
	bool marked;
};

/**
 * struct attachment - What a driver has of a share
 * @link: In share->attachments; under share->lock
 * @dev: The driver's device; constant
 * @sgt: What is mapped for it, or NULL; under share->lock
 */
struct attachment {
	struct list_head link;
	struct device *dev;
	struct sg_table *sgt;
};

static size_t share_size(const struct pinpool_buffer *buffer)
{
	return PAGE_ALIGN(buffer->length);
}

/* Before anybody gets at the pages */
static void share_mark(struct share *share)
{
	mutex_lock(&share->lock);
	if (!share->marked)
		pinpool_buffer_mark(share->buffer);
	share->marked = true;
	mutex_unlock(&share->lock);
}

/* All pages of a buffer; to be freed by kvfree() */
static struct page **share_pages(const struct pinpool_buffer *buffer)
{
	const struct pinpool_pool *pool = buffer->pool;
	unsigned long nr = share_size(buffer) >> PAGE_SHIFT;
	unsigned long i, run = 0;
	struct page **pages;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	for (i = 0; i < nr; i++) {
		pages[i] = run ? pages[i - 1] + 1 :
				 pool->backing->pages(pool, buffer->offset + i * PAGE_SIZE, &run);
		run--;
	}
	return pages;
}

static int share_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct share *share = dmabuf->priv;
	struct attachment *attachment;

	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return -ENOMEM;
	attachment->dev = attach->dev;
	attach->priv = attachment;
	mutex_lock(&share->lock);
	list_add(&attachment->link, &share->attachments);
	mutex_unlock(&share->lock);
	return 0;
}

static void share_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct attachment *attachment = attach->priv;
	struct share *share = dmabuf->priv;

	mutex_lock(&share->lock);
	list_del(&attachment->link);
	mutex_unlock(&share->lock);
	kfree(attachment);
}

static struct sg_table *sgt_new(const struct pinpool_buffer *buffer, struct device *dev)
{
	unsigned long nr = share_size(buffer) >> PAGE_SHIFT;
	struct sg_table *sgt;
	struct page **pages;
	int err;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	pages = share_pages(buffer);
	err = pages ? sg_alloc_table_from_pages_segment(sgt, pages, nr, 0, (u64)nr << PAGE_SHIFT,
							dma_get_max_seg_size(dev), GFP_KERNEL) :
		      -ENOMEM;
	kvfree(pages);
	if (err) {
		kfree(sgt);
		return ERR_PTR(err);
	}
	return sgt;
}

static void sgt_free(struct sg_table *sgt)
{
	sg_free_table(sgt);
	kfree(sgt);
}

/*
 * A share that was exported for reading only can't be made to be written by a
 * device. That may be more than a driver can promise: it has to ask for less.
 */
static struct sg_table *share_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction direction)
{
	struct attachment *attachment = attach->priv;
	struct share *share = attach->dmabuf->priv;
	struct sg_table *sgt;
	int err;

	if (direction != DMA_TO_DEVICE && !(attach->dmabuf->file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	share_mark(share);
	sgt = sgt_new(share->buffer, attach->dev);
	if (IS_ERR(sgt))
		return sgt;
	err = dma_map_sgtable(attach->dev, sgt, direction, 0);
	if (err) {
		sgt_free(sgt);
		return ERR_PTR(err);
	}
	mutex_lock(&share->lock);
	attachment->sgt = sgt;
	mutex_unlock(&share->lock);
	return sgt;
}

static void share_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction direction)
{
	struct attachment *attachment = attach->priv;
	struct share *share = attach->dmabuf->priv;

	mutex_lock(&share->lock);
	attachment->sgt = NULL;
	mutex_unlock(&share->lock);
	dma_unmap_sgtable(attach->dev, sgt, direction, 0);
	sgt_free(sgt);
}

static int share_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct share *share = dmabuf->priv;
	struct attachment *attachment;

	mutex_lock(&share->lock);
	list_for_each_entry(attachment, &share->attachments, link)
		if (attachment->sgt)
			dma_sync_sgtable_for_cpu(attachment->dev, attachment->sgt, direction);
	mutex_unlock(&share->lock);
	return 0;
}

static int share_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct share *share = dmabuf->priv;
	struct attachment *attachment;

	mutex_lock(&share->lock);
	list_for_each_entry(attachment, &share->attachments, link)
		if (attachment->sgt)
			dma_sync_sgtable_for_device(attachment->dev, attachment->sgt, direction);
	mutex_unlock(&share->lock);
	return 0;
}

static int share_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct share *share = dmabuf->priv;
	int err;

	err = pinpool_mmap_share(share->buffer, vma);
	if (!err)
		share_mark(share);
	return err;
}

static int share_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct share *share = dmabuf->priv;
	struct page **pages;
	void *address = NULL;

	share_mark(share);
	pages = share_pages(share->buffer);
	if (pages)
		address = vmap(pages, share_size(share->buffer) >> PAGE_SHIFT, VM_MAP,
			       dmabuf->file->f_mode & FMODE_WRITE ? PAGE_KERNEL : PAGE_KERNEL_RO);
	kvfree(pages);
	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void share_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

/* The last reference to the file is gone: no descriptor, mapping or attachment. */
static void share_release(struct dma_buf *dmabuf)
{
	struct share *share = dmabuf->priv;
	struct pinpool_pool *pool = share->buffer->pool;

	trace_pinpool_free(NULL, share->buffer);
	pinpool_buffer_put(share->buffer, NULL, true);
	spin_lock(&pool->lock);
	pool->shares--;
	spin_unlock(&pool->lock);
	put_device(&pool->dev);
	kfree(share);
}

static const struct dma_buf_ops share_ops = {
	.attach = share_attach,
	.detach = share_detach,
	.map_dma_buf = share_map,
	.unmap_dma_buf = share_unmap,
	.begin_cpu_access = share_begin_cpu_access,
	.end_cpu_access = share_end_cpu_access,
	.mmap = share_mmap,
	.vmap = share_vmap,
	.vunmap = share_vunmap,
	.release = share_release,
};

/*
 * A reference to a buffer that the client holds. All faults that come after this
 * know that the buffer is shared.
 */
static struct pinpool_buffer *buffer_get_shared(struct pinpool_client *client, u64 handle,
						bool readonly)
{
	struct pinpool_buffer *buffer;
	struct pinpool_hold *hold;

	down_write(&client->lock);
	hold = pinpool_hold_lookup(client, handle);
	if (!hold) {
		buffer = ERR_PTR(-ENOENT);
	} else if (hold->readonly && !readonly) {
		buffer = ERR_PTR(-EACCES);
	} else {
		buffer = hold->buffer;
		buffer->shared = true;
		refcount_inc(&buffer->refs);
	}
	up_write(&client->lock);
	return buffer;
}

/**
 * pinpool_dmabuf_export() - Make a share
 * @client: Who holds the buffer
 * @handle: The buffer
 * @readonly: Nobody shall write through it
 *
 * Context: May sleep.
 * Return: The file of the dma-buf, or an ERR_PTR of -ENOENT, -EACCES if the client
 *         itself may only read the buffer, or -ENOMEM
 */
struct file *pinpool_dmabuf_export(struct pinpool_client *client, u64 handle,
				   bool readonly)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *buffer;
	struct dma_buf *dmabuf;
	struct share *share;

	share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);
	if (!share)
		return ERR_PTR(-ENOMEM);
	mutex_init(&share->lock);
	INIT_LIST_HEAD(&share->attachments);
	buffer = buffer_get_shared(client, handle, readonly);
	if (IS_ERR(buffer)) {
		kfree(share);
		return ERR_CAST(buffer);
	}
	share->buffer = buffer;

	info.ops = &share_ops;
	info.size = share_size(buffer);
	info.flags = readonly ? O_RDONLY : O_RDWR;
	info.priv = share;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		pinpool_buffer_put(buffer, NULL, true);
		kfree(share);
		return ERR_CAST(dmabuf);
	}
	get_device(&pool->dev);
	spin_lock(&pool->lock);
	pool->shares++;
	spin_unlock(&pool->lock);
	trace_pinpool_export(client, buffer, readonly);
	return dmabuf->file;
}

/**
 * pinpool_dmabuf_import() - Give a client a hold on the buffer of a share
 * @client: The client
 * @fd: The share
 * @readonly: The hold shall not allow to write
 *
 * Context: May sleep.
 * Return: The hold, which pinpool_hold_imported() must end, or an ERR_PTR of
 *         -EBADF or -EINVAL if @fd is no dma-buf, -EXDEV if it is of another pool
 *         or another driver, -EACCES if it is only for reading, or what
 *         pinpool_hold_import() gives
 */
struct pinpool_hold *pinpool_dmabuf_import(struct pinpool_client *client, int fd,
					   bool readonly)
{
	struct pinpool_hold *hold;
	struct pinpool_buffer *buffer;
	struct dma_buf *dmabuf;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	buffer = dmabuf->ops == &share_ops ? ((struct share *)dmabuf->priv)->buffer : NULL;
	if (!buffer || buffer->pool != client->pool) {
		hold = ERR_PTR(-EXDEV);
	} else if (!readonly && !(dmabuf->file->f_mode & FMODE_WRITE)) {
		hold = ERR_PTR(-EACCES);
	} else {
		refcount_inc(&buffer->refs);
		hold = pinpool_hold_import(client, buffer, readonly);
		if (IS_ERR(hold))
			pinpool_buffer_put(buffer, NULL, true);
	}
	dma_buf_put(dmabuf);
	return hold;
}
