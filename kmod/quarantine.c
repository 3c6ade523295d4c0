// SPDX-License-Identifier: GPL-2.0
/*
 * Quarantine: where freed extents wait while their pages are pinned
 *
 * Direct I/O, a registered io_uring buffer or an RDMA memory region may go on
 * reading and writing pages long after their buffer was freed. Such an extent
 * stays allocated until the last foreign page reference is gone. The kernel
 * tells nobody when that happens, so a work looks through the extents that
 * wait, and only those, less often the longer it finds nothing and so much at a
 * time; an ALLOC that would fail looks at once.
 *
 * Meanwhile the client that freed it may have it again, or any part of it: the pin
 * is its own doing. Where that is not enough, neighbours that it freed are joined.
 * What others had as well is nobody's.
 *
 * An extent waits as a whole, so that what one transfer is at work on does not go
 * to several others. Where extents were joined, and others are short of space, each
 * granule is on its own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "trace.h"

#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pinpool_netlink.h>

#define REAP_DELAY_MIN	(HZ / 50 + 1)
#define REAP_DELAY_MAX	HZ

/* How much one run of the work looks through: a millisecond's worth or so */
#define REAP_BYTES	SZ_1G

static u64 run_end(const struct pinpool_buffer *run)
{
	return run->offset + run->length;
}

static struct pinpool_buffer *run_of_offset(struct rb_node *node)
{
	return node ? rb_entry(node, struct pinpool_buffer, by_offset) : NULL;
}

static struct pinpool_buffer *run_of_size(struct rb_node *node)
{
	return node ? rb_entry(node, struct pinpool_buffer, by_size) : NULL;
}

static bool offset_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct pinpool_buffer, by_offset)->offset <
	       rb_entry(b, struct pinpool_buffer, by_offset)->offset;
}

static bool size_less(struct rb_node *node_a, const struct rb_node *node_b)
{
	const struct pinpool_buffer *a = rb_entry(node_a, struct pinpool_buffer, by_size);
	const struct pinpool_buffer *b = rb_entry(node_b, struct pinpool_buffer, by_size);

	return a->length != b->length ? a->length < b->length : a->offset < b->offset;
}

/* The changes of a run's place or length lie between these two. */
static void run_unlink(struct pinpool_buffer *run)
{
	struct pinpool_pool *pool = run->pool;

	lockdep_assert_held(&pool->lock);
	rb_erase(&run->by_offset, &pool->quarantine);
	pool->changes++;
	pool->quarantined -= run->length;
	pool->nr_quarantined--;
	if (run->freed_by) {
		rb_erase(&run->by_size, &run->freed_by->quarantine);
		run->freed_by->quarantined -= run->length;
	}
}

static void run_link(struct pinpool_buffer *run)
{
	struct pinpool_pool *pool = run->pool;

	lockdep_assert_held(&pool->lock);
	run->linked = ++pool->quarantine_links;
	rb_add(&run->by_offset, &pool->quarantine, offset_less);
	pool->quarantined += run->length;
	pool->nr_quarantined++;
	if (run->freed_by) {
		rb_add(&run->by_size, &run->freed_by->quarantine, size_less);
		run->freed_by->quarantined += run->length;
	}
}

/* The id of the client that may have it again, or 0 */
static u64 run_client(const struct pinpool_buffer *run)
{
	return run->freed_by ? run->freed_by->id : 0;
}

static u64 units(const struct pinpool_pool *pool, u64 bytes)
{
	return bytes >> pool->granule_shift;
}

/* Join two neighbours of one client. The record of @right is the caller's then. */
static void run_join(struct pinpool_buffer *left, struct pinpool_buffer *right)
{
	struct pinpool_pool *pool = left->pool;

	run_unlink(left);
	run_unlink(right);
	left->length += right->length;
	left->joined = true;
	WARN_ON_ONCE(offset_alloc_free(pool->oa, right->handle));
	WARN_ON_ONCE(offset_alloc_resize(pool->oa, left->handle, units(pool, left->length)));
	run_link(left);
}

/* Where pages can't outlive the backing, see to it that it is there for them. */
static void stay(struct pinpool_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	if (!pool->backing->borrowed || pool->staying)
		return;
	pool->staying = true;
	get_device(&pool->dev);
	/* Whoever frees something has one himself. */
	__module_get(THIS_MODULE);
}

