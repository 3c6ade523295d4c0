// SPDX-License-Identifier: GPL-2.0
/*
 * The extents that a pool hands out, and the accounts of who has them
 */
#include "pinpool.h"

#include <linux/sched/signal.h>
#include <linux/slab.h>

/* How many extents are looked at under one lock, on the way to an offset */
#define SEEK_STEPS	256

/**
 * pinpool_pool_features() - What a pool has beyond the first version
 * @pool: The pool
 *
 * Context: Any.
 * Return: enum pinpool_feature
 */
u64 pinpool_pool_features(const struct pinpool_pool *pool)
{
	u64 features = PINPOOL_FEATURE_WAIT | PINPOOL_FEATURE_SCATTER |
		       PINPOOL_FEATURE_AT | PINPOOL_FEATURE_RESIZE;

	if (pool->backing->pages)
		features |= PINPOOL_FEATURE_POPULATE | PINPOOL_FEATURE_SHARE;
	if (pinpool_pool_huge(pool))
		features |= PINPOOL_FEATURE_HUGE;
	return features;
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
	client->pool->changes++;
	client->used += pinpool_buffer_extent(buffer);
	client->requested += buffer->length;
	client->nr_buffers++;
	client->user->used += pinpool_buffer_extent(buffer);
	client->user->nr_buffers++;
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
	client->pool->changes++;
	client->used -= pinpool_buffer_extent(buffer);
	client->requested -= buffer->length;
	client->nr_buffers--;
	client->user->used -= pinpool_buffer_extent(buffer);
	client->user->nr_buffers--;
}

/**
 * pinpool_pool_allocated() - Take a buffer into the accounts
 * @client: Whom it is charged to
 * @buffer: With its extent
 *
 * Context: pool->lock held.
 */
void pinpool_pool_allocated(struct pinpool_client *client,
			    const struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;

	pool->requested += buffer->length;
	pool->allocs++;
	pool->exhausted = false;
	client->wanted = 0;
	pinpool_pool_charge(client, buffer);
	if (unlikely(pool->high_mark))
		pinpool_quota_level(pool);
}

/* Several extents for what is asked of the first buffer */
static int pool_scatter(struct pinpool_client *client, struct pinpool_scatter *scatter,
			u32 max)
{
	struct offset_extent extents[PINPOOL_MAX_SCATTER];
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *buffer = scatter->buffers[0];
	u64 left = buffer->length;
	int i, nr;

	nr = offset_alloc_alloc_scatter(pool->oa,
					pinpool_buffer_extent(buffer) >> pool->granule_shift,
					extents, max);
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
			pinpool_pool_allocated(client, buffer);
	}
	scatter->nr = nr;
	return 0;
}

/* A client's own quarantine comes first: it may have an RDMA registration there. */
static int pool_try(struct pinpool_client *client, struct pinpool_buffer *buffer,
		    u64 align, const struct pinpool_waiter *waiter,
		    struct pinpool_scatter *scatter, struct pinpool_buffer **spare)
{
	u64 units = pinpool_buffer_extent(buffer) >> client->pool->granule_shift;
	struct pinpool_pool *pool = client->pool;
	struct offset_extent extent;
	u64 most = U64_MAX;
	int err;

	if (unlikely(pool->dead))
		return -ENODEV;
	if (unlikely(pool->limited)) {
		most = pinpool_quota_check(client, pinpool_buffer_extent(buffer));
		if (!most)
			return -EDQUOT;
	}
	/* Others may have waited for longer. */
	if (waiter && pinpool_wait_behind(pool, waiter))
		return -ENOSPC;
	if (unlikely(client->quarantined)) {
		err = pinpool_quarantine_take(client, buffer, align, spare);
		if (err != -ENOSPC)
			return err;
	}
	if (scatter)
		return pool_scatter(client, scatter, min_t(u64, scatter->max, most));
	err = offset_alloc_alloc(pool->oa, units, align >> pool->granule_shift, &extent);
	if (!err) {
		buffer->handle = extent.handle;
		buffer->offset = extent.offset << pool->granule_shift;
	}
	return err;
}

/* The way through all extents that an aligned request takes where few don't fit */
struct pool_seek {
	bool on;		/* with pool->seek_lock held */
	u64 at;
};

