// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: the registry, a pool's life, and the extents it hands out
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "compat.h"
#include "trace.h"

#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#define MAX_POOLS	1024

static DEFINE_MUTEX(pools_lock);
static LIST_HEAD(pools);		/* under pools_lock */
static DEFINE_IDA(minors);
static dev_t first_devt;
static atomic_t nr_pools;		/* whose memory is not freed yet */

static char *pool_devnode(PINPOOL_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = container_of(dev, struct pinpool_pool, dev)->config.mode;
	return kasprintf(GFP_KERNEL, "pinpool/%s", dev_name(dev));
}

static struct class pool_class = {
	.name = "pinpool",
	.devnode = pool_devnode,
	.dev_groups = pinpool_sysfs_groups,
};

static void pool_release(struct device *dev)
{
	struct pinpool_pool *pool = container_of(dev, struct pinpool_pool, dev);

	pinpool_quarantine_exit(pool);
	if (pool->backing)
		pool->backing->destroy(pool);
	if (pool->oa)
		offset_alloc_destroy(pool->oa);
	kvfree(pool->oa);
	ida_free(&minors, MINOR(dev->devt));
	kfree(pool);
	if (atomic_dec_and_test(&nr_pools))
		wake_up_var(&nr_pools);
}

static int pool_link(struct pinpool_pool *pool)
{
	struct pinpool_pool *other;
	int err = 0;

	mutex_lock(&pools_lock);
	list_for_each_entry(other, &pools, link)
		if (!strcmp(other->config.name, pool->config.name))
			err = -EEXIST;
	if (!err)
		list_add_tail(&pool->link, &pools);
	mutex_unlock(&pools_lock);
	return err;
}

static void pool_unlink(struct pinpool_pool *pool)
{
	mutex_lock(&pools_lock);
	list_del(&pool->link);
	mutex_unlock(&pools_lock);
}

static struct pinpool_pool *pool_new(const struct pinpool_config *config)
{
	struct pinpool_pool *pool;
	int minor;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&minors, MAX_POOLS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(pool);
		return ERR_PTR(minor);
	}
	atomic_inc(&nr_pools);
	pool->config = *config;
	pool->granule_shift = ilog2(config->granule);
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->waiters);
	init_waitqueue_head(&pool->poll_head);
	pinpool_quarantine_init(pool);
	cdev_init(&pool->cdev, &pinpool_client_fops);
	pool->cdev.owner = THIS_MODULE;

	device_initialize(&pool->dev);
	pool->dev.class = &pool_class;
	pool->dev.devt = MKDEV(MAJOR(first_devt), minor);
	pool->dev.release = pool_release;
	return pool;
}

static int pool_fill(struct pinpool_pool *pool)
{
	const struct pinpool_backing_ops *backing = &pinpool_backing_pages;
	struct offset_alloc_config config = {
		.capacity = pool->config.capacity >> pool->granule_shift,
		/* Handles of one pool mean nothing to another. */
		.first_generation = get_random_u32(),
	};
	struct offset_alloc *oa;
	int err;

	oa = kvzalloc(sizeof(*oa), GFP_KERNEL);
	if (!oa)
		return -ENOMEM;
	err = offset_alloc_init(oa, &config);
	if (err) {
		kvfree(oa);
		return err;
	}
	pool->oa = oa;
	err = backing->create(pool);
	if (err)
		return err;
	pool->backing = backing;
	return 0;
}

/**
 * pinpool_pool_create() - Make a pool, but for its node
 * @config: What it shall be; checked by the caller
 *
 * Context: May sleep, and for long: gets the memory of the pool.
 * Return: 0 or a negative errno, told in the log
 */
