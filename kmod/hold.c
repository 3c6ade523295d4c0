// SPDX-License-Identifier: GPL-2.0
/*
 * Holds: what makes a buffer a client's
 *
 * The first hold of a buffer is that of the client which allocated it, and part
 * of the buffer's record. Every import makes another one.
 */
#include "pinpool.h"
#include "trace.h"

#include <linux/fs.h>
#include <linux/slab.h>

static struct kmem_cache *hold_cache;

/**
 * pinpool_hold_init() - Get ready to make holds
 *
 * Context: Module load, may sleep.
 * Return: 0 or -ENOMEM
 */
int __init pinpool_hold_init(void)
{
	hold_cache = KMEM_CACHE(pinpool_hold, SLAB_ACCOUNT);
	return hold_cache ? 0 : -ENOMEM;
}

/**
 * pinpool_hold_exit() - Undo pinpool_hold_init()
 *
 * Context: May sleep.
 */
void pinpool_hold_exit(void)
{
	kmem_cache_destroy(hold_cache);
}

/* False if the client holds a buffer at this place already */
static bool hold_insert(struct pinpool_client *client, struct pinpool_hold *hold)
{
	struct rb_node **link = &client->holds.rb_node;
	struct rb_node *parent = NULL;
	u64 offset = hold->buffer->offset;
	u64 other;

	while (*link) {
		parent = *link;
		other = rb_entry(parent, struct pinpool_hold, node)->buffer->offset;
		if (offset < other)
			link = &parent->rb_left;
		else if (offset > other)
			link = &parent->rb_right;
		else
			return false;
	}
	rb_link_node(&hold->node, parent, link);
	rb_insert_color(&hold->node, &client->holds);
	return true;
}

/**
 * pinpool_hold_find() - Find a client's buffer by its place
 * @client: The client
 * @offset: In bytes
 * @next: Take the first one after @offset if there is none at it
 *
 * Context: client->lock held, which also keeps the hold alive.
 * Return: The hold on the buffer whose extent contains @offset, or NULL
 */
struct pinpool_hold *pinpool_hold_find(struct pinpool_client *client, u64 offset,
				       bool next)
{
	struct rb_node *node = client->holds.rb_node;
	struct pinpool_hold *after = NULL;
	struct pinpool_hold *hold;

	lockdep_assert_held(&client->lock);
	while (node) {
		hold = rb_entry(node, struct pinpool_hold, node);
		if (offset < hold->buffer->offset) {
			after = hold;
			node = node->rb_left;
		} else if (offset - hold->buffer->offset >=
			   pinpool_buffer_extent(hold->buffer)) {
			node = node->rb_right;
		} else {
			after = hold;
			next |= hold->published;
			break;
		}
	}
	if (!next)
		return NULL;
	while (after && !after->published) {
		node = rb_next(&after->node);
		after = node ? rb_entry(node, struct pinpool_hold, node) : NULL;
	}
	return after;
}

/**
 * pinpool_hold_lookup() - Find a client's buffer by its handle
 * @client: The client
 * @handle: Anything
 *
 * The allocator knows at once where the buffer of a handle lies, and whether the
 * handle is stale; the client's tree, whether the buffer is this client's.
 *
 * Context: client->lock held, which also keeps the hold alive.
 * Return: The hold, or NULL
 */
struct pinpool_hold *pinpool_hold_lookup(struct pinpool_client *client, u64 handle)
{
	struct pinpool_pool *pool = client->pool;
	struct offset_extent extent;
	struct pinpool_hold *hold;
	int err;

	spin_lock(&pool->lock);
	err = offset_alloc_lookup(pool->oa, handle, &extent);
	spin_unlock(&pool->lock);
	if (err)
		return NULL;
	hold = pinpool_hold_find(client, extent.offset << pool->granule_shift, false);
	return hold && hold->buffer->handle == handle ? hold : NULL;
}

/**
 * pinpool_hold_publish() - Let a client have its new buffers
 * @client: The client
 * @holds: The first holds of the buffers; the list is void after success
 *
 * Context: May sleep.
 * Return: 0, or -ENODEV if the pool is dead, and the holds are still the caller's
 */
int pinpool_hold_publish(struct pinpool_client *client, struct list_head *holds)
{
	struct pinpool_hold *hold, *next;

	down_write(&client->lock);
	if (unlikely(client->revoked)) {
		up_write(&client->lock);
		return -ENODEV;
	}
	list_for_each_entry_safe(hold, next, holds, link) {
		hold->published = true;
		trace_pinpool_alloc(client, hold->buffer);
		hold_insert(client, hold);
	}
	atomic_inc(&client->pool->hold_changes);
	up_write(&client->lock);
	return 0;
}

