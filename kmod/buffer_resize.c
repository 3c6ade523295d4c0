// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that become longer or shorter in their place
 *
 * What a buffer gets, or loses, is a buffer of its own for a while: the piece. So it is
 * zeroed before anybody can reach it, and freed or quarantined, as any other. Only who
 * has a buffer alone may resize it: its length is constant for all others.
 */
#include "pinpool.h"
#include "trace.h"

#include <linux/err.h>
#include <linux/math.h>

/**
 * struct resize - A call
 * @client: Whose buffer it is
 * @handle: The buffer
 * @old: Its length before, as far as the caller knows
 * @length: What it shall be
 * @from: The extent for @old
 * @to: That for @length
 */
struct resize {
	struct pinpool_client *client;
	u64 handle;
	u64 old;
	u64 length;
	u64 from;
	u64 to;
};

/* The hold on a buffer that is one client's alone, or an ERR_PTR */
static struct pinpool_hold *sole_hold(struct pinpool_client *client, u64 handle)
{
	struct pinpool_hold *hold;

	lockdep_assert_held(&client->lock);
	if (client->revoked)
		return ERR_PTR(-ENODEV);
	hold = pinpool_hold_lookup(client, handle);
	if (!hold)
		return ERR_PTR(-ENOENT);
	if (hold->readonly)
		return ERR_PTR(-EACCES);
	/* References are made by those who have one, under client->lock. */
	if (refcount_read(&hold->buffer->refs) != 1)
		return ERR_PTR(-EBUSY);
	smp_acquire__after_ctrl_dep();
	return hold;
}

/* The same, if the buffer still is what the call knows; -EAGAIN if it isn't */
static struct pinpool_hold *same_hold(const struct resize *call)
{
	struct pinpool_hold *hold = sole_hold(call->client, call->handle);

	if (!IS_ERR(hold) && hold->buffer->length != call->old)
		return ERR_PTR(-EAGAIN);
	return hold;
}

/* @buffer and @piece are told apart from now on, or no longer: count the bytes anew. */
static void account(struct pinpool_client *client, s64 requested, int buffers)
{
	struct pinpool_pool *pool = client->pool;

	lockdep_assert_held(&pool->lock);
	pool->changes++;
	pool->requested += requested;
	pool->allocs += buffers;
	client->requested += requested;
	client->nr_buffers += buffers;
	client->user->nr_buffers += buffers;
}

static void set_length(const struct resize *call, struct pinpool_buffer *buffer)
{
	buffer->length = call->length;
	trace_pinpool_resize(call->client, buffer, call->old);
}

/* Within its extent */
static int resize_same(const struct resize *call)
{
	struct pinpool_client *client = call->client;
	struct pinpool_hold *hold;

	down_write(&client->lock);
	hold = same_hold(call);
	if (!IS_ERR(hold)) {
		spin_lock(&client->pool->lock);
		account(client, call->length - call->old, 0);
		spin_unlock(&client->pool->lock);
		set_length(call, hold->buffer);
	}
	up_write(&client->lock);
	return PTR_ERR_OR_ZERO(hold);
}

/* Cut off what is too much. */
static int cut(const struct resize *call, struct pinpool_hold *hold,
	       struct pinpool_buffer *piece)
{
	struct pinpool_buffer *buffer = hold->buffer;
	struct pinpool_pool *pool = buffer->pool;
	int err;

	if (!pinpool_cgroup_same(buffer, piece))
		return -EBUSY;
	spin_lock(&pool->lock);
	err = offset_alloc_ready(pool->oa) ?
		pinpool_pool_divide(pool, call->handle, buffer->offset, call->from, call->to,
				    &piece->handle) : -ENOMEM;
	if (!err)
		account(call->client, call->length + piece->length - call->old, 1);
	spin_unlock(&pool->lock);
	if (err)
		return err;
	piece->offset = buffer->offset + call->to;
	piece->shared = buffer->shared;
	piece->touched = buffer->touched;
	piece->hold.touched = hold->touched;
	set_length(call, buffer);
	return 0;
}

static int shrink(const struct resize *call, struct pinpool_buffer *piece)
{
	struct pinpool_client *client = call->client;
	struct pinpool_hold *hold;
	int err;

	down_write(&client->lock);
	hold = same_hold(call);
	err = IS_ERR(hold) ? PTR_ERR(hold) : cut(call, hold, piece);
	up_write(&client->lock);
	if (err) {
		pinpool_cgroup_uncharge(piece, 0);
		pinpool_buffer_release(piece);
		return err == -ENOMEM ? pinpool_pool_grow(client->pool) ?: -EAGAIN : err;
	}
	pinpool_hold_end(client, &piece->hold, false);
	return 0;
}

/* Get what is free behind the buffer. */
static int take(const struct resize *call, struct pinpool_hold *hold,
		struct pinpool_buffer *piece)
{
	struct pinpool_client *client = call->client;
	struct pinpool_buffer *buffer = hold->buffer;
	struct pinpool_pool *pool = buffer->pool;
	int err;

