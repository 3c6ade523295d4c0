// SPDX-License-Identifier: GPL-2.0
/*
 * One frame of pinpool top as JSON
 */
#include "json.h"
#include "top.h"

static void rate_json(const char *key, bool rated, double rate)
{
	if (rated)
		json_double(key, rate);
	else
		json_null(key);
}

static void pool_json(const struct top_pool *pool)
{
	json_begin(NULL, '{');
	json_string("name", pool->name);
	json_u64("id", pool->id);
	json_u64("capacity", pool->capacity);
	json_u64("used", pool->used);
	json_u64("quarantined", pool->quarantined);
	json_u64("free", pool->free);
	json_u64("largest_free", pool->largest_free);
	json_begin("watermarks", '{');
	json_u64("low", pool->low);
	json_u64("high", pool->high);
	json_end();
	json_u64("buffers", pool->buffers);
	json_u64("clients", pool->clients);
	json_u64("waiters", pool->waiters);
	rate_json("allocs_per_second", pool->rated, pool->alloc_rate);
	rate_json("frees_per_second", pool->rated, pool->free_rate);
	rate_json("failures_per_second", pool->rated, pool->failure_rate);
	json_end();
}

static void client_json(const struct top_client *client)
{
	json_begin(NULL, '{');
	json_string("pool", client->pool);
	json_u64("id", client->id);
	if (client->pid)
		json_u64("pid", client->pid);
	else
		json_null("pid");
	json_string("comm", client->comm);
	json_u64("uid", client->uid);
	json_u64("used", client->bytes);
	json_u64("buffers", client->buffers);
	json_u64("shares", client->shares);
	json_u64("quarantined", client->quarantined);
	json_end();
}

/* @first_event: that came since the frame before */
void top_print_json(const struct top *top, unsigned int first_event)
{
	const struct top_sample *sample = &top->sample;
	unsigned int i;

	json_begin(NULL, '{');
	json_begin("pools", '[');
	for (i = 0; i < sample->nr_pools; i++)
		pool_json(&sample->pools[i]);
	json_end();
	if (sample->denied) {
		json_null("clients");
	} else {
		json_begin("clients", '[');
		for (i = 0; i < sample->nr_clients; i++)
			client_json(&sample->clients[i]);
		json_end();
	}
	json_begin("events", '[');
	if (top->nr_events - first_event > TOP_EVENTS)
		first_event = top->nr_events - TOP_EVENTS;
	for (i = first_event; i != top->nr_events; i++)
		json_string(NULL, top->events[i % TOP_EVENTS].text);
	json_end();
	json_end();
}