/* False over a limit */
static bool hold_charge(struct pinpool_client *client, const struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;
	bool may;

	spin_lock(&pool->lock);
	may = pinpool_quota_check(client, pinpool_buffer_extent(buffer));
	if (may)
		pinpool_pool_charge(client, buffer);
	else
		pool->refusals++;
	spin_unlock(&pool->lock);
	return may;
}

/**
 * pinpool_hold_import() - Give a client a hold on a buffer that another one made
 * @client: The client
 * @buffer: The caller has a reference, which the hold takes over
 * @readonly: No window shall map it writable
 *
 * Nobody finds it before pinpool_hold_imported().
 *
 * Context: May sleep.
 * Return: The hold, or an ERR_PTR of -EEXIST if the client has one on this buffer
 *         already, -EDQUOT over a limit, or -ENOMEM
 */
struct pinpool_hold *pinpool_hold_import(struct pinpool_client *client,
					 struct pinpool_buffer *buffer, bool readonly)
{
	struct pinpool_hold *hold;
	bool inserted;

	hold = kmem_cache_zalloc(hold_cache, GFP_KERNEL);
	if (!hold)
		return ERR_PTR(-ENOMEM);
	hold->buffer = buffer;
	hold->readonly = readonly;

	down_write(&client->lock);
	inserted = hold_insert(client, hold);
	up_write(&client->lock);
	if (!inserted) {
		kmem_cache_free(hold_cache, hold);
		return ERR_PTR(-EEXIST);
	}
	if (!hold_charge(client, buffer)) {
		down_write(&client->lock);
		rb_erase(&hold->node, &client->holds);
		up_write(&client->lock);
		kmem_cache_free(hold_cache, hold);
		return ERR_PTR(-EDQUOT);
	}
	return hold;
}

/**
 * pinpool_hold_imported() - End an import
 * @client: The client
 * @hold: From pinpool_hold_import()
 * @told: The client knows of it; else it goes again
 *
 * Context: May sleep.
 * Return: 0, or -ENODEV if the pool is dead, and then it goes as well
 */
int pinpool_hold_imported(struct pinpool_client *client, struct pinpool_hold *hold,
			  bool told)
{
	int err = 0;

	/* Later it may be freed already. */
	if (told)
		trace_pinpool_import(client, hold->buffer, hold->readonly);
	down_write(&client->lock);
	if (client->revoked)
		err = -ENODEV;
	if (told && !err)
		hold->published = true;
	else
		rb_erase(&hold->node, &client->holds);
	atomic_inc(&client->pool->hold_changes);
	up_write(&client->lock);
	if (!told || err)
		pinpool_hold_end(client, hold, false);
	return err;
}

/**
 * pinpool_hold_remove() - Take a buffer out of a client's hands
 * @client: The client
 * @handle: Anything
 *
 * No fault maps the buffer after this; windows that did still do.
 *
 * Context: May sleep.
 * Return: The hold, which is the caller's to end, or NULL
 */
struct pinpool_hold *pinpool_hold_remove(struct pinpool_client *client, u64 handle)
{
	struct pinpool_hold *hold;

	down_write(&client->lock);
	hold = pinpool_hold_lookup(client, handle);
	if (hold) {
		rb_erase(&hold->node, &client->holds);
		atomic_inc(&client->pool->hold_changes);
	}
	up_write(&client->lock);
	return hold;
}

/**
 * pinpool_hold_end() - Take a buffer from a client
 * @client: The client
 * @hold: Not, or no longer, in client->holds
 * @closing: The client won't come back for it
 *
 * On return no window of the client reaches the buffer. If this was the last
 * reference to the buffer, its extent is free again or in quarantine.
 *
 * Context: May sleep. The caller holds no lock.
 */
void pinpool_hold_end(struct pinpool_client *client, struct pinpool_hold *hold,
		      bool closing)
{
	struct pinpool_buffer *buffer = hold->buffer;
	bool first = hold == &buffer->hold;

	if (hold->touched) {
		pinpool_buffer_settle(buffer);
		unmap_mapping_range(client->inode->i_mapping, buffer->offset,
				    pinpool_buffer_extent(buffer), 1);
		buffer->touched = true;
	}
	if (trace_pinpool_free_enabled() && hold->published)
		trace_pinpool_free(client, buffer);
	pinpool_buffer_put(buffer, client, closing);
	if (!first)
		kmem_cache_free(hold_cache, hold);
}
