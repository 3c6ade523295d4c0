// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: from the extent to clean memory, and back
 *
 * Memory that changes its owner is zeroed. Whose it was is kept in the private
 * field of each page: the id of the client that mapped the page since it was
 * zeroed last, or 0. Only the client that holds the extent touches the field.
 */
#include "pinpool.h"

#include <linux/highmem.h>
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
 * struct pages - A run of consecutive pages of a buffer
 * @page: The first of them
 * @nr: How many
 */
struct pages {
	struct page *page;
	unsigned long nr;
};

/* The run at *@offset, which moves on to the next; false at the end */
static bool next_pages(const struct pinpool_pool *pool,
		       const struct pinpool_buffer *buffer, u64 *offset,
		       struct pages *pages)
{
	u64 left = buffer->offset + pinpool_buffer_extent(pool, buffer) - *offset;

	if (!left)
		return false;
	pages->page = pool->backing->pages(pool, *offset, &pages->nr);
	pages->nr = min_t(u64, pages->nr, left >> PAGE_SHIFT);
	*offset += (u64)pages->nr << PAGE_SHIFT;
	return true;
}

static int buffer_zero(const struct pinpool_client *client,
		       const struct pinpool_buffer *buffer)
{
	const struct pinpool_pool *pool = client->pool;
	u64 offset = buffer->offset;
	unsigned long keep = 0;
	unsigned long i, owner;
	struct pages pages;

	if (pool->config.zero == PINPOOL_ZERO_NEVER)
		return 0;
	if (pool->config.zero == PINPOOL_ZERO_OWNER)
		keep = client->id;

	while (next_pages(pool, buffer, &offset, &pages)) {
		for (i = 0; i < pages.nr; i++) {
			owner = page_private(pages.page + i);
			if (owner && owner != keep) {
				clear_highpage(pages.page + i);
				set_page_private(pages.page + i, 0);
			}
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * pinpool_buffer_create() - Make a buffer that nobody knows of yet
 * @client: Its owner
 * @length: Bytes, 1 to the pool's capacity
 * @align: Power of two in bytes, or 0
 *
 * Context: May sleep, and zero memory of that length.
 * Return: The buffer, or an ERR_PTR of -ENOSPC, -ENOMEM or -EINTR
 */
struct pinpool_buffer *pinpool_buffer_create(struct pinpool_client *client,
					     u64 length, u64 align)
{
	struct pinpool_buffer *buffer;
	int err;

	buffer = kmem_cache_zalloc(buffer_cache, GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->length = length;
	err = pinpool_pool_alloc(client, buffer, align);
	if (err) {
		pinpool_buffer_release(buffer);
		return ERR_PTR(err);
	}
	err = buffer_zero(client, buffer);
	if (err) {
		pinpool_buffer_destroy(client, buffer);
		return ERR_PTR(err);
	}
	return buffer;
}

/**
 * pinpool_buffer_pinned() - Does anybody hold pages of a buffer?
 * @pool: Its pool
 * @buffer: No window maps it
 *
 * Besides the backing, which holds one reference, those who may are the users of
 * get_user_pages(), and an unmapping of a window that runs at the same time and
 * has yet to flush TLBs: it drops its references after that.
 *
 * Context: May sleep. Looks at every page.
 * Return: False if nobody can reach the pages any more
 */
bool pinpool_buffer_pinned(const struct pinpool_pool *pool,
			   const struct pinpool_buffer *buffer)
{
	u64 offset = buffer->offset;
	struct pages pages;
	unsigned long i;

	while (next_pages(pool, buffer, &offset, &pages)) {
		for (i = 0; i < pages.nr; i++)
			if (page_ref_count(pages.page + i) != 1)
				return true;
		cond_resched();
	}
	return false;
}

/**
 * pinpool_buffer_destroy() - Take a buffer from its owner
 * @client: The owner
 * @buffer: Not, or no longer, in client->buffers
 *
 * On return no window reaches the buffer, and its extent is free again or in
 * quarantine.
 *
 * Context: May sleep. The caller holds no lock.
 */
void pinpool_buffer_destroy(struct pinpool_client *client,
			    struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;

	if (buffer->touched) {
		unmap_mapping_range(client->inode->i_mapping, buffer->offset,
				    pinpool_buffer_extent(pool, buffer), 1);
		if (pinpool_buffer_pinned(pool, buffer)) {
			pinpool_quarantine_add(client, buffer);
			return;
		}
	}
	pinpool_pool_free(client, buffer);
	pinpool_buffer_release(buffer);
}

/**
 * pinpool_buffer_release() - Free the record of a buffer
 * @buffer: Has no extent
 *
 * Context: Any.
 */
void pinpool_buffer_release(struct pinpool_buffer *buffer)
{
	kmem_cache_free(buffer_cache, buffer);
}
