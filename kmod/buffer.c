// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: from the extent to clean memory, and back
 *
 *	        ALLOC            EXPORT, IMPORT
 *	free ----------> held <-----------------> held by several, shared
 *	 ^                | \                       |
 *	 |   last put,    |  \ last put, pinned     | last put, pinned
 *	 |   not pinned   |   v                     v
 *	 +<---------------+  quarantine        quarantine
 *	 |                   of the client     of nobody
 *	 |                    |    |                |
 *	 |<-------------------+    | ALLOC of the   |
 *	 |     last pin drops      v same client    |
 *	 |                        held              |
 *	 +<-----------------------------------------+
 *
 * Memory that changes its owner is zeroed. Whose it was is kept in the private
 * field of each folio, or in pool->owners where the folios are not the pool's own:
 * the id of the client that mapped it since it was zeroed last, PINPOOL_ID_MANY if
 * others may have written it too, or 0. Only holders of the extent touch the field.
 */
#include "pinpool.h"
#include "trace.h"

#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

static struct kmem_cache *buffer_cache;

/**
 * pinpool_buffer_init() - Get ready to make buffers
 *
 * Context: Module load, may sleep.
 * Return: 0 or -ENOMEM
 */
int __init pinpool_buffer_init(void)
{
	buffer_cache = KMEM_CACHE(pinpool_buffer, SLAB_ACCOUNT);
	return buffer_cache ? 0 : -ENOMEM;
}

/**
 * pinpool_buffer_exit() - Undo pinpool_buffer_init()
 *
 * Context: May sleep.
 */
void pinpool_buffer_exit(void)
{
	kmem_cache_destroy(buffer_cache);
}

/**
 * pinpool_buffer_new() - Make the record of a buffer
 * @pool: Its pool
 *
 * Context: May sleep.
 * Return: A record without an extent, or NULL
 */
struct pinpool_buffer *pinpool_buffer_new(struct pinpool_pool *pool)
{
	struct pinpool_buffer *buffer = kmem_cache_zalloc(buffer_cache, GFP_KERNEL);

	if (buffer)
		buffer->pool = pool;
	return buffer;
}

/**
 * pinpool_buffer_release() - Free the record of a buffer
 * @buffer: Has no extent; or NULL
 *
 * Context: Any.
 */
void pinpool_buffer_release(struct pinpool_buffer *buffer)
{
	if (buffer)
		kmem_cache_free(buffer_cache, buffer);
}

/**
 * struct pages - A run of consecutive pages
 * @page: The first of them
 * @owners: Whose bytes each has, if the pages don't tell
 * @nr: How many
 * @step: How many each of their folios has
 */
struct pages {
	struct page *page;
	unsigned long *owners;
	unsigned long nr;
	unsigned long step;
};

/* The run at *@offset, which is below @end and moves on to the next */
static void next_pages(const struct pinpool_pool *pool, u64 *offset, u64 end,
		       struct pages *pages)
{
	u64 left = end - *offset;

	pages->page = pool->backing->pages(pool, *offset, &pages->nr);
	pages->nr = min_t(u64, pages->nr, left >> PAGE_SHIFT);
	pages->owners = NULL;
	if (unlikely(pool->owners)) {
		pages->owners = pool->owners + (*offset >> PAGE_SHIFT);
		pages->step = 1;
	} else {
		pages->step = folio_nr_pages(page_folio(pages->page));
	}
	*offset += (u64)pages->nr << PAGE_SHIFT;
}

/* The first folio from @i on that has bytes of others than @keep, or the end */
static unsigned long next_dirty(const struct pages *pages, unsigned long i,
				unsigned long keep)
{
	unsigned long id;

	for (; unlikely(pages->owners) && i < pages->nr; i++) {
		id = pages->owners[i];
		if (id && id != keep)
			return i;
	}
	for (; i < pages->nr; i += pages->step) {
		id = page_private(pages->page + i);
		if (id && id != keep)
			break;
	}
	return i;
}

static void set_owner(const struct pages *pages, unsigned long i, unsigned long id)
{
	if (pages->owners)
		pages->owners[i] = id;
	else
		set_page_private(pages->page + i, id);
}

static u64 buffer_end(const struct pinpool_buffer *buffer)
{
	return buffer->offset + pinpool_buffer_extent(buffer);
}

static void zero_pages(struct page *page, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		clear_highpage(page + i);
		if (i % 64 == 63)
			cond_resched();
	}
}

static int buffer_zero_pages(const struct pinpool_buffer *buffer,
			     const struct pinpool_client *client)
{
	const struct pinpool_pool *pool = buffer->pool;
	u64 offset = buffer->offset;
	u64 end = buffer_end(buffer);
	unsigned long keep = 0;
	struct pages pages;
	unsigned long i;
	u64 zeroed = 0;
	int err = 0;

	if (pool->config.zero == PINPOOL_ZERO_OWNER)
		keep = client->id;

	for (;;) {
		next_pages(pool, &offset, end, &pages);
		for (i = next_dirty(&pages, 0, keep); i < pages.nr;
		     i = next_dirty(&pages, i + pages.step, keep)) {
			zero_pages(pages.page + i, pages.step);
			set_owner(&pages, i, 0);
			zeroed += pages.step;
		}
		if (offset == end)
			break;
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		cond_resched();
	}
	if (zeroed)
		trace_pinpool_zero(client, buffer, zeroed << PAGE_SHIFT);
	return err;
}

