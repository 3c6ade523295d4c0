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
#include <linux/pinpool_netlink.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

MODULE_IMPORT_NS(PINPOOL_NS(DMA_BUF));

/**
 * struct share - A dma-buf
 * @buffer: Constant; a reference is held, and one to its pool
 * @client: Who made it, or NULL if that is gone; under pool->members_lock
 * @by_client: In client->shares; under pool->members_lock
 * @link: In pool->share_list; under pool->members_lock
 * @id: Constant; its place in that list
 * @lock: Protects what follows. Held for reading while a fault maps pages
 * @dmabuf: NULL until it is complete
 * @attachments: struct attachment
 * @nr_maps: How many mappings there are, each with a reference to the file
 * @marked: The buffer's pages are marked as written by anybody
 * @revoked: The pool is dead: no new mappings and no faults
 */
struct share {
	struct pinpool_buffer *buffer;
	struct pinpool_client *client;
	struct list_head by_client;
	struct list_head link;
	u64 id;
	struct rw_semaphore lock;	/* what follows */
	struct dma_buf *dmabuf;
	struct list_head attachments;
	unsigned long nr_maps;
	bool marked;
	bool revoked;
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

/* Before anybody gets at the pages. Returns 0, or -ENODEV if the pool is dead */
static int share_mark(struct share *share)
{
	int err = 0;

	down_write(&share->lock);
	if (share->revoked)
		err = -ENODEV;
	else if (!share->marked)
		pinpool_buffer_mark(share->buffer);
	share->marked |= !err;
	up_write(&share->lock);
	return err;
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
	down_write(&share->lock);
	list_add(&attachment->link, &share->attachments);
	up_write(&share->lock);
	return 0;
}

static void share_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct attachment *attachment = attach->priv;
	struct share *share = dmabuf->priv;

	down_write(&share->lock);
	list_del(&attachment->link);
	up_write(&share->lock);
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
	err = share_mark(share);
	if (err)
		return ERR_PTR(err);
	sgt = sgt_new(share->buffer, attach->dev);
	if (IS_ERR(sgt))
		return sgt;
	err = dma_map_sgtable(attach->dev, sgt, direction, 0);
	if (err) {
		sgt_free(sgt);
		return ERR_PTR(err);
	}
	down_write(&share->lock);
	attachment->sgt = sgt;
	up_write(&share->lock);
	return sgt;
}

static void share_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction direction)
{
	struct attachment *attachment = attach->priv;
	struct share *share = attach->dmabuf->priv;

	down_write(&share->lock);
	attachment->sgt = NULL;
	up_write(&share->lock);
	dma_unmap_sgtable(attach->dev, sgt, direction, 0);
	sgt_free(sgt);
}

static int share_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct share *share = dmabuf->priv;
	struct attachment *attachment;

	down_write(&share->lock);
	list_for_each_entry(attachment, &share->attachments, link)
		if (attachment->sgt)
			dma_sync_sgtable_for_cpu(attachment->dev, attachment->sgt, direction);
	up_write(&share->lock);
	return 0;
}

static int share_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct share *share = dmabuf->priv;
	struct attachment *attachment;

	down_write(&share->lock);
	list_for_each_entry(attachment, &share->attachments, link)
		if (attachment->sgt)
			dma_sync_sgtable_for_device(attachment->dev, attachment->sgt, direction);
	up_write(&share->lock);
	return 0;
}

static struct share *share_of(const struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = vma->vm_file->private_data;

	return dmabuf->priv;
}

static void share_map_count(struct share *share, long delta)
{
	down_write(&share->lock);
	share->nr_maps += delta;
	up_write(&share->lock);
}

static void share_map_open(struct vm_area_struct *vma)
{
	share_map_count(share_of(vma), 1);
}

static void share_map_close(struct vm_area_struct *vma)
{
	share_map_count(share_of(vma), -1);
}

static vm_fault_t share_fault(struct vm_fault *vmf)
{
	struct share *share = share_of(vmf->vma);
	const struct pinpool_buffer *buffer = share->buffer;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&share->lock);
	if (!share->revoked)
		ret = pinpool_mmap_pages(vmf, buffer->pool,
					 buffer->offset + ((u64)vmf->pgoff << PAGE_SHIFT),
					 buffer->offset + share_size(buffer));
	up_read(&share->lock);
	return ret;
}

static const struct vm_operations_struct share_vm_ops = {
	.open = share_map_open,
	.close = share_map_close,
	.fault = share_fault,
};