/* False if nobody needs the backing any more who is in quarantine, or never did */
static bool stays(struct pinpool_pool *pool)
{
	bool staying;

	spin_lock(&pool->lock);
	/* The work may have yet to run for the last time. */
	if (pool->staying && !pool->nr_quarantined && queue_work(pinpool_queue, &pool->leave_work))
		pool->staying = false;
	staying = pool->staying;
	spin_unlock(&pool->lock);
	return staying;
}

static void leave_work(struct work_struct *work)
{
	struct pinpool_pool *pool = container_of(work, struct pinpool_pool, leave_work);

	pinpool_pool_drain(pool);
	put_device(&pool->dev);
	module_put(THIS_MODULE);
}

/**
 * pinpool_quarantine_add() - Put away a freed buffer whose pages are pinned
 * @buffer: No window maps it. The pool owns it from now on
 * @client: Whom it is charged to, or NULL
 * @closing: The client won't come back for it
 *
 * Context: Process context, may sleep.
 */
void pinpool_quarantine_add(struct pinpool_buffer *buffer,
			    struct pinpool_client *client, bool closing)
{
	struct pinpool_pool *pool = buffer->pool;
	bool dead;

	spin_lock(&pool->lock);
	if (client)
		pinpool_pool_uncharge(client, buffer);
	pinpool_pool_forget(buffer);
	/* From here on it is but a run of granules. */
	buffer->length = pinpool_buffer_extent(buffer);
	buffer->freed_by = closing || buffer->shared || pool->dead ? NULL : client;
	buffer->joined = false;
	buffer->pinned = buffer->offset;
	trace_pinpool_quarantine(pool, PINPOOL_TRACE_ENTER, run_client(buffer),
				 buffer->offset, buffer->length);
	run_link(buffer);
	stay(pool);
	pool->quarantine_entered += buffer->length;
	pinpool_event_raise(pool, PINPOOL_EVENT_QUARANTINE);
	/* The client itself may wait for it. */
	pinpool_wait_kick(pool);
	dead = pool->dead;
	spin_unlock(&pool->lock);
	/* Does nothing where others wait already. */
	queue_delayed_work(pinpool_queue, &pool->reap_work, READ_ONCE(pool->reap_delay));
	if (unlikely(dead))
		pinpool_pool_drain(pool);
}

/* The smallest run of a client with at least @length bytes */
static struct pinpool_buffer *run_find(const struct pinpool_client *client, u64 length)
{
	struct rb_node *node = client->quarantine.rb_node;
	struct pinpool_buffer *fit = NULL;

