// SPDX-License-Identifier: GPL-2.0
/*
 * Quarantine: where freed extents wait while their pages are pinned
 *
 * Direct I/O, a registered io_uring buffer or an RDMA memory region may go on
 * reading and writing pages long after their buffer was freed. Such an extent
 * stays allocated until the last foreign page reference is gone. The kernel
 * tells nobody when that happens, so a work looks through the extents that
 * wait, and only those, less often the longer it finds nothing; an ALLOC that
 * would fail looks at once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"

#include <linux/jiffies.h>

#define REAP_DELAY_MIN	(HZ / 50 + 1)
#define REAP_DELAY_MAX	HZ

static void quarantine_work(struct work_struct *work)
{
	struct pinpool_pool *pool = container_of(to_delayed_work(work),
						 struct pinpool_pool, reap_work);
	unsigned long delay = REAP_DELAY_MIN;
	bool waiting;

	if (!pinpool_quarantine_reap(pool))
		delay = min_t(unsigned long, 2 * pool->reap_delay, REAP_DELAY_MAX);
	/* Who adds an extent after this look queues the work anew. */
	waiting = READ_ONCE(pool->nr_quarantined);
	WRITE_ONCE(pool->reap_delay, waiting ? delay : REAP_DELAY_MIN);
	if (waiting)
		queue_delayed_work(system_unbound_wq, &pool->reap_work, delay);
}

/**
 * pinpool_quarantine_init() - Set up the empty quarantine of a new pool
 * @pool: The pool
 *
 * Context: Any.
 */
void pinpool_quarantine_init(struct pinpool_pool *pool)
{
	INIT_LIST_HEAD(&pool->quarantine);
	mutex_init(&pool->reap_lock);
	INIT_DELAYED_WORK(&pool->reap_work, quarantine_work);
	pool->reap_delay = REAP_DELAY_MIN;
}

/**
 * pinpool_quarantine_exit() - Give up the quarantine of a dying pool
 * @pool: The pool; it has no clients
 *
 * Pages that are pinned even now have references of their own: they go back to
 * the kernel when those are dropped, not before.
 *
 * Context: May sleep.
 */
void pinpool_quarantine_exit(struct pinpool_pool *pool)
{
	struct pinpool_buffer *buffer, *next;

	cancel_delayed_work_sync(&pool->reap_work);
	pinpool_quarantine_reap(pool);
	if (pool->quarantined)
		pr_warn("pool '%s': %llu bytes are still pinned by others and return when they let go\n",
			pool->config.name, pool->quarantined);
	list_for_each_entry_safe(buffer, next, &pool->quarantine, link)
		pinpool_buffer_release(buffer);
}

/**
 * pinpool_quarantine_add() - Put away a freed buffer whose pages are pinned
 * @client: Whom it is charged to
 * @buffer: No window maps it. The pool owns it from now on
 *
 * Context: Process context, doesn't sleep.
 */
void pinpool_quarantine_add(struct pinpool_client *client,
			    struct pinpool_buffer *buffer)
{
	struct pinpool_pool *pool = client->pool;

	spin_lock(&pool->lock);
	pinpool_pool_uncharge(client, buffer);
	list_add_tail(&buffer->link, &pool->quarantine);
	pool->quarantined += pinpool_buffer_extent(pool, buffer);
	pool->nr_quarantined++;
	spin_unlock(&pool->lock);
	/* Does nothing where others wait already. */
	queue_delayed_work(system_unbound_wq, &pool->reap_work, READ_ONCE(pool->reap_delay));
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
	struct pinpool_buffer *buffer, *next;
	struct offset_alloc_chunk *chunk;
	unsigned long freed = 0;
	LIST_HEAD(list);

	mutex_lock(&pool->reap_lock);
	spin_lock(&pool->lock);
	list_splice_init(&pool->quarantine, &list);
	spin_unlock(&pool->lock);

	list_for_each_entry_safe(buffer, next, &list, link) {
		cond_resched();
		if (pinpool_buffer_pinned(pool, buffer))
			continue;
		list_del(&buffer->link);
		spin_lock(&pool->lock);
		WARN_ON_ONCE(offset_alloc_free(pool->oa, buffer->handle));
		pool->quarantined -= pinpool_buffer_extent(pool, buffer);
		pool->nr_quarantined--;
		chunk = offset_alloc_take_chunk(pool->oa);
		spin_unlock(&pool->lock);
		offset_alloc_chunk_free(chunk);
		pinpool_buffer_release(buffer);
		freed++;
	}

	spin_lock(&pool->lock);
	list_splice(&list, &pool->quarantine);
	spin_unlock(&pool->lock);
	mutex_unlock(&pool->reap_lock);
	return freed;
}
