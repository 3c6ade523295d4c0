// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that grow and shrink, at their end
 *
 * Memory comes before the allocator hands it out, and goes after it has taken it
 * back. Windows that are there keep their length: a client that wants to reach what
 * is new maps another one.
 */
#include "pinpool.h"

#include <linux/mm.h>

/**
 * pinpool_resize_max() - What a pool may grow to
 * @config: Of the pool
 *
 * Context: Any.
 * Return: Granules; what it has, or else as much as this machine has, or the backing
 *         can have
 */
u64 pinpool_resize_max(const struct pinpool_config *config)
{
	const struct pinpool_backing_ops *backing = pinpool_backing_get(config->backing);
	u64 all = (u64)totalram_pages() << PAGE_SHIFT;

	if (backing && !backing->grow)
		return config->capacity >> ilog2(config->granule);
	if (backing && backing->limit)
		return backing->limit >> ilog2(config->granule);
	return max(config->capacity, all) >> ilog2(config->granule);
}

/* Have the allocator divide so much. */
static int set_capacity(struct pinpool_pool *pool, u64 capacity)
{
	int err;

	do {
		spin_lock(&pool->lock);
		err = offset_alloc_set_capacity(pool->oa, capacity >> pool->granule_shift);
		if (!err) {
			WRITE_ONCE(pool->config.capacity, capacity);
			pinpool_quota_marks(pool);
			/* There may be space for who waits. */
			pinpool_wait_kick(pool);
		}
		spin_unlock(&pool->lock);
		if (err == -ENOMEM)
			err = pinpool_pool_grow(pool) ?: -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

static int grow(struct pinpool_pool *pool, u64 old, u64 capacity)
{
	int err;

	err = pool->backing->grow(pool, old, capacity);
	if (err)
		return err;
	err = set_capacity(pool, capacity);
	if (err)
		pool->backing->shrink(pool, capacity, old);
	return err;
}

/*
 * Whoever looks through the quarantine may be about to look at pages that have come
 * free from there since, so he is waited for.
 */
static int shrink(struct pinpool_pool *pool, u64 old, u64 capacity)
{
	int err;

	pinpool_quarantine_reap(pool);
	mutex_lock(&pool->reap_lock);
	err = set_capacity(pool, capacity);
	if (!err)
		pool->backing->shrink(pool, old, capacity);
	mutex_unlock(&pool->reap_lock);
	return err;
}

/**
 * pinpool_resize() - Make a pool larger or smaller
 * @pool: The pool
 * @capacity: In bytes, a multiple of the granule
 *
 * Context: pool->set_lock held. May sleep, and for long: gets memory, or gives it
 *          back.
 * Return: 0; -EBUSY if what is to go is not free, -ENOMEM, -ERANGE if it is more than
 *         the machine had when the pool was made, -EOPNOTSUPP if the backing can't,
 *         -EINTR for a signal. Errors change nothing
 */
int pinpool_resize(struct pinpool_pool *pool, u64 capacity)
{
	u64 old = pool->config.capacity;
	int err;

	lockdep_assert_held(&pool->set_lock);
	if (capacity == old)
		return 0;
	if (!pool->backing->grow)
		return -EOPNOTSUPP;
	err = capacity < old ? shrink(pool, old, capacity) : grow(pool, old, capacity);
	if (!err)
		pinpool_backing_survey(pool);
	return err == -EINVAL ? -ERANGE : err;
}