	while (node) {
		struct pinpool_buffer *run = run_of_size(node);

		if (run->length >= length) {
			fit = run;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return fit;
}

/* How many runs a request with an alignment looks at */
#define ALIGN_SCAN	64

static struct pinpool_buffer *run_find_aligned(const struct pinpool_client *client,
					       u64 length, u64 align)
{
	struct pinpool_buffer *run = run_find(client, length);
	int i;

	for (i = 0; run && i < ALIGN_SCAN; i++) {
		u64 start = ALIGN(run->offset, align);

		if (start < run_end(run) && run_end(run) - start >= length)
			return run;
		run = run_of_size(rb_next(&run->by_size));
	}
	return NULL;
}

/**
 * pinpool_quarantine_take() - Give a client what it freed itself
 * @client: The client
 * @buffer: Gets handle and offset
 * @align: Power of two in bytes, at least the granule
 * @spare: in: A record, which may be needed if @align is more than the granule.
 *         out: NULL if it was
 *
 * Context: pool->lock held.
 * Return: 0, -ENOSPC if nothing in its quarantine fits, or -ENOMEM as from
 *         offset_alloc_alloc(): after errors nothing has changed
 */
int pinpool_quarantine_take(struct pinpool_client *client, struct pinpool_buffer *buffer,
			    u64 align, struct pinpool_buffer **spare)
{
	u64 length = pinpool_buffer_extent(buffer);
	struct pinpool_pool *pool = client->pool;
	u64 start, head, tail, handle, rest;
	struct pinpool_buffer *run;
	bool joined;
	int err = 0;

	if (align > pool->config.granule && !*spare)
		return -ENOSPC;
	run = run_find_aligned(client, length, align);
	if (!run)
		return -ENOSPC;
	/* So that what follows needs no more nodes than there are */
	if (!offset_alloc_ready(pool->oa))
		return -ENOMEM;
	start = ALIGN(run->offset, align);
	head = start - run->offset;
	tail = run_end(run) - start - length;

	handle = run->handle;
	if (head)
		err = pinpool_pool_divide(pool, handle, run->offset, run->length, head,
					  &handle);
	else
		/* The client may have kept a copy of this one. */
		err = offset_alloc_renew(pool->oa, &handle);
	if (err)
		return err;
	if (tail)
		err = pinpool_pool_divide(pool, handle, start, length + tail, length, &rest);
	if (err && head) {
		WARN_ON_ONCE(offset_alloc_free(pool->oa, handle));
		WARN_ON_ONCE(offset_alloc_resize(pool->oa, run->handle,
						 units(pool, run->length)));
	} else if (err) {
		run->handle = handle;
	}
	if (err)
		return err;

	joined = run->joined;
	run_unlink(run);
	if (head) {
		run->length = head;
		run->pinned = run->offset;
		run_link(run);
		run = *spare;
		*spare = NULL;
	}
	if (tail) {
		run->pool = pool;
		run->handle = rest;
		run->offset = start + length;
		run->length = tail;
		run->freed_by = client;
		run->joined = joined;
		run->pinned = run->offset;
		run_link(run);
	} else {
		pinpool_buffer_release(run);
	}
	buffer->handle = handle;
	buffer->offset = start;
	trace_pinpool_quarantine(pool, PINPOOL_TRACE_LEAVE, client->id, start, length);
	pinpool_event_raise(pool, PINPOOL_EVENT_QUARANTINE);
	/* Its pages may be pinned, whether the client touches them this time or not. */
	buffer->touched = true;
	return 0;
}

/**
 * pinpool_quarantine_may_fit() - Does a client's own quarantine have room?
 * @client: The client
 * @granules: For how much
 *
 * Context: pool->lock held.
 * Return: True if an unaligned request would find room there
 */
bool pinpool_quarantine_may_fit(const struct pinpool_client *client, u64 granules)
{
	const struct pinpool_buffer *largest = run_of_size(rb_last(&client->quarantine));

	return largest && units(client->pool, largest->length) >= granules;
}

/* How many runs pinpool_quarantine_close() deals with under one lock */
#define CLOSE_BATCH	64

/**
 * pinpool_quarantine_close() - Forget who freed what a client freed
 * @client: It has no more holds
 *
 * Context: May sleep.
 */
void pinpool_quarantine_close(struct pinpool_client *client)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *run;
	bool more;
	int i;

	do {
		spin_lock(&pool->lock);
		for (i = 0; i < CLOSE_BATCH; i++) {
			run = run_of_size(rb_first(&client->quarantine));
			if (!run)
				break;
			run_unlink(run);
			run->freed_by = NULL;
			run_link(run);
		}
		more = !RB_EMPTY_ROOT(&client->quarantine);
		spin_unlock(&pool->lock);
		cond_resched();
	} while (more);
}

/* The run at or behind an offset */
static struct pinpool_buffer *run_at(const struct pinpool_pool *pool, u64 offset)
{
	struct rb_node *node = pool->quarantine.rb_node;
	struct pinpool_buffer *found = NULL;