/* A piece of this way. Return: as offset_alloc_alloc() */
static int pool_seek(struct pinpool_pool *pool, struct pool_seek *seek,
		     struct pinpool_buffer *buffer, u64 align)
{
	u64 units = pinpool_buffer_extent(buffer) >> pool->granule_shift;
	struct offset_extent extent;
	int err;

	err = offset_alloc_seek_aligned(pool->oa, units, align >> pool->granule_shift,
					&seek->at, SEEK_STEPS);
	if (!err)
		err = offset_alloc_alloc_at(pool->oa, seek->at, units, &extent);
	if (!err) {
		buffer->handle = extent.handle;
		buffer->offset = extent.offset << pool->granule_shift;
	}
	return err;
}

/* Between two tries: go on while there is more of the way. Return: @err, or -EINTR */
static int pool_seek_on(struct pinpool_pool *pool, struct pool_seek *seek, int err)
{
	if (err == -EAGAIN && !seek->on) {
		if (mutex_lock_killable(&pool->seek_lock))
			return -EINTR;
		*seek = (struct pool_seek){ .on = true };
	} else if (err == -EAGAIN) {
		cond_resched();
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	if (err != -EAGAIN && seek->on) {
		mutex_unlock(&pool->seek_lock);
		seek->on = false;
	}
	return err;
}

/* No space for an ALLOC, whether it waits or not */
static void pool_exhausted(struct pinpool_pool *pool, const struct pinpool_buffer *buffer)
{
	if (pool->exhausted)
		return;
	pool->exhausted = true;
	pool->wanted = pinpool_buffer_extent(buffer) >> pool->granule_shift;
	pinpool_event_raise(pool, PINPOOL_EVENT_EXHAUSTED);
}

static void pool_failed(struct pinpool_client *client, const struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;

	pool->failures++;
	client->wanted = pinpool_buffer_extent(buffer) >> pool->granule_shift;
	pool_exhausted(pool, buffer);
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
 * Context: May sleep. With an alignment it may look at all extents.
 * Return: 0, -ENOSPC if no free extent fits, -EDQUOT over a limit, -ENODEV if the pool
 *         is dead, -ENOMEM, -EINTR for a fatal signal, or what pinpool_wait_sleep()
 *         gives
 */
int pinpool_pool_alloc(struct pinpool_client *client,
		       struct pinpool_buffer *buffer, u64 align,
		       struct pinpool_waiter *waiter,
		       struct pinpool_scatter *scatter)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *spare = NULL;
	struct pool_seek seek = { .on = false };
	bool reaped = false;
	bool reap;
	int err;

	align = max(align, pool->config.granule);
	if (align > pool->config.granule && READ_ONCE(client->quarantined))
		spare = pinpool_buffer_new(pool);
	do {
		spin_lock(&pool->lock);
		err = pool_try(client, buffer, align, waiter, scatter, &spare);
		if (err == -EAGAIN && seek.on)
			err = pool_seek(pool, &seek, buffer, align);
		reap = err == -ENOSPC && pool->nr_quarantined && !reaped;
		/*
		 * Who begins to seek queues then: to be told of what is freed behind him.
		 * Who listens may make space for those who wait, too.
		 */
		if (!err) {
			pinpool_pool_allocated(client, buffer);
		} else if (err == -EDQUOT) {
			pool->refusals++;
		} else if (waiter && !reap && (err == -ENOSPC || err == -EAGAIN)) {
			if (!seek.on)
				pinpool_wait_queue(pool, waiter);
			if (err == -ENOSPC)
				pool_exhausted(pool, buffer);
		}
		spin_unlock(&pool->lock);

		err = pool_seek_on(pool, &seek, err);
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

/* -EAGAIN: there is more of the way to go to the offset */
static int pool_try_at(struct pinpool_client *client, struct pinpool_buffer *buffer)
{
	u64 units = pinpool_buffer_extent(buffer) >> client->pool->granule_shift;
	struct pinpool_pool *pool = client->pool;
	u64 offset = buffer->offset >> pool->granule_shift;
	struct offset_extent extent;
	int err;

	if (pool->dead)
		return -ENODEV;
	if (pool->limited && !pinpool_quota_check(client, pinpool_buffer_extent(buffer))) {
		pool->refusals++;
		return -EDQUOT;
	}
	if (!offset_alloc_seek(pool->oa, offset, SEEK_STEPS))
		return -EAGAIN;
	err = offset_alloc_alloc_at(pool->oa, offset, units, &extent);
	if (err)
		return err;
	buffer->handle = extent.handle;
	pinpool_pool_allocated(client, buffer);
	return 0;
}

/**
 * pinpool_pool_alloc_at() - Give a buffer the extent that it had once
 * @client: Whom the buffer is charged to
 * @buffer: With its length, and its offset, a multiple of the granule; gets its handle
 *
 * Context: May sleep. Looks at all extents between the last one that was asked for so
 *          and this one.
 * Return: 0, -EINVAL beyond the pool, -EBUSY if not all of it is free, -EDQUOT over a
 *         limit, -ENODEV if the pool is dead, -ENOMEM, or -EINTR for a fatal signal
 */
int pinpool_pool_alloc_at(struct pinpool_client *client, struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;
	bool reaped = false;
	int err;

	if (mutex_lock_killable(&pool->seek_lock))
		return -EINTR;
	do {
		spin_lock(&pool->lock);
		err = pool_try_at(client, buffer);
		spin_unlock(&pool->lock);

		if (err == -ENOMEM) {
			err = pinpool_pool_grow(pool) ?: -EAGAIN;
		} else if (err == -EBUSY && !reaped && READ_ONCE(pool->nr_quarantined)) {
			pinpool_quarantine_reap(pool);
			reaped = true;
			err = -EAGAIN;
		}
		if (err == -EAGAIN && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	} while (err == -EAGAIN);
	mutex_unlock(&pool->seek_lock);
	return err;
}

/**
 * pinpool_pool_divide() - Make two extents of one
 * @pool: The pool
 * @handle: Of the extent
 * @offset: Where it lies, in bytes
 * @length: Its bytes
 * @keep: The bytes that it keeps
 * @rest: Gets the handle of what follows
 *
 * Context: pool->lock held.
 * Return: 0 or -ENOMEM, and then nothing has changed; not after offset_alloc_ready()
 *         said yes
 */
int pinpool_pool_divide(struct pinpool_pool *pool, u64 handle, u64 offset, u64 length,
			u64 keep, u64 *rest)
{
	unsigned int shift = pool->granule_shift;
	struct offset_extent extent;
	int err;

	lockdep_assert_held(&pool->lock);
	err = offset_alloc_resize(pool->oa, handle, keep >> shift);
	if (err)
		return err;
	err = offset_alloc_alloc_at(pool->oa, (offset + keep) >> shift,
				    (length - keep) >> shift, &extent);
	if (err)
		WARN_ON_ONCE(offset_alloc_resize(pool->oa, handle, length >> shift));
	else
		*rest = extent.handle;
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
	bool dead;

	spin_lock(&pool->lock);
	if (client)
		pinpool_pool_uncharge(client, buffer);
	pinpool_pool_forget(buffer);
	WARN_ON_ONCE(offset_alloc_free(pool->oa, buffer->handle));
	if (unlikely(pool->high_mark))
		pinpool_quota_level(pool);
	chunk = offset_alloc_take_chunk(pool->oa);
	pinpool_wait_kick(pool);
	dead = pool->dead;
	spin_unlock(&pool->lock);
	offset_alloc_chunk_free(chunk);
	if (unlikely(dead))
		pinpool_pool_drain(pool);
}

/**
 * pinpool_pool_drain() - Give back the memory of a dead pool
 * @pool: The pool; does nothing while there is a buffer in it
 *
 * What is in quarantine doesn't count: whoever has pinned its pages has references
 * of his own to them. Where these are not enough, the memory goes with the pool.
 *
 * Context: May sleep. The caller holds no lock, and has no buffer.
 */
void pinpool_pool_drain(struct pinpool_pool *pool)
{
	bool drain;

	spin_lock(&pool->lock);
	drain = pool->dead && !pool->drained && !pool->staying &&
		offset_alloc_used(pool->oa) << pool->granule_shift == pool->quarantined;
	if (drain)
		pool->drained = true;
	spin_unlock(&pool->lock);
	if (drain) {
		pinpool_quarantine_exit(pool);
		pinpool_backing_destroy(pool);
	}
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
