/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What pinpool top shows
 */
#ifndef PINPOOL_TOOL_TOP_H
#define PINPOOL_TOOL_TOP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "grid.h"

/* Events that are remembered */
#define TOP_EVENTS	64

/**
 * struct top_pool - A pool at one time
 * @name: Its name
 * @id: Its id, by which it is known again
 * @capacity: Its size; and so on, as the pool tells
 * @used: Bytes in buffers
 * @quarantined: Bytes in quarantine
 * @free: Free bytes
 * @largest_free: The largest free extent
 * @low: The low watermark, in bytes that are not free; 0 for none
 * @high: The high one
 * @buffers: How many
 * @clients: How many
 * @waiters: ALLOCs that wait
 * @allocs: So far
 * @frees: So far
 * @failures: So far, with what limits refused
 * @rated: Whether there are rates, as there was a sample before
 * @alloc_rate: Per second, since the sample before
 * @free_rate: The same
 * @failure_rate: The same
 */
struct top_pool {
	char name[32];
	uint32_t id;
	uint64_t capacity;
	uint64_t used;
	uint64_t quarantined;
	uint64_t free;
	uint64_t largest_free;
	uint64_t low;
	uint64_t high;
	uint64_t buffers;
	uint64_t clients;
	uint64_t waiters;
	uint64_t allocs;
	uint64_t frees;
	uint64_t failures;
	bool rated;
	double alloc_rate;
	double free_rate;
	double failure_rate;
};

/**
 * struct top_client - A client at one time
 * @pool: The name of its pool
 * @id: Its id
 * @pid: Of its process, or 0
 * @uid: Of its user
 * @comm: The name of its process
 * @bytes: In extents of its buffers
 * @buffers: How many
 * @shares: That it made and somebody has
 * @quarantined: Bytes that it freed and may have again
 */
struct top_client {
	char pool[32];
	uint64_t id;
	uint32_t pid;
	uint32_t uid;
	char comm[32];
	uint64_t bytes;
	uint64_t buffers;
	uint64_t shares;
	uint64_t quarantined;
};

/**
 * struct top_sample - All at one time
 * @when: On the clock that never jumps, in seconds
 * @pools: By name
 * @nr_pools: How many
 * @clients: In the order that is wanted
 * @nr_clients: How many
 * @denied: Clients are not for this user to see
 */
struct top_sample {
	double when;
	struct top_pool *pools;
	unsigned int nr_pools;
	struct top_client *clients;
	unsigned int nr_clients;
	bool denied;
};

/**
 * struct top_event - Something that happened
 * @when: The time of day
 * @kind: Those of the same kind that follow each other are shown as one
 * @text: What
 */
struct top_event {
	time_t when;
	uint64_t kind;
	char text[192];
};

/* What clients may be sorted by */
enum top_order {
	TOP_BY_BYTES,
	TOP_BY_BUFFERS,
	TOP_BY_QUARANTINED,
	TOP_BY_POOL,
	TOP_ORDERS,
};

/**
 * struct top - All that is shown
 * @sample: The last one
 * @order: What clients are sorted by
 * @delay: Seconds between samples
 * @paused: No samples are taken
 * @help: The keys are shown
 * @utf8: There are other characters than ASCII
 * @nr_events: How many there were; the last TOP_EVENTS are kept
 * @events: Event n is in slot n modulo TOP_EVENTS
 */
struct top {
	struct top_sample sample;
	enum top_order order;
	double delay;
	bool paused;
	bool help;
	bool utf8;
	unsigned int nr_events;
	struct top_event events[TOP_EVENTS];
};

/* top_source.c */
struct top_source;
int top_source_open(struct top_source **source);
void top_source_close(struct top_source *source);
void top_source_error(const struct top_source *source, int err);
int top_source_fd(const struct top_source *source);
int top_source_sample(struct top_source *source, struct top_sample *sample);
void top_source_events(struct top_source *source, struct top *top);

/* top_sample.c */
void top_sort(struct top_sample *sample, enum top_order order);
void top_rate(struct top_sample *sample, const struct top_sample *before);
void top_sample_free(struct top_sample *sample);
struct top_event *top_event_add(struct top *top, uint64_t kind);

/* top_frame.c */
const char *top_order_name(enum top_order order);
void top_draw(const struct top *top, struct grid *grid, int rows);

/* top_json.c */
void top_print_json(const struct top *top, unsigned int first_event);

#endif /* PINPOOL_TOOL_TOP_H */
