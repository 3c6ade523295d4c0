// SPDX-License-Identifier: GPL-2.0
/*
 * Getting the memory of a pool ready: by as many processors as there are, since zeroing
 * a large one takes as long as memory is slow
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "netlink.h"

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#define CHUNK_SHIFT	(PINPOOL_CHUNK_ORDER + PAGE_SHIFT)

/* It takes so many chunks to keep one more processor busy, 64 MiB on x86. */
#define CHUNKS_EACH	32

/* How often those who listen are told, and every how many times the log */
#define TELL		HZ
#define TELL_LOG	10

/* Of less nobody is told, in bytes */
#define TELL_LEAST	SZ_64M

/**
 * struct fill - Memory that is being got ready
 * @pool: Whose
 * @chunk: What to do for each chunk
 * @next: The next chunk that nobody has begun with
 * @end: Behind the last one
 * @done: How many are ready
 * @err: The first error, or 0; whoever has one sets it, and all stop
 * @busy: How many workers there are
 * @idle: There are none any more
 */
struct fill {
	struct pinpool_pool *pool;
	pinpool_fill_t *chunk;
	atomic64_t next;
	u64 end;
	atomic64_t done;
	atomic_t err;
	atomic_t busy;
	struct completion idle;
};

struct worker {
	struct work_struct work;
	struct fill *fill;
};

static void fill_work(struct work_struct *work)
{
	struct fill *fill = container_of(work, struct worker, work)->fill;
	unsigned int order = PINPOOL_CHUNK_ORDER;
	u64 index;
	int err;

	while (!atomic_read(&fill->err)) {
		index = atomic64_fetch_inc(&fill->next);
		if (index >= fill->end)
			break;
		err = fill->chunk(fill->pool, index, &order);
		if (err)
			atomic_cmpxchg(&fill->err, 0, err);
		else
			atomic64_inc(&fill->done);
		cond_resched();
	}
	if (atomic_dec_and_test(&fill->busy))
		complete(&fill->idle);
}

static unsigned int nr_workers(const struct pinpool_pool *pool, u64 chunks)
{
	int node = pool->config.node;
	unsigned int cpus = node == NUMA_NO_NODE ? num_online_cpus() :
			    cpumask_weight(cpumask_of_node(node));

	return clamp_t(u64, chunks / CHUNKS_EACH, 1, max(cpus, 1U));
}

static void tell(const struct fill *fill, u64 from, u64 to, unsigned int times)
{
	u64 done = min(from + ((u64)atomic64_read(&fill->done) << CHUNK_SHIFT), to);

	if (to - from < TELL_LEAST)
		return;
	pinpool_netlink_progress(fill->pool, to, done);
	if (times && times % TELL_LOG == 0)
		pr_info("pool '%s': %llu of %llu MiB are ready\n", fill->pool->config.name,
			done >> 20, to >> 20);
}

/* Until all workers are done, which they soon are after a signal */
static void await(struct fill *fill, u64 from, u64 to)
{
	unsigned int times = 0;
	long left;

	for (;;) {
		tell(fill, from, to, times++);
		left = wait_for_completion_interruptible_timeout(&fill->idle, TELL);
		if (left > 0)
			return;
		if (left < 0)
			break;
	}
	atomic_cmpxchg(&fill->err, 0, -EINTR);
	wait_for_completion(&fill->idle);
}

/**
 * pinpool_fill() - Get memory of a pool ready
 * @pool: The pool
 * @from: Where it begins, in bytes
 * @to: Where it ends
 * @chunk: Called for each chunk of it, by several threads at once, none of which is the
 *         caller's. Gets the chunk's index, and an order to keep from one call to the
 *         next of the same thread, PINPOOL_CHUNK_ORDER at first. Returns 0 or an error
 *
 * The first and the last chunk may be in it in part only.
 *
 * Context: May sleep, and for long. Who listens is told how far it is.
 * Return: 0, the error of @chunk, -EINTR for a signal, or -ENOMEM
 */
int pinpool_fill(struct pinpool_pool *pool, u64 from, u64 to, pinpool_fill_t *chunk)
{
	u64 first = from >> CHUNK_SHIFT;
	struct fill fill = {
		.pool = pool,
		.chunk = chunk,
		.end = (to + BIT(CHUNK_SHIFT) - 1) >> CHUNK_SHIFT,
	};
	unsigned int i, nr = nr_workers(pool, fill.end - first);
	struct workqueue_struct *queue;
	struct worker *workers;
	int node = pool->config.node;
	int err;

	workers = kcalloc(nr, sizeof(*workers), GFP_KERNEL);
	queue = alloc_workqueue("pinpool_fill", WQ_UNBOUND, 0);
	if (!workers || !queue) {
		if (queue)
			destroy_workqueue(queue);
		kfree(workers);
		return -ENOMEM;
	}
	atomic64_set(&fill.next, first);
	atomic_set(&fill.busy, nr);
	init_completion(&fill.idle);
	for (i = 0; i < nr; i++) {
		workers[i].fill = &fill;
		INIT_WORK(&workers[i].work, fill_work);
		/* All nodes in turn, where none is asked for */
		node = pool->config.node == NUMA_NO_NODE ? next_node_in(node, node_online_map) :
							   node;
		queue_work_node(node, queue, &workers[i].work);
	}
	await(&fill, from, to);
	destroy_workqueue(queue);
	kfree(workers);
	err = atomic_read(&fill.err);
	if (err)
		pr_info("pool '%s': stopped with %lld of %llu MiB ready: %pe\n",
			pool->config.name, atomic64_read(&fill.done) << (CHUNK_SHIFT - 20),
			(to - from) >> 20, ERR_PTR(err));
	return err;
}
