// SPDX-License-Identifier: GPL-2.0
/*
 * The dmem cgroup controller: what a cgroup may have of a pool
 *
 * A pool is a region of the controller, by the name "pinpool/<name>". A buffer is
 * charged with its extent to the cgroup of the task that allocates it, from before it
 * gets the extent, or waits for it, until its last reference is gone: whoever else comes
 * to hold it pays nothing. What is in quarantine is nobody's charge, as it is on nobody's
 * quota.
 *
 * The first versions of the controller free what charges point to together with their
 * region. So the region has a reference of each charge and one of the pool, which goes
 * when the pool is deleted.
 *
 * The controller counts bytes to PAGE_COUNTER_MAX, 2 PiB where pages have 4 KiB, and takes
 * what is more for over a limit. Larger pools, which have no memory, are not charged.
 */
#include "pinpool.h"
#include "compat.h"

#include <linux/cgroup_dmem.h>
#include <linux/page_counter.h>

/**
 * pinpool_cgroup_register() - Tell the controller of a pool
 * @pool: The pool; it has no clients yet
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM
 */
int pinpool_cgroup_register(struct pinpool_pool *pool)
{
	const struct dmem_cgroup_init init = { .size = pool->config.capacity };
	struct dmem_cgroup_region *region;

	region = dmem_cgroup_register_region(&init, "pinpool/%s", pool->config.name);
	if (IS_ERR(region))
		return PTR_ERR(region);
	pool->region = region;
	refcount_set(&pool->charges, 1);
	return 0;
}

/**
 * pinpool_cgroup_unregister() - There will be no more charges of a pool
 * @pool: The pool
 *
 * Context: May sleep.
 */
void pinpool_cgroup_unregister(struct pinpool_pool *pool)
{
	if (refcount_dec_and_test(&pool->charges))
		dmem_cgroup_unregister_region(pool->region);
}

/**
 * pinpool_cgroup_charge() - Charge a buffer to the cgroup of the current task
 * @buffer: The buffer
 * @bytes: How much
 *
 * Context: May sleep.
 * Return: 0, -EDQUOT over a limit, -ENODEV if the pool is dead, or -ENOMEM
 */
int pinpool_cgroup_charge(struct pinpool_buffer *buffer, u64 bytes)
{
	struct pinpool_pool *pool = buffer->pool;
	int err;

	if (READ_ONCE(pool->config.capacity) > PAGE_COUNTER_MAX)
		return 0;
	if (!refcount_inc_not_zero(&pool->charges))
		return -ENODEV;
	err = dmem_cgroup_try_charge(pool->region, bytes, &buffer->charge, NULL);
	if (err)
		pinpool_cgroup_unregister(pool);
	if (err != -EAGAIN)
		return err;
	spin_lock(&pool->lock);
	pool->refusals++;
	spin_unlock(&pool->lock);
	return -EDQUOT;
}

/**
 * pinpool_cgroup_uncharge() - Undo a charge
 * @buffer: The buffer, or NULL; nothing is done if it isn't charged
 * @bytes: What of the charge is its own
 *
 * Context: May sleep. The caller has a reference to the pool.
 */
void pinpool_cgroup_uncharge(struct pinpool_buffer *buffer, u64 bytes)
{
	if (!buffer || !buffer->charge)
		return;
	dmem_cgroup_uncharge(buffer->charge, bytes);
	buffer->charge = NULL;
	pinpool_cgroup_unregister(buffer->pool);
}

/**
 * pinpool_cgroup_same() - Whether two buffers are charged to the same cgroup
 * @a: The one
 * @b: The other
 *
 * Context: Any.
 * Return: True if so, or if neither is charged
 */
bool pinpool_cgroup_same(const struct pinpool_buffer *a, const struct pinpool_buffer *b)
{
	return a->charge == b->charge;
}

/* -EAGAIN if the task has moved to another cgroup meanwhile */
static int charge_all(struct pinpool_scatter *scatter)
{
	struct pinpool_buffer *first = scatter->buffers[0];
	struct pinpool_buffer *buffer;
	int err;
	u32 i;

	err = pinpool_cgroup_charge(first, pinpool_buffer_extent(first));
	for (i = 1; !err && i < scatter->max; i++) {
		buffer = scatter->buffers[i];
		err = pinpool_cgroup_charge(buffer, 0);
		if (!err && buffer->charge != first->charge)
			err = -EAGAIN;
	}
	return err;
}

/**
 * pinpool_cgroup_charge_several() - Charge buffers that are to divide an extent
 * @scatter: @max buffers, each with the length of all of it, and @nr 0
 *
 * How they divide it turns out later. Until then the first one has all of the charge;
 * as they are of one cgroup, each can give back its part in the end.
 *
 * Context: May sleep.
 * Return: 0 or as pinpool_cgroup_charge(), and then none is charged
 */
int pinpool_cgroup_charge_several(struct pinpool_scatter *scatter)
{
	int err;

	do {
		err = charge_all(scatter);
		if (err)
			pinpool_cgroup_uncharge_unused(scatter);
	} while (err == -EAGAIN);
	return err;
}

/**
 * pinpool_cgroup_uncharge_unused() - Undo the charges of buffers that are not needed
 * @scatter: Its buffers from @nr on have no extents
 *
 * Context: May sleep.
 */
void pinpool_cgroup_uncharge_unused(struct pinpool_scatter *scatter)
{
	u64 bytes = 0;
	u32 i;

	/* Without the first one there is none. */
	if (!scatter->nr && scatter->buffers[0])
		bytes = pinpool_buffer_extent(scatter->buffers[0]);
	for (i = scatter->nr; i < scatter->max; i++) {
		pinpool_cgroup_uncharge(scatter->buffers[i], bytes);
		bytes = 0;
	}
}
