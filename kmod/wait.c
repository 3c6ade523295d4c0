// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for space: ALLOC with a deadline, and poll
 *
 * Waiting calls stand in line, whatever they want: only the first is woken when
 * space becomes free, and only it tries. A call that doesn't wait doesn't stand in
 * line either: it takes what fits at that moment.
 */
#include "pinpool.h"

#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

/**
 * pinpool_wait_init() - Get ready to wait
 * @waiter: The call
 * @deadline_ns: CLOCK_MONOTONIC; what is beyond all time means for ever
 *
 * Context: Any.
 */
void pinpool_wait_init(struct pinpool_waiter *waiter, u64 deadline_ns)
{
	INIT_LIST_HEAD(&waiter->link);
	init_waitqueue_head(&waiter->head);
	waiter->kicked = false;
	waiter->deadline = min_t(u64, deadline_ns, KTIME_MAX);
}

/**
 * pinpool_wait_behind() - Must a call stand in line before it tries?
 * @pool: The pool
 * @waiter: The call
 *
 * Context: pool->lock held.
 * Return: True if others came first
 */
bool pinpool_wait_behind(const struct pinpool_pool *pool,
			 const struct pinpool_waiter *waiter)
{
	return !list_empty(&pool->waiters) && pool->waiters.next != &waiter->link;
}

/**
 * pinpool_wait_queue() - Stand in line
 * @pool: The pool
 * @waiter: The call; keeps its place if it has one
 *
 * Context: pool->lock held, since the call found no space.
 */
void pinpool_wait_queue(struct pinpool_pool *pool, struct pinpool_waiter *waiter)
{
	lockdep_assert_held(&pool->lock);
	if (list_empty(&waiter->link)) {
		list_add_tail(&waiter->link, &pool->waiters);
		pool->nr_waiters++;
	}
	waiter->kicked = false;
}

/**
 * pinpool_wait_sleep() - Sleep until it is worth another try
 * @pool: The pool
 * @waiter: Stands in line
 *
 * Context: May sleep.
 * Return: 0, -ETIMEDOUT at the deadline, or -ERESTARTSYS for a signal
 */
int pinpool_wait_sleep(struct pinpool_pool *pool, struct pinpool_waiter *waiter)
{
	ktime_t *deadline = waiter->deadline == KTIME_MAX ? NULL : &waiter->deadline;
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait(&waiter->head, &wait, TASK_INTERRUPTIBLE);
		err = 0;
		if (READ_ONCE(waiter->kicked))
			break;
		err = -ERESTARTSYS;
		if (signal_pending(current))
			break;
		err = -ETIMEDOUT;
		if (deadline && ktime_get() >= *deadline)
			break;
		schedule_hrtimeout_range(deadline, current->timer_slack_ns, HRTIMER_MODE_ABS);
	}
	finish_wait(&waiter->head, &wait);
	return err;
}

/**
 * pinpool_wait_done() - Leave the line, if the call is in it
 * @pool: The pool
 * @waiter: The call
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_wait_done(struct pinpool_pool *pool, struct pinpool_waiter *waiter)
{
	spin_lock(&pool->lock);
	if (!list_empty(&waiter->link)) {
		list_del_init(&waiter->link);
		pool->nr_waiters--;
		/* There may be space that the next one can use. */
		pinpool_wait_kick(pool);
	}
	spin_unlock(&pool->lock);
}

/**
 * pinpool_wait_kick() - Tell those who wait that there is space
 * @pool: The pool
 *
 * Context: pool->lock held. Who wants to be told either finds the space when it
 *          looks under this lock, or is seen here.
 */
void pinpool_wait_kick(struct pinpool_pool *pool)
{
	struct pinpool_waiter *waiter;

	lockdep_assert_held(&pool->lock);
	waiter = list_first_entry_or_null(&pool->waiters, struct pinpool_waiter, link);
	if (waiter && !waiter->kicked) {
		WRITE_ONCE(waiter->kicked, true);
		wake_up(&waiter->head);
	}
	/* Needs no barrier: who polls looks under this lock, after it was queued. */
	if (waitqueue_active(&pool->poll_head))
		wake_up_interruptible_poll(&pool->poll_head, EPOLLOUT | EPOLLWRNORM);
}

/**
 * pinpool_wait_end() - Tell those who wait that they will never get any
 * @pool: The pool; it is dead
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_wait_end(struct pinpool_pool *pool)
{
	struct pinpool_waiter *waiter;

	spin_lock(&pool->lock);
	list_for_each_entry(waiter, &pool->waiters, link) {
		WRITE_ONCE(waiter->kicked, true);
		wake_up(&waiter->head);
	}
	wake_up_interruptible_poll(&pool->poll_head, EPOLLERR | EPOLLHUP);
	spin_unlock(&pool->lock);
}

/**
 * pinpool_poll() - poll of a pool node
 * @file: The client
 * @wait: As for all poll functions
 *
 * Context: May sleep.
 * Return: Writable if there is space: for what the client's last ALLOC did not
 *         get, or else any, and the pool is below its high watermark. Error and
 *         hang-up if the pool was deleted
 */
__poll_t pinpool_poll(struct file *file, struct poll_table_struct *wait)
{
	struct pinpool_client *client = file->private_data;
	struct pinpool_pool *pool = client->pool;
	bool dead, space;

	poll_wait(file, &pool->poll_head, wait);
	spin_lock(&pool->lock);
	dead = pool->dead;
	space = offset_alloc_may_fit(pool->oa, max(client->wanted, 1ULL)) ||
		pinpool_quarantine_may_fit(client, client->wanted);
	if (!client->wanted && pool->high_mark &&
	    offset_alloc_used(pool->oa) << pool->granule_shift >= pool->high_mark)
		space = false;
	spin_unlock(&pool->lock);
	if (dead)
		return EPOLLERR | EPOLLHUP;
	return space && (file->f_mode & FMODE_WRITE) ? EPOLLOUT | EPOLLWRNORM : 0;
}