	if (!pinpool_cgroup_same(buffer, piece))
		return -EBUSY;
	if (pool->dead)
		return -ENODEV;
	if (pool->limited && !pinpool_quota_check_bytes(client, piece->length)) {
		pool->refusals++;
		return -EDQUOT;
	}
	if (!offset_alloc_ready(pool->oa))
		return -ENOMEM;
	err = offset_alloc_resize(pool->oa, call->handle, call->to >> pool->granule_shift);
	if (err)
		return err;
	err = pinpool_pool_divide(pool, call->handle, buffer->offset, call->to, call->from,
				  &piece->handle);
	if (WARN_ON_ONCE(err)) {
		offset_alloc_resize(pool->oa, call->handle, call->from >> pool->granule_shift);
		return err;
	}
	piece->offset = buffer->offset + call->from;
	pinpool_pool_allocated(client, piece);
	return 0;
}

static int take_retry(const struct resize *call, struct pinpool_buffer *piece)
{
	struct pinpool_client *client = call->client;
	struct pinpool_pool *pool = client->pool;
	struct pinpool_hold *hold;
	bool reaped = false;
	int err;

	do {
		down_read(&client->lock);
		hold = same_hold(call);
		err = PTR_ERR_OR_ZERO(hold);
		if (!err) {
			spin_lock(&pool->lock);
			err = take(call, hold, piece);
			spin_unlock(&pool->lock);
		}
		up_read(&client->lock);
		if (err == -ENOMEM && !pinpool_pool_grow(pool))
			continue;
		if (err != -ENOSPC || reaped || !READ_ONCE(pool->nr_quarantined))
			break;
		/* Perhaps nobody has it pinned any more. */
		pinpool_quarantine_reap(pool);
		reaped = true;
	} while (err);
	return err;
}

/* The piece is the buffer's now. */
static void join(const struct resize *call, struct pinpool_buffer *buffer,
		 const struct pinpool_buffer *piece)
{
	struct pinpool_pool *pool = buffer->pool;

	spin_lock(&pool->lock);
	WARN_ON_ONCE(offset_alloc_free(pool->oa, piece->handle));
	WARN_ON_ONCE(offset_alloc_resize(pool->oa, call->handle,
					 call->to >> pool->granule_shift));
	account(call->client, call->length - call->old - piece->length, -1);
	spin_unlock(&pool->lock);
	set_length(call, buffer);
}

static int grow(const struct resize *call, struct pinpool_buffer *piece)
{
	struct pinpool_client *client = call->client;
	struct pinpool_hold *hold;
	int err;

	err = take_retry(call, piece);
	if (err) {
		pinpool_cgroup_uncharge(piece, piece->length);
		pinpool_buffer_release(piece);
		return err;
	}
	err = pinpool_buffer_zero(piece, client);
	if (err)
		goto err_end;
	down_write(&client->lock);
	hold = same_hold(call);
	err = PTR_ERR_OR_ZERO(hold);
	if (!err)
		join(call, hold->buffer, piece);
	up_write(&client->lock);
	if (err)
		goto err_end;
	/* What it was charged with is the buffer's. */
	pinpool_cgroup_uncharge(piece, 0);
	pinpool_buffer_release(piece);
	return 0;

err_end:
	pinpool_hold_end(client, &piece->hold, false);
	return err;
}

static int resize_once(struct resize *call)
{
	struct pinpool_client *client = call->client;
	u64 granule = client->pool->config.granule;
	struct pinpool_buffer *piece;
	struct pinpool_hold *hold;
	int err;

	down_read(&client->lock);
	hold = sole_hold(client, call->handle);
	if (!IS_ERR(hold))
		call->old = hold->buffer->length;
	up_read(&client->lock);
	if (IS_ERR(hold))
		return PTR_ERR(hold);

	call->from = round_up(call->old, granule);
	call->to = round_up(call->length, granule);
	if (call->from == call->to)
		return resize_same(call);
	piece = pinpool_buffer_prepare(client->pool,
				       max(call->from, call->to) - min(call->from, call->to));
	if (!piece)
		return -ENOMEM;
	err = pinpool_cgroup_charge(piece, call->to > call->from ? piece->length : 0);
	if (err) {
		pinpool_buffer_release(piece);
		return err;
	}
	return call->to > call->from ? grow(call, piece) : shrink(call, piece);
}

/**
 * pinpool_buffer_resize() - Make a buffer longer or shorter
 * @client: Who has it
 * @handle: Anything
 * @length: Bytes, 1 to the pool's capacity
 *
 * What is cut off is gone from the client's windows when this returns; what is new
 * is zero, or what the client itself left there.
 *
 * Context: May sleep, and zero memory. The caller holds no lock.
 * Return: 0, or -ENOENT if the client has no such buffer, -EBUSY if others have it too,
 *         -EACCES if the client may only read it, -ENOSPC if what lies behind it isn't
 *         free, -EDQUOT, -ENODEV, -ENOMEM, or -EINTR for a fatal signal
 */
int pinpool_buffer_resize(struct pinpool_client *client, u64 handle, u64 length)
{
	struct resize call = { .client = client, .handle = handle, .length = length };
	int err;

	/* Another thread may have been quicker to resize it. */
	do {
		err = resize_once(&call);
		cond_resched();
	} while (err == -EAGAIN);
	return err;
}
