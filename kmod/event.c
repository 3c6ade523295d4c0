// SPDX-License-Identifier: GPL-2.0
/*
 * Events of a pool: from where something happens, under its lock, to who listens
 *
 * Messages tell of the state at the time when they are sent. What happens again
 * before that is told once. Nothing is done where nobody listens.
 */
#include "pinpool.h"
#include "netlink.h"

#include <linux/bitops.h>
#include <linux/jiffies.h>

/* No pool sends more often than that */
#define EVENT_DELAY	(HZ / 100 + 1)

static void event_work(struct work_struct *work)
{
	struct pinpool_pool *pool = container_of(to_delayed_work(work), struct pinpool_pool,
						 event_work);
	unsigned long events;
	u64 wanted;
	bool high;

	spin_lock(&pool->lock);
	events = pool->events;
	pool->events = 0;
	high = pool->high;
	wanted = pool->wanted << pool->granule_shift;
	pool->event_next = jiffies + EVENT_DELAY;
	spin_unlock(&pool->lock);

	/* The one that still holds is the last one. */
	if (high && (events & BIT(PINPOOL_EVENT_LOW)))
		pinpool_netlink_watermark(pool, PINPOOL_LEVEL_LOW);
	if (events & BIT(PINPOOL_EVENT_HIGH))
		pinpool_netlink_watermark(pool, PINPOOL_LEVEL_HIGH);
	if (!high && (events & BIT(PINPOOL_EVENT_LOW)))
		pinpool_netlink_watermark(pool, PINPOOL_LEVEL_LOW);
	if (events & BIT(PINPOOL_EVENT_EXHAUSTED))
		pinpool_netlink_exhausted(pool, wanted);
	if (events & BIT(PINPOOL_EVENT_QUARANTINE))
		pinpool_netlink_quarantine(pool);
}

/**
 * pinpool_event_init() - Get ready for the events of a new pool
 * @pool: The pool
 *
 * Context: Any.
 */
void pinpool_event_init(struct pinpool_pool *pool)
{
	INIT_DELAYED_WORK(&pool->event_work, event_work);
	pool->event_next = jiffies;
}

/**
 * pinpool_event_raise() - Have those told who listen
 * @pool: The pool; the caller has a reference
 * @event: What happened
 *
 * Context: pool->lock held.
 */
void pinpool_event_raise(struct pinpool_pool *pool, enum pinpool_event event)
{
	unsigned long now = jiffies;

	lockdep_assert_held(&pool->lock);
	if (pool->dead || !pinpool_netlink_listens(PINPOOL_NLGRP_EVENTS))
		return;
	pool->events |= BIT(event);
	queue_delayed_work(pinpool_queue, &pool->event_work,
			   time_before(now, pool->event_next) ? pool->event_next - now : 0);
}
