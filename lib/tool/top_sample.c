// SPDX-License-Identifier: GPL-2.0
/*
 * Samples of pools and clients: sorted, and compared with those before
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_id(const struct top_client *a, const struct top_client *b)
{
	return compare(a->id, b->id);
}

/* The most first */
static int by_bytes(const void *a, const void *b)
{
	const struct top_client *x = a, *y = b;
	int order = compare(y->bytes, x->bytes);

	return order ? order : by_id(x, y);
}

static int by_buffers(const void *a, const void *b)
{
	const struct top_client *x = a, *y = b;
	int order = compare(y->buffers, x->buffers);

	return order ? order : by_id(x, y);
}

static int by_quarantined(const void *a, const void *b)
{
	const struct top_client *x = a, *y = b;
	int order = compare(y->quarantined, x->quarantined);

	return order ? order : by_id(x, y);
}

/* By name, and then the most first */
static int by_pool(const void *a, const void *b)
{
	const struct top_client *x = a, *y = b;
	int order = strcmp(x->pool, y->pool);

	return order ? order : by_bytes(a, b);
}

void top_sort(struct top_sample *sample, enum top_order order)
{
	static int (*const compares[TOP_ORDERS])(const void *a, const void *b) = {
		[TOP_BY_BYTES] = by_bytes,
		[TOP_BY_BUFFERS] = by_buffers,
		[TOP_BY_QUARANTINED] = by_quarantined,
		[TOP_BY_POOL] = by_pool,
	};

	if (sample->nr_clients)
		qsort(sample->clients, sample->nr_clients, sizeof(*sample->clients),
		      compares[order]);
}

static const struct top_pool *pool_find(const struct top_sample *sample, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < sample->nr_pools; i++)
		if (sample->pools[i].id == id)
			return &sample->pools[i];
	return NULL;
}

/* What happened in each second between two samples */
void top_rate(struct top_sample *sample, const struct top_sample *before)
{
	double seconds = sample->when - before->when;
	const struct top_pool *old;
	struct top_pool *pool;
	unsigned int i;

	for (i = 0; i < sample->nr_pools; i++) {
		pool = &sample->pools[i];
		old = pool_find(before, pool->id);
		if (!old || seconds <= 0)
			continue;
		pool->rated = true;
		pool->alloc_rate = (pool->allocs - old->allocs) / seconds;
		pool->free_rate = (pool->frees - old->frees) / seconds;
		pool->failure_rate = (pool->failures - old->failures) / seconds;
	}
}

void top_sample_free(struct top_sample *sample)
{
	free(sample->pools);
	free(sample->clients);
	memset(sample, 0, sizeof(*sample));
}

/* Where the next event goes; the oldest makes place for it */
struct top_event *top_event_add(struct top *top, uint64_t kind)
{
	struct top_event *event = &top->events[top->nr_events++ % TOP_EVENTS];

	event->when = time(NULL);
	event->kind = kind;
	event->text[0] = 0;
	return event;
}