static int share_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct share *share = dmabuf->priv;
	long clear = pinpool_mmap_check(vma);
	unsigned long kind;
	int err;

	if (clear < 0)
		return clear;
	/* A driver may let its own file be mapped for writing, whatever the share allows. */
	if ((vma->vm_flags & VM_WRITE) && !(dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	err = share_mark(share);
	if (err)
		return err;
	share_map_count(share, 1);
	kind = pinpool_mmap_kind(share->buffer->pool);
	/* A driver that leaves it to us may have been about to do it another way. */
	clear |= (VM_PFNMAP | VM_MIXEDMAP) & ~kind;
	vm_flags_mod(vma, kind | VM_DONTEXPAND | VM_DONTDUMP, clear);
	vma->vm_ops = &share_vm_ops;
	return 0;
}

static int share_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct share *share = dmabuf->priv;
	struct page **pages;
	void *address = NULL;
	int err;

	err = share_mark(share);
	if (err)
		return err;
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

/*
 * Enter a share, or rather its client's wish for one, into the books. Returns 0,
 * -ENODEV if the pool is dead, or -EDQUOT.
 */
static int share_join(struct share *share, struct pinpool_client *client)
{
	struct pinpool_pool *pool = client->pool;
	int err = 0;

	mutex_lock(&pool->members_lock);
	spin_lock(&pool->lock);
	if (pool->dead) {
		err = -ENODEV;
	} else if (!pinpool_quota_check_share(client)) {
		err = -EDQUOT;
		pool->refusals++;
	} else {
		pool->shares++;
		pool->changes++;
		client->nr_shares++;
	}
	spin_unlock(&pool->lock);
	if (!err) {
		share->client = client;
		share->id = ++pool->last_share;
		list_add_tail(&share->by_client, &client->shares);
		list_add_tail(&share->link, &pool->share_list);
	}
	mutex_unlock(&pool->members_lock);
	return err;
}

/* Nobody finds the share after this. */
static void share_unlink(struct share *share)
{
	struct pinpool_pool *pool = share->buffer->pool;

	mutex_lock(&pool->members_lock);
	if (share->client) {
		spin_lock(&pool->lock);
		share->client->nr_shares--;
		spin_unlock(&pool->lock);
	}
	list_del(&share->by_client);
	list_del(&share->link);
	mutex_unlock(&pool->members_lock);
}

static void share_free(struct share *share)
{
	struct pinpool_pool *pool = share->buffer->pool;

	share_unlink(share);
	pinpool_buffer_put(share->buffer, NULL, true);
	/* Who sees that there are no shares shall see that their buffers are free. */
	spin_lock(&pool->lock);
	pool->shares--;
	pool->changes++;
	spin_unlock(&pool->lock);
	kfree(share);
}

/* The last reference to the file is gone: no descriptor, mapping or attachment. */
static void share_release(struct dma_buf *dmabuf)
{
	struct share *share = dmabuf->priv;
	struct pinpool_pool *pool = share->buffer->pool;

	trace_pinpool_free(NULL, share->buffer);
	share_free(share);
	put_device(&pool->dev);
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

/* A reference to a buffer that the client holds */
static struct pinpool_buffer *buffer_get(struct pinpool_client *client, u64 handle,
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
		refcount_inc(&buffer->refs);
	}
	up_write(&client->lock);
	return buffer;
}

/* The dma-buf of a share that is in the books. Has a reference to the pool then */
static struct dma_buf *share_complete(struct share *share, bool readonly)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &share_ops;
	info.size = share_size(share->buffer);
	info.flags = readonly ? O_RDONLY : O_RDWR;
	info.priv = share;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return dmabuf;
	get_device(&share->buffer->pool->dev);
	down_write(&share->lock);
	share->dmabuf = dmabuf;
	up_write(&share->lock);
	return dmabuf;
}

/**
 * pinpool_dmabuf_export() - Make a share
 * @client: Who holds the buffer
 * @handle: The buffer
 * @readonly: Nobody shall write through it
 *
 * Nobody else may have it before pinpool_dmabuf_exported().
 *
 * Context: May sleep.
 * Return: The file of the dma-buf, or an ERR_PTR of -ENOENT, -EACCES if the client
 *         itself may only read the buffer, -EDQUOT over a limit, -ENODEV if the pool
 *         is dead or has no memory, or -ENOMEM
 */