int pinpool_pool_create(const struct pinpool_config *config)
{
	struct pinpool_pool *pool;
	int err;

	pool = pool_new(config);
	if (IS_ERR(pool)) {
		err = PTR_ERR(pool);
		goto err_report;
	}
	err = dev_set_name(&pool->dev, "%s", config->name);
	if (err)
		goto err_put;
	/* Keeps the name from others while the memory is collected. */
	err = pool_link(pool);
	if (err)
		goto err_put;
	err = pool_fill(pool);
	if (err)
		goto err_unlink;
	return 0;

err_unlink:
	pool_unlink(pool);
err_put:
	put_device(&pool->dev);
err_report:
	pr_err("pool '%s': can't be made: %pe\n", config->name, ERR_PTR(err));
	return err;
}

/**
 * pinpool_pool_publish_all() - Give all pools their nodes
 *
 * The last step of loading the module: once a node is there somebody may have it
 * open, and the module would have to stay for them.
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno, told in the log
 */
int __init pinpool_pool_publish_all(void)
{
	struct pinpool_pool *pool;
	int err = 0;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, link) {
		err = cdev_device_add(&pool->cdev, &pool->dev);
		if (err) {
			pr_err("pool '%s': no node can be made: %pe\n",
			       pool->config.name, ERR_PTR(err));
			break;
		}
		pool->published = true;
		trace_pinpool_pool(pool, PINPOOL_TRACE_NEW);
	}
	mutex_unlock(&pools_lock);
	return err;
}

/**
 * pinpool_pool_init() - Get ready to make pools
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno
 */
int __init pinpool_pool_init(void)
{
	int err;

	err = alloc_chrdev_region(&first_devt, 0, MAX_POOLS, "pinpool");
	if (err)
		return err;
	err = class_register(&pool_class);
	if (err)
		unregister_chrdev_region(first_devt, MAX_POOLS);
	return err;
}

/**
 * pinpool_pool_exit() - Destroy all pools
 *
 * Context: Module load (after a failure) or removal, may sleep. Waits for those
 *          who have a pool open, which at removal is nobody.
 */
void pinpool_pool_exit(void)
{
	struct pinpool_pool *pool, *next;

	list_for_each_entry_safe(pool, next, &pools, link) {
		if (pool->published) {
			cdev_device_del(&pool->cdev, &pool->dev);
			trace_pinpool_pool(pool, PINPOOL_TRACE_GONE);
		}
		pool_unlink(pool);
		put_device(&pool->dev);
	}
	/* The last reference may be a client's, or of somebody who looks at sysfs. */
	wait_var_event(&nr_pools, !atomic_read(&nr_pools));
	class_unregister(&pool_class);
	unregister_chrdev_region(first_devt, MAX_POOLS);
	ida_destroy(&minors);
}

/**
 * pinpool_pool_grow() - Get the allocator more nodes
 * @pool: The pool
 *
 * Context: May sleep.
 * Return: 0 if it is worth another try, or -ENOMEM
 */
int pinpool_pool_grow(struct pinpool_pool *pool)
{
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	int err;

	if (!chunk)
		return -ENOMEM;
	spin_lock(&pool->lock);
	err = offset_alloc_add_chunk(pool->oa, chunk);
	spin_unlock(&pool->lock);
	/* Somebody else was quicker, or there is no more room for nodes. */
	if (err)
		offset_alloc_chunk_free(chunk);
	return 0;
}

/**
 * pinpool_pool_charge() - Count a buffer as a client's
 * @client: Who holds it from now on
 * @buffer: The buffer
 *
 * Context: pool->lock held.
 */
void pinpool_pool_charge(struct pinpool_client *client,
			 const struct pinpool_buffer *buffer)
{
	lockdep_assert_held(&client->pool->lock);
	client->used += pinpool_buffer_extent(buffer);
	client->requested += buffer->length;
	client->nr_buffers++;
}

/**
 * pinpool_pool_uncharge() - Undo pinpool_pool_charge()
 * @client: Who held it
 * @buffer: The buffer
 *
 * Context: pool->lock held.
 */