	while (node) {
		struct pinpool_buffer *run = run_of_offset(node);

		if (run_end(run) > offset) {
			found = run;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * pinpool_quarantine_tell() - Go through what is in quarantine
 * @pool: The pool
 * @offset: Where to look, or behind that
 * @told: Filled in
 *
 * Context: Process context, doesn't sleep.
 * Return: False if there is nothing there
 */
bool pinpool_quarantine_tell(struct pinpool_pool *pool, u64 offset,
			     struct pinpool_told *told)
{
	const struct pinpool_buffer *run;

	spin_lock(&pool->lock);
	run = run_at(pool, offset);
	if (run)
		*told = (struct pinpool_told) {
			.client = run_client(run),
			.handle = run->handle,
			.offset = run->offset,
			.length = run->length,
			.extent = run->length,
			.state = PINPOOL_BUFFER_STATE_QUARANTINED,
		};
	spin_unlock(&pool->lock);
	return run;
}

/* How many runs are looked at under one lock */
#define JOIN_BATCH	64

/* The next pair of neighbours of a client from *@offset on, which moves on */
static bool join_next(struct pinpool_client *client, u64 *offset,
		      struct pinpool_buffer **left, struct pinpool_buffer **right)
{
	int i;

	*left = run_at(client->pool, *offset);
	for (i = 0; *left && i < JOIN_BATCH; i++) {
		*right = run_of_offset(rb_next(&(*left)->by_offset));
		if (*right && (*left)->freed_by == client && (*right)->freed_by == client &&
		    run_end(*left) == (*right)->offset)
			return true;
		*left = *right;
	}
	*offset = *left ? (*left)->offset : U64_MAX;
	return false;
}

/**
 * pinpool_quarantine_join() - Make larger runs of what a client freed
 * @client: The client, which found none that is large enough
 *
 * Context: May sleep. The time it takes grows with what is in quarantine.
 * Return: True if any were joined
 */
bool pinpool_quarantine_join(struct pinpool_client *client)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *left, *right;
	bool joined = false;
	u64 offset = 0;

	while (offset != U64_MAX) {
		spin_lock(&pool->lock);
		if (join_next(client, &offset, &left, &right)) {
			offset = left->offset;
			run_join(left, right);
			joined = true;
		} else {
			right = NULL;
		}
		spin_unlock(&pool->lock);
		pinpool_buffer_release(right);
		cond_resched();
	}
	return joined;
}

/**
 * struct piece - A part of a run, as it was when it was looked at
 * @linked: Of the run
 * @offset: Of the run
 * @length: Of the run
 * @joined: Of the run
 * @pinned: Of the run, or where a page was found pinned since
 * @start: Where nobody holds pages any more
 * @end: Where that ends
 */
struct piece {
	u64 linked;
	u64 offset;
	u64 length;
	bool joined;
	u64 pinned;
	u64 start;
	u64 end;
};

/* What to look at next, at or behind @offset; false if there is nothing */
static bool piece_next(struct pinpool_pool *pool, u64 offset, struct piece *piece)
{
	const struct pinpool_buffer *run;

	spin_lock(&pool->lock);
	run = run_at(pool, offset);
	if (run)
		*piece = (struct piece) {
			.linked = run->linked,
			.offset = run->offset,
			.length = run->length,
			.joined = run->joined,
			.pinned = run->pinned,
			.start = max(run->offset, offset),
			.end = run_end(run),
		};
	spin_unlock(&pool->lock);
	return run;
}

/* Is a whole extent without pins? The page that was pinned last time may still be. */
static bool piece_is_loose(const struct pinpool_pool *pool, struct piece *piece)
{
	u64 pinned = pinpool_pages_find(pool, piece->pinned, piece->end, true);

	if (pinned == piece->end)
		pinned = pinpool_pages_find(pool, piece->offset, piece->end, true);
	piece->pinned = pinned;
	return pinned == piece->end;
}

/*
 * Of extents that were joined, find the first granules from @start to @limit that
 * nobody holds. False if there are none.
 */
static bool piece_look(const struct pinpool_pool *pool, struct piece *piece, u64 limit)
{
	u64 granule = pool->config.granule;
	u64 pinned, loose;

	while (piece->start < limit) {
		pinned = pinpool_pages_find(pool, piece->start, limit, true);
		piece->end = ALIGN_DOWN(pinned, granule);
		if (piece->end > piece->start)
			return true;
		/* Go on with the next granule that may be without. */
		loose = pinpool_pages_find(pool, pinned, limit, false);
		piece->start = max(ALIGN_DOWN(loose, granule), piece->start + granule);
	}
	return false;
}

/*
 * The run that the piece was found in, or NULL if it has changed since. What its client
 * took, pinned anew, freed and joined to it may have made it look as it was.
 */
static struct pinpool_buffer *piece_run(const struct pinpool_pool *pool,
					const struct piece *piece)
{
	struct pinpool_buffer *run = run_at(pool, piece->offset);

	return run && run->linked == piece->linked ? run : NULL;
}

/* Then nothing is left, and it takes no memory to free it. */
static bool piece_is_whole(const struct piece *piece)
{
	return piece->start == piece->offset && piece->end == piece->offset + piece->length;
}

/*
 * Free a piece of a run. @spare: in: A record for what is left behind the piece, if
 * it isn't all of the run. out: One that isn't needed, or NULL. Returns 0 or a negative
 * errno, and then nothing was freed.
 */
static int piece_cut(struct pinpool_buffer *run, const struct piece *piece,
		     struct pinpool_buffer **spare)
{
	struct pinpool_buffer *behind = *spare;
	struct pinpool_pool *pool = run->pool;
	u64 end = run_end(run);
	u64 rest = 0;
	int err = 0;

	/* So that what follows needs no more nodes than there are */
	if (!piece_is_whole(piece) && !offset_alloc_ready(pool->oa))
		return -ENOMEM;
	if (piece->end < end)
		err = pinpool_pool_divide(pool, run->handle, run->offset, run->length,
					  piece->end - run->offset, &rest);
	if (err)
		return err;
	run_unlink(run);
	if (rest) {
		*behind = (struct pinpool_buffer) {
			.pool = pool,
			.handle = rest,
			.offset = piece->end,
			.length = end - piece->end,
			.freed_by = run->freed_by,
			.joined = true,
			.pinned = piece->end,
		};
		run_link(behind);
		*spare = NULL;
	}
	run->length = piece->start - run->offset;
	run->pinned = run->offset;
	if (run->length)
		err = offset_alloc_resize(pool->oa, run->handle, units(pool, run->length));
	else
		WARN_ON_ONCE(offset_alloc_free(pool->oa, run->handle));
	if (err)
		run->length = piece->end - run->offset;
	if (run->length)
		run_link(run);
	return err;
}

/*
 * Free a piece that nobody holds. Returns 0; -EAGAIN if its run has changed
 * meanwhile; -ENOMEM.
 */
static int piece_free(struct pinpool_pool *pool, const struct piece *piece)
{
	struct offset_alloc_chunk *chunk = NULL;
	struct pinpool_buffer *spare = NULL;
	struct pinpool_buffer *gone = NULL;
	struct pinpool_buffer *run;
	int err = -EAGAIN;
	u64 client = 0;

	if (!piece_is_whole(piece)) {
		spare = pinpool_buffer_new(pool);
		if (!spare)
			return -ENOMEM;
	}
	spin_lock(&pool->lock);
	run = piece_run(pool, piece);
	if (run) {
		client = run_client(run);
		err = piece_cut(run, piece, &spare);
	}
	if (!err) {
		trace_pinpool_quarantine(pool, PINPOOL_TRACE_LEAVE, client, piece->start,
					 piece->end - piece->start);
		pinpool_event_raise(pool, PINPOOL_EVENT_QUARANTINE);
		if (unlikely(pool->high_mark))
			pinpool_quota_level(pool);
		if (!run->length)
			gone = run;
		chunk = offset_alloc_take_chunk(pool->oa);
		pinpool_wait_kick(pool);
	}
	spin_unlock(&pool->lock);
	offset_alloc_chunk_free(chunk);
	pinpool_buffer_release(spare);
	pinpool_buffer_release(gone);
	if (err == -ENOMEM)
		err = pinpool_pool_grow(pool) ?: -EAGAIN;
	return err;
}

/* Begin with this page next time. */
static void piece_remember(struct pinpool_pool *pool, const struct piece *piece)
{
	struct pinpool_buffer *run;

	spin_lock(&pool->lock);
	run = piece_run(pool, piece);
	if (run)
		run->pinned = piece->pinned;
	spin_unlock(&pool->lock);
}

/*
 * Look through about @bytes of what is in quarantine, from *@at on, which is
 * moved on, at the end to 0. @cut: free parts of what was joined. Returns how many
 * pieces became free.
 */
static unsigned long reap(struct pinpool_pool *pool, u64 *at, u64 bytes, bool cut)
{
	unsigned long freed = 0;
	struct piece piece;
	u64 looked, limit;
	bool loose;
	int err;

	lockdep_assert_held(&pool->reap_lock);
	while (piece_next(pool, *at, &piece)) {
		limit = piece.end;
		if (piece.joined && cut) {
			limit = min(limit, piece.start + min(bytes, piece.length));
			*at = piece.start;
			loose = piece_look(pool, &piece, limit);
			looked = (loose ? piece.end : limit) - *at;
		} else {
			looked = piece.pinned;
			piece.start = piece.offset;
			loose = piece_is_loose(pool, &piece);
			looked = max(looked, piece.pinned) - min(looked, piece.pinned) + PAGE_SIZE;
			if (!loose)
				piece_remember(pool, &piece);
		}
		err = loose ? piece_free(pool, &piece) : 0;
		if (err && err != -EAGAIN)
			break;
		/* A run that has changed meanwhile is looked at again. */
		if (!err)
			*at = limit;
		if (!err && loose)
			*at = piece.end;
		freed += loose && !err;
		if (bytes <= looked)
			return freed;
		bytes -= looked;
		cond_resched();
	}
	*at = 0;
	return freed;
}

/**
 * pinpool_quarantine_reap() - Free what nobody has pinned any more
 * @pool: The pool
 *
 * Context: May sleep. The time it takes grows with what is in quarantine.
 * Return: How many extents became free
 */
unsigned long pinpool_quarantine_reap(struct pinpool_pool *pool)
{
	unsigned long freed;
	u64 at = 0;

	mutex_lock(&pool->reap_lock);
	freed = reap(pool, &at, U64_MAX, true);
	mutex_unlock(&pool->reap_lock);
	return freed;
}

static void quarantine_work(struct work_struct *work)
{
	struct pinpool_pool *pool = container_of(to_delayed_work(work),
						 struct pinpool_pool, reap_work);
	unsigned long delay = REAP_DELAY_MIN;
	unsigned long freed;
	bool waiting;

	mutex_lock(&pool->reap_lock);
	freed = reap(pool, &pool->reap_next, REAP_BYTES, READ_ONCE(pool->nr_waiters));
	mutex_unlock(&pool->reap_lock);

	if (!freed)
		delay = min_t(unsigned long, 2 * pool->reap_delay, REAP_DELAY_MAX);
	/* Who adds an extent after this look queues the work anew. */
	waiting = READ_ONCE(pool->nr_quarantined) || stays(pool);
	WRITE_ONCE(pool->reap_delay, waiting ? delay : REAP_DELAY_MIN);
	if (waiting)
		queue_delayed_work(pinpool_queue, &pool->reap_work, delay);
}

/**
 * pinpool_quarantine_init() - Set up the empty quarantine of a new pool
 * @pool: The pool
 *
 * Context: Any.
 */
void pinpool_quarantine_init(struct pinpool_pool *pool)
{
	pool->quarantine = RB_ROOT;
	mutex_init(&pool->reap_lock);
	INIT_DELAYED_WORK(&pool->reap_work, quarantine_work);
	INIT_WORK(&pool->leave_work, leave_work);
	pool->reap_delay = REAP_DELAY_MIN;
}

/* Forget some of what is in quarantine. False if that was all. */
static bool quarantine_forget(struct pinpool_pool *pool)
{
	struct pinpool_buffer *run;
	struct rb_node *node;
	int i;

	spin_lock(&pool->lock);
	for (i = 0; i < CLOSE_BATCH; i++) {
		node = rb_first(&pool->quarantine);
		if (!node)
			break;
		run = run_of_offset(node);
		run_unlink(run);
		pinpool_buffer_release(run);
	}
	spin_unlock(&pool->lock);
	return i == CLOSE_BATCH;
}

/**
 * pinpool_quarantine_exit() - Give up the quarantine of a dying pool
 * @pool: The pool; there are no buffers in it
 *
 * Pages that are pinned even now have references of their own: they go back to
 * the kernel when those are dropped, not before. Whoever looks through the quarantine
 * meanwhile finds nothing after this, in whose pages he could look.
 *
 * Context: May sleep.
 */
void pinpool_quarantine_exit(struct pinpool_pool *pool)
{
	cancel_delayed_work_sync(&pool->reap_work);
	pinpool_quarantine_reap(pool);
	if (pool->quarantined)
		pr_warn("pool '%s': %llu bytes are still pinned by others and return when they let go\n",
			pool->config.name, pool->quarantined);
	mutex_lock(&pool->reap_lock);
	while (quarantine_forget(pool))
		cond_resched();
	mutex_unlock(&pool->reap_lock);
}
