// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: what clients and users may have of a pool, and its watermarks
 */
#include "pinpool.h"

#include <linux/cred.h>
#include <linux/math64.h>
#include <linux/slab.h>

/**
 * pinpool_quota_join() - Let a client be its user's
 * @client: The client, of a pool that isn't dead; its @uid is set
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM
 */
int pinpool_quota_join(struct pinpool_client *client)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	struct pinpool_user *user;

	if (!fresh)
		return -ENOMEM;
	spin_lock(&pool->lock);
	list_for_each_entry(user, &pool->users, link)
		if (uid_eq(user->uid, client->uid))
			goto found;
	user = fresh;
	fresh = NULL;
	user->uid = client->uid;
	list_add(&user->link, &pool->users);
found:
	user->clients++;
	client->user = user;
	spin_unlock(&pool->lock);
	kfree(fresh);
	return 0;
}

/**
 * pinpool_quota_leave() - Undo pinpool_quota_join()
 * @client: The client; it has no buffers
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_quota_leave(struct pinpool_client *client)
{
	struct pinpool_user *user = client->user;
	struct pinpool_pool *pool = client->pool;

	spin_lock(&pool->lock);
	if (--user->clients)
		user = NULL;
	else
		list_del(&user->link);
	spin_unlock(&pool->lock);
	kfree(user);
}

/* What is left of a limit */
static u64 left(u64 limit, u64 used)
{
	if (!limit)
		return U64_MAX;
	return limit > used ? limit - used : 0;
}

/**
 * pinpool_quota_check_bytes() - May a client have more bytes?
 * @client: The client
 * @bytes: In extents
 *
 * Context: pool->lock held.
 * Return: True if so
 */
bool pinpool_quota_check_bytes(const struct pinpool_client *client, u64 bytes)
{
	const struct pinpool_limits *limits = &client->pool->settings.limits;

	lockdep_assert_held(&client->pool->lock);
	return left(limits->client_bytes, client->used) >= bytes &&
	       left(limits->uid_bytes, client->user->used) >= bytes;
}

/**
 * pinpool_quota_check() - May a client have more buffers?
 * @client: The client
 * @bytes: In their extents
 *
 * Context: pool->lock held.
 * Return: How many buffers it may have more, or 0: none of so many bytes
 */
u64 pinpool_quota_check(const struct pinpool_client *client, u64 bytes)
{
	const struct pinpool_limits *limits = &client->pool->settings.limits;
	const struct pinpool_user *user = client->user;

	if (!pinpool_quota_check_bytes(client, bytes))
		return 0;
	return min(left(limits->client_buffers, client->nr_buffers),
		   left(limits->uid_buffers, user->nr_buffers));
}

/**
 * pinpool_quota_check_share() - May a client have one more share?
 * @client: The client
 *
 * Context: pool->lock held.
 * Return: True if so
 */
bool pinpool_quota_check_share(const struct pinpool_client *client)
{
	lockdep_assert_held(&client->pool->lock);
	return left(client->pool->settings.limits.client_shares, client->nr_shares);
}

/**
 * pinpool_quota_low() - Where the low watermark lies
 * @marks: As they were set
 * @capacity: Of the pool, in bytes
 *
 * Context: Any.
 * Return: In bytes, or 0 if there is none
 */
u64 pinpool_quota_low(const struct pinpool_watermarks *marks, u64 capacity)
{
	return marks->low_percent ? mul_u64_u32_div(capacity, marks->low_percent, 100) :
				    marks->low;
}

/**
 * pinpool_quota_high() - Where the high watermark lies
 * @marks: As they were set
 * @capacity: Of the pool, in bytes
 *
 * Context: Any.
 * Return: In bytes, or 0 if there is none
 */
u64 pinpool_quota_high(const struct pinpool_watermarks *marks, u64 capacity)
{
	return marks->high_percent ? mul_u64_u32_div(capacity, marks->high_percent, 100) :
				     marks->high;
}

/**
 * pinpool_quota_set() - Set limits and watermarks of a pool
 * @pool: The pool; the caller sees to it that nobody else does so
 * @settings: Checked by the caller
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_quota_set(struct pinpool_pool *pool, const struct pinpool_settings *settings)
{
	static const struct pinpool_limits none;

	spin_lock(&pool->lock);
	pool->settings = *settings;
	pool->limited = memcmp(&settings->limits, &none, sizeof(none));
	pinpool_quota_marks(pool);
	spin_unlock(&pool->lock);
}

/**
 * pinpool_quota_marks() - Find out where the watermarks lie
 * @pool: The pool, whose capacity may have changed
 *
 * Context: pool->lock held.
 */
void pinpool_quota_marks(struct pinpool_pool *pool)
{
	const struct pinpool_watermarks *marks = &pool->settings.watermarks;
	u64 capacity = pool->config.capacity;

	pool->high_mark = pinpool_quota_high(marks, capacity);
	pool->low_mark = pinpool_quota_low(marks, capacity);
	if (pool->oa)
		pinpool_quota_level(pool);
}

/**
 * pinpool_quota_level() - See whether a watermark was crossed
 * @pool: The pool, of which something was allocated or freed
 *
 * Context: pool->lock held.
 */
void pinpool_quota_level(struct pinpool_pool *pool)
{
	u64 used = offset_alloc_used(pool->oa) << pool->granule_shift;
	bool high = pool->high;

	lockdep_assert_held(&pool->lock);
	if (!pool->high_mark)
		high = false;
	else if (used >= pool->high_mark)
		high = true;
	else if (!pool->low_mark || used <= pool->low_mark)
		high = false;
	if (high == pool->high)
		return;
	pool->high = high;
	/* Marks that were taken away were not crossed. */
	if (pool->high_mark)
		pinpool_event_raise(pool, high ? PINPOOL_EVENT_HIGH : PINPOOL_EVENT_LOW);
}