struct file *pinpool_dmabuf_export(struct pinpool_client *client, u64 handle,
				   bool readonly)
{
	struct pinpool_buffer *buffer;
	struct dma_buf *dmabuf;
	struct share *share;
	int err;

	if (!client->pool->backing->pages)
		return ERR_PTR(-ENODEV);
	share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);
	if (!share)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&share->lock);
	INIT_LIST_HEAD(&share->attachments);
	buffer = buffer_get(client, handle, readonly);
	if (IS_ERR(buffer)) {
		err = PTR_ERR(buffer);
		goto err_free;
	}
	share->buffer = buffer;
	err = share_join(share, client);
	if (err)
		goto err_buffer;
	dmabuf = share_complete(share, readonly);
	if (IS_ERR(dmabuf)) {
		share_free(share);
		return ERR_CAST(dmabuf);
	}
	return dmabuf->file;

err_buffer:
	pinpool_buffer_put(buffer, NULL, true);
err_free:
	kfree(share);
	return ERR_PTR(err);
}

/**
 * pinpool_dmabuf_exported() - End an export that succeeded
 * @client: Who made the share
 * @file: From pinpool_dmabuf_export(), of which nobody else knows yet
 * @readonly: Nobody shall write through it
 *
 * All faults that come after this know that the buffer is shared.
 *
 * Context: May sleep.
 */
void pinpool_dmabuf_exported(struct pinpool_client *client, struct file *file,
			     bool readonly)
{
	struct dma_buf *dmabuf = file->private_data;
	struct share *share = dmabuf->priv;

	down_write(&client->lock);
	share->buffer->shared = true;
	up_write(&client->lock);
	trace_pinpool_export(client, share->buffer, readonly);
}

/**
 * pinpool_dmabuf_tell() - Go through the shares of a pool
 * @pool: The pool
 * @id: Of the last one, or 0; moves on to the next
 * @told: Filled in
 *
 * Context: pool->members_lock held.
 * Return: False if there are no more
 */
bool pinpool_dmabuf_tell(struct pinpool_pool *pool, u64 *id, struct pinpool_told *told)
{
	const struct pinpool_buffer *buffer;
	const struct share *share;

	lockdep_assert_held(&pool->members_lock);
	list_for_each_entry(share, &pool->share_list, link) {
		if (share->id <= *id)
			continue;
		buffer = share->buffer;
		*id = share->id;
		*told = (struct pinpool_told) {
			.handle = buffer->handle,
			.offset = buffer->offset,
			.length = buffer->length,
			.extent = pinpool_buffer_extent(buffer),
			.state = PINPOOL_BUFFER_STATE_SHARED,
		};
		return true;
	}
	return false;
}

/**
 * pinpool_dmabuf_forget() - Let a client's shares do without it
 * @client: The client, which is about to go
 *
 * Context: pool->members_lock held.
 */
void pinpool_dmabuf_forget(struct pinpool_client *client)
{
	struct share *share, *next;

	lockdep_assert_held(&client->pool->members_lock);
	list_for_each_entry_safe(share, next, &client->shares, by_client) {
		share->client = NULL;
		list_del_init(&share->by_client);
	}
}

/*
 * The file of a share that has mappings, with a reference, or NULL. The last
 * reference to it may be gone where it has none.
 */
static struct file *revoke_share(struct share *share)
{
	struct file *file = NULL;

	down_write(&share->lock);
	share->revoked = true;
	if (share->nr_maps)
		file = get_file(share->dmabuf->file);
	up_write(&share->lock);
	return file;
}

/**
 * pinpool_dmabuf_revoke() - Unmap all shares of a pool
 * @pool: The pool; it is dead
 *
 * Devices that have a share mapped go on: their memory stays until they are done.
 *
 * Context: pool->members_lock held, may sleep.
 */
void pinpool_dmabuf_revoke(struct pinpool_pool *pool)
{
	struct share *share;
	struct file *file;

	lockdep_assert_held(&pool->members_lock);
	list_for_each_entry(share, &pool->share_list, link) {
		file = revoke_share(share);
		if (!file)
			continue;
		unmap_mapping_range(file->f_mapping, 0, 0, 1);
		fput(file);
		cond_resched();
	}
}

/**
 * pinpool_dmabuf_is_share() - Is this one of ours?
 * @dmabuf: A dma-buf
 *
 * Context: Any.
 * Return: True if it is a share of some pool
 */
bool pinpool_dmabuf_is_share(const struct dma_buf *dmabuf)
{
	return dmabuf->ops == &share_ops;
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
	buffer = pinpool_dmabuf_is_share(dmabuf) ? ((struct share *)dmabuf->priv)->buffer : NULL;
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