void pinpool_pool_uncharge(struct pinpool_client *client,
			   const struct pinpool_buffer *buffer)
{
	lockdep_assert_held(&client->pool->lock);
	client->used -= pinpool_buffer_extent(buffer);
	client->requested -= buffer->length;
	client->nr_buffers--;
}

static void pool_allocated(struct pinpool_client *client,
			   const struct pinpool_buffer *buffer)
{
	client->pool->requested += buffer->length;
	client->pool->allocs++;
	client->wanted = 0;
	pinpool_pool_charge(client, buffer);
}

/* Several extents for what is asked of the first buffer */
static int pool_scatter(struct pinpool_client *client, struct pinpool_scatter *scatter)
{
	struct offset_extent extents[PINPOOL_MAX_SCATTER];
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *buffer = scatter->buffers[0];
	u64 left = buffer->length;
	int i, nr;

	nr = offset_alloc_alloc_scatter(pool->oa,
					pinpool_buffer_extent(buffer) >> pool->granule_shift,
					extents, scatter->max);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++) {
		buffer = scatter->buffers[i];
		buffer->handle = extents[i].handle;
		buffer->offset = extents[i].offset << pool->granule_shift;
		buffer->length = min(left, extents[i].size << pool->granule_shift);
		left -= buffer->length;
		/* The first one is left to the caller. */
		if (i)
			pool_allocated(client, buffer);
	}
	scatter->nr = nr;
	return 0;
}

/* A client's own quarantine comes first: it may have an RDMA registration there. */
static int pool_try(struct pinpool_client *client, struct pinpool_buffer *buffer,
		    u64 align, struct pinpool_scatter *scatter,
		    struct pinpool_buffer **spare)
{
	u64 units = pinpool_buffer_extent(buffer) >> client->pool->granule_shift;
	struct pinpool_pool *pool = client->pool;
	struct offset_extent extent;
	int err;

	if (unlikely(client->quarantined)) {
		err = pinpool_quarantine_take(client, buffer, align, spare);
		if (err != -ENOSPC)
			return err;
	}
	if (scatter)
		return pool_scatter(client, scatter);
	err = offset_alloc_alloc(pool->oa, units, align >> pool->granule_shift, &extent);
	if (!err) {
		buffer->handle = extent.handle;
		buffer->offset = extent.offset << pool->granule_shift;
	}
	return err;
}

static void pool_failed(struct pinpool_client *client, const struct pinpool_buffer *buffer)
{
	client->pool->failures++;
	client->wanted = pinpool_buffer_extent(buffer) >> client->pool->granule_shift;
}

/* An ALLOC that finds no space: -EAGAIN, or the error to end with */
static int pool_full(struct pinpool_client *client, const struct pinpool_buffer *buffer,
		     struct pinpool_waiter *waiter)
{
	struct pinpool_pool *pool = client->pool;
	int err = waiter ? pinpool_wait_sleep(pool, waiter) : -ENOSPC;

	if (!err)
		return -EAGAIN;
	spin_lock(&pool->lock);
	pool_failed(client, buffer);
	spin_unlock(&pool->lock);
	return err;
}

/**
 * pinpool_pool_alloc() - Give a buffer its extent
 * @client: Whom the buffer is charged to
 * @buffer: With its length set, 1 to the pool's capacity; gets handle and offset
 * @align: Power of two in bytes, or 0
 * @waiter: To wait for space, or NULL
 * @scatter: Begins with @buffer; what doesn't fit into one extent may go to these
 *           buffers. Or NULL
 *
 * Context: May sleep.
 * Return: 0, -ENOSPC if no free extent fits, -ENOMEM, or what
 *         pinpool_wait_sleep() gives
 */