/**
 * pinpool_buffer_zero() - Zero what of a buffer others have written
 * @buffer: Nobody else can reach it
 * @client: Who shall have it
 *
 * Context: May sleep.
 * Return: 0, -EINTR for a fatal signal, or what the backing gives
 */
int pinpool_buffer_zero(const struct pinpool_buffer *buffer,
			const struct pinpool_client *client)
{
	const struct pinpool_pool *pool = buffer->pool;
	int err = 0;

	if (pool->config.zero == PINPOOL_ZERO_NEVER || !pool->backing->pages)
		return 0;
	if (pool->backing->begin_write)
		err = pool->backing->begin_write(pool);
	if (err)
		return err;
	err = buffer_zero_pages(buffer, client);
	if (pool->backing->end_write)
		pool->backing->end_write(pool);
	return err;
}

/**
 * pinpool_buffer_prepare() - Make the record of a buffer with its first hold
 * @pool: Its pool
 * @length: Its length
 *
 * Context: May sleep.
 * Return: A record without an extent, or NULL
 */
struct pinpool_buffer *pinpool_buffer_prepare(struct pinpool_pool *pool, u64 length)
{
	struct pinpool_buffer *buffer = pinpool_buffer_new(pool);

	if (buffer) {
		buffer->length = length;
		buffer->hold.buffer = buffer;
		refcount_set(&buffer->refs, 1);
	}
	return buffer;
}

/* @at: Where it shall lie, and then @align and @waiter don't matter; or NULL */
static struct pinpool_buffer *buffer_create(struct pinpool_client *client, u64 length,
					    u64 align, const u64 *at,
					    struct pinpool_waiter *waiter)
{
	struct pinpool_buffer *buffer;
	int err;

	buffer = pinpool_buffer_prepare(client->pool, length);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	err = pinpool_cgroup_charge(buffer, pinpool_buffer_extent(buffer));
	if (err)
		goto err_release;
	if (at) {
		buffer->offset = *at;
		err = pinpool_pool_alloc_at(client, buffer);
	} else {
		err = pinpool_pool_alloc(client, buffer, align, waiter, NULL);
	}
	if (err)
		goto err_uncharge;
	err = pinpool_buffer_zero(buffer, client);
	if (err) {
		pinpool_hold_end(client, &buffer->hold, false);
		return ERR_PTR(err);
	}
	return buffer;

err_uncharge:
	pinpool_cgroup_uncharge(buffer, pinpool_buffer_extent(buffer));
err_release:
	pinpool_buffer_release(buffer);
	return ERR_PTR(err);
}

/**
 * pinpool_buffer_create() - Make a buffer that nobody knows of yet
 * @client: Who gets the first hold on it, not yet published
 * @length: Bytes, 1 to the pool's capacity
 * @align: Power of two in bytes, or 0
 * @waiter: To wait for space, or NULL
 *
 * Context: May sleep, and zero memory of that length.
 * Return: The buffer, or an ERR_PTR of -ENOSPC, -EDQUOT, -ENODEV, -ENOMEM, -EINTR, or
 *         what pinpool_wait_sleep() gives
 */
struct pinpool_buffer *pinpool_buffer_create(struct pinpool_client *client,
					     u64 length, u64 align,
					     struct pinpool_waiter *waiter)
{
	return buffer_create(client, length, align, NULL, waiter);
}

/**
 * pinpool_buffer_create_at() - Make a buffer at a given place
 * @client: Who gets the first hold on it, not yet published
 * @length: Bytes, 1 to the pool's capacity
 * @offset: Where it shall lie, a multiple of the granule
 *
 * Context: May sleep, and zero memory of that length.
 * Return: The buffer, or an ERR_PTR of what pinpool_pool_alloc_at() gives
 */
struct pinpool_buffer *pinpool_buffer_create_at(struct pinpool_client *client,
						u64 length, u64 offset)
{
	return buffer_create(client, length, 0, &offset, NULL);
}

/**
 * pinpool_buffer_create_several() - Make buffers that nobody knows of yet
 * @client: Who gets the first hold on them, not yet published
 * @length: Bytes that they have in all, 1 to the pool's capacity
 * @waiter: To wait for space, or NULL
 * @scatter: In: @max. Out: the buffers; where one suffices it is one
 *
 * Context: May sleep, and zero memory of that length.
 * Return: 0, or as pinpool_buffer_create(), and then there are none
 */
int pinpool_buffer_create_several(struct pinpool_client *client, u64 length,
				  struct pinpool_waiter *waiter,
				  struct pinpool_scatter *scatter)
{
	int err = 0;
	u32 i;

	scatter->nr = 0;
	for (i = 0; i < scatter->max; i++) {
		scatter->buffers[i] = pinpool_buffer_prepare(client->pool, length);
		if (!scatter->buffers[i])
			err = -ENOMEM;
	}
	if (!err)
		err = pinpool_cgroup_charge_several(scatter);
	if (!err)
		err = pinpool_pool_alloc(client, scatter->buffers[0], 0, waiter, scatter);
	if (!err && !scatter->nr)
		scatter->nr = 1;	/* From the client's quarantine */
	pinpool_cgroup_uncharge_unused(scatter);
	for (i = scatter->nr; i < scatter->max; i++)
		pinpool_buffer_release(scatter->buffers[i]);

	for (i = 0; !err && i < scatter->nr; i++)
		err = pinpool_buffer_zero(scatter->buffers[i], client);
	for (i = 0; err && i < scatter->nr; i++)
		pinpool_hold_end(client, &scatter->buffers[i]->hold, false);
	return err;
}

/**
 * pinpool_buffer_mark() - Note that anybody may write a buffer
 * @buffer: It is shared
 *
 * Before its pages are given to a device or to the mapping of a share.
 *
 * Context: May sleep. Looks at every folio.
 */
void pinpool_buffer_mark(struct pinpool_buffer *buffer)
{
	u64 offset = buffer->offset;
	struct pages pages;
	unsigned long i;

	buffer->touched = true;
	while (offset != buffer_end(buffer)) {
		next_pages(buffer->pool, &offset, buffer_end(buffer), &pages);
		for (i = 0; i < pages.nr; i += pages.step)
			set_owner(&pages, i, PINPOOL_ID_MANY);
		cond_resched();
	}
}

/**
 * pinpool_buffer_settle() - Wait for faults that are about to map a buffer
 * @buffer: No new fault of the client finds it
 *
 * Where a fault leaves it to the kernel to map the page, that happens after
 * client->lock was dropped, but with the folio locked.
 *
 * Context: May sleep.
 */
void pinpool_buffer_settle(const struct pinpool_buffer *buffer)
{
	u64 offset = buffer->offset;
	struct pages pages;
	unsigned long i;

	if (!pinpool_pool_huge(buffer->pool))
		return;
	while (offset != buffer_end(buffer)) {
		next_pages(buffer->pool, &offset, buffer_end(buffer), &pages);
		for (i = 0; i < pages.nr; i += pages.step) {
			lock_page(pages.page + i);
			unlock_page(pages.page + i);
		}
	}
}

/**
 * pinpool_pages_find() - Look for pages that somebody holds, or nobody
 * @pool: The pool
 * @offset: Where to begin, in bytes
 * @end: Where to stop
 * @pinned: What to look for
 *
 * The range is mapped by no window. Besides the backing, which holds one
 * reference, those who may hold a page are the users of get_user_pages(), and an
 * unmapping of a window that runs at the same time and has yet to flush TLBs: it
 * drops its references after that.
 *
 * Context: May sleep.
 * Return: The offset of the first such page, or @end
 */
u64 pinpool_pages_find(const struct pinpool_pool *pool, u64 offset, u64 end,
		       bool pinned)
{
	struct pages pages;
	unsigned long i;
	u64 start;

	/* Nobody can. */
	if (pool->owners)
		return pinned ? end : offset;
	while (offset != end) {
		start = offset;
		next_pages(pool, &offset, end, &pages);
		for (i = 0; i < pages.nr; i += pages.step)
			if ((page_ref_count(pages.page + i) != 1) == pinned)
				return start + ((u64)i << PAGE_SHIFT);
		if (offset != end)
			cond_resched();
	}
	return end;
}

/* The last reference is gone. @client: it is charged to, or NULL */
static void buffer_end_life(struct pinpool_buffer *buffer, struct pinpool_client *client,
			    bool closing)
{
	u64 end = buffer_end(buffer);

	pinpool_cgroup_uncharge(buffer, pinpool_buffer_extent(buffer));
	if (buffer->touched &&
	    pinpool_pages_find(buffer->pool, buffer->offset, end, true) != end) {
		pinpool_quarantine_add(buffer, client, closing);
		return;
	}
	pinpool_pool_free(buffer, client);
	pinpool_buffer_release(buffer);
}

/**
 * pinpool_buffer_put() - Drop a reference to a buffer
 * @buffer: The buffer
 * @client: Whose hold it was, or NULL for a share
 * @closing: The client won't come back for it
 *
 * Context: May sleep. The caller holds no lock.
 */
void pinpool_buffer_put(struct pinpool_buffer *buffer, struct pinpool_client *client,
			bool closing)
{
	if (refcount_read(&buffer->refs) == 1) {
		/* Nobody else has it, nor can get it: do all under one lock. */
		smp_acquire__after_ctrl_dep();
		buffer_end_life(buffer, client, closing);
		return;
	}
	if (client) {
		spin_lock(&buffer->pool->lock);
		pinpool_pool_uncharge(client, buffer);
		spin_unlock(&buffer->pool->lock);
	}
	if (refcount_dec_and_test(&buffer->refs))
		buffer_end_life(buffer, NULL, true);
}