int pinpool_pool_alloc(struct pinpool_client *client,
		       struct pinpool_buffer *buffer, u64 align,
		       struct pinpool_waiter *waiter,
		       struct pinpool_scatter *scatter)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *spare = NULL;
	bool reaped = false;
	bool reap;
	int err;

	align = max(align, pool->config.granule);
	if (align > pool->config.granule && READ_ONCE(client->quarantined))
		spare = pinpool_buffer_new(pool);
	do {
		spin_lock(&pool->lock);
		/* Others may have waited for longer. */
		err = waiter && pinpool_wait_behind(pool, waiter) ? -ENOSPC :
		      pool_try(client, buffer, align, scatter, &spare);
		reap = err == -ENOSPC && pool->nr_quarantined && !reaped;
		if (!err)
			pool_allocated(client, buffer);
		else if (err == -ENOSPC && !reap && waiter)
			pinpool_wait_queue(pool, waiter);
		spin_unlock(&pool->lock);

		if (err == -ENOMEM) {
			err = pinpool_pool_grow(pool) ?: -EAGAIN;
		} else if (reap) {
			pinpool_quarantine_reap(pool);
			if (READ_ONCE(client->quarantined))
				pinpool_quarantine_join(client);
			reaped = true;
			err = -EAGAIN;
		} else if (err == -ENOSPC) {
			err = pool_full(client, buffer, waiter);
		}
	} while (err == -EAGAIN);
	pinpool_buffer_release(spare);
	return err;
}

/**
 * pinpool_pool_forget() - Take a buffer off the accounts of its pool
 * @buffer: About to be freed or quarantined
 *
 * Context: pool->lock held.
 */
void pinpool_pool_forget(const struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = buffer->pool;

	lockdep_assert_held(&pool->lock);
	pool->requested -= buffer->length;
	/* What no client ever learned of was never allocated. */
	if (buffer->hold.published)
		pool->frees++;
	else
		pool->allocs--;
}

/**
 * pinpool_pool_free() - Return the extent of a buffer
 * @buffer: No window maps it and nobody has its pages pinned
 * @client: Whom it is charged to, or NULL
 *
 * Context: Process context, may sleep.
 */
void pinpool_pool_free(struct pinpool_buffer *buffer, struct pinpool_client *client)
{
	struct pinpool_pool *pool = buffer->pool;
	struct offset_alloc_chunk *chunk;

	spin_lock(&pool->lock);
	if (client)
		pinpool_pool_uncharge(client, buffer);
	pinpool_pool_forget(buffer);
	WARN_ON_ONCE(offset_alloc_free(pool->oa, buffer->handle));
	chunk = offset_alloc_take_chunk(pool->oa);
	pinpool_wait_kick(pool);
	spin_unlock(&pool->lock);
	offset_alloc_chunk_free(chunk);
}

/**
 * pinpool_pool_stats() - How full a pool is
 * @pool: The pool
 * @client: The client that asks, or NULL
 * @stats: Filled in, but for @size and @flags
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_pool_stats(struct pinpool_pool *pool, const struct pinpool_client *client,
			struct pinpool_stats *stats)
{
	struct offset_alloc_report report;

	spin_lock(&pool->lock);
	offset_alloc_report(pool->oa, &report);
	stats->quarantined = pool->quarantined;
	stats->quarantined_extents = pool->nr_quarantined;
	stats->requested = pool->requested;
	stats->clients = pool->clients;
	stats->allocs = pool->allocs;
	stats->frees = pool->frees;
	stats->failures = pool->failures;
	stats->shares = pool->shares;
	stats->waiters = pool->nr_waiters;
	stats->client_used = client ? client->used : 0;
	stats->client_requested = client ? client->requested : 0;
	stats->client_buffers = client ? client->nr_buffers : 0;
	stats->client_quarantined = client ? client->quarantined : 0;
	spin_unlock(&pool->lock);

	stats->capacity = report.capacity << pool->granule_shift;
	stats->used = (report.used << pool->granule_shift) - stats->quarantined;
	stats->free = report.free << pool->granule_shift;
	stats->largest_free = report.largest_free << pool->granule_shift;
	stats->peak = report.peak << pool->granule_shift;
	stats->buffers = report.nr_used - stats->quarantined_extents;
	stats->free_extents = report.nr_free;
}
