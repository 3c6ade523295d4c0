// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * One allocator under the load of one row: allocate for ever, and where nothing
 * fits, free random objects until it does
 */
#include <stdlib.h>
#include <string.h>

#include "contest.h"
#include "peers.h"

#define KV_SIZE		3274752ULL
#define INDEXER_SIZE	(643ULL << 10)
#define MAX_PAIRS	128
#define PAIR_VICTIMS	20		/* one in so many is evicted */

/* splitmix64, scaled to [0, @range) */
static inline uint64_t random_below(uint64_t *state, uint64_t range)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (__uint128_t)(x ^ x >> 31) * range >> 64;
}

/* Rounds of some objects of one size, then as many of the other */
static uint64_t draw_pair(struct contest *contest)
{
	if (contest->placed == 2 * contest->pairs) {
		contest->pairs = 1 + random_below(&contest->next_size, MAX_PAIRS);
		contest->placed = 0;
	}
	return contest->placed++ < contest->pairs ? KV_SIZE : INDEXER_SIZE;
}

static inline uint64_t draw_size(struct contest *contest)
{
	const struct row *row = contest->row;

	if (row->min_size == row->max_size)
		return row->min_size;
	if (row->pair)
		return draw_pair(contest);
	return row->min_size +
	       random_below(&contest->next_size, row->max_size - row->min_size + 1);
}

static inline void sample(struct contest *contest)
{
	if (contest->samples && contest->nr_samples < contest->max_samples)
		contest->samples[contest->nr_samples] = contest->used;
	contest->nr_samples++;
	contest->sum += contest->used;
	if (contest->used < contest->min)
		contest->min = contest->used;
}

static inline void evict_one(struct contest *contest)
{
	uint64_t victim = random_below(&contest->next_victim, contest->live);
	struct object object = contest->objects[victim];

	contest->objects[victim] = contest->objects[--contest->live];
	contest->used -= object.size;
	contest->peer->free(contest->allocator, object.handle);
}

static void evict_many(struct contest *contest)
{
	uint64_t n = contest->live / PAIR_VICTIMS;

	sample(contest);
	if (!n)
		n = 1;
	while (n--)
		evict_one(contest);
}

/* False if an object doesn't fit even where there is no other */
static inline bool place(struct contest *contest, uint64_t size)
{
	uint64_t handle;

	while (!(handle = contest->peer->alloc(contest->allocator, size))) {
		if (!contest->live)
			return false;
		if (contest->row->pair)
			evict_many(contest);
		else
			evict_one(contest);
	}
	contest->objects[contest->live++] = (struct object){ size, handle };
	contest->used += size;
	return true;
}

/* What is asked for is the same for all allocators, but not which objects go. */
bool contest_run(struct contest *contest, uint64_t ops)
{
	bool pair = contest->row->pair;

	while (ops--) {
		if (!place(contest, draw_size(contest)))
			return false;
		if (!pair)
			sample(contest);
	}
	return true;
}

static bool warm_up(struct contest *contest)
{
	while (contest->asked < contest->row->warmup) {
		uint64_t size = draw_size(contest);

		if (!place(contest, size))
			return false;
		contest->asked += size;
	}
	return true;
}

/* Begin to sample anew. */
void contest_forget(struct contest *contest)
{
	contest->nr_samples = 0;
	contest->min = contest->row->capacity;
	contest->sum = 0;
}

bool contest_begin(struct contest *contest, const struct row *row,
		   const struct bench_peer *peer, int seed)
{
	memset(contest, 0, sizeof(*contest));
	contest->row = row;
	contest->next_size = 1 + seed;
	contest->next_victim = ~contest->next_size;
	contest->objects = malloc(row->max_live * sizeof(contest->objects[0]));
	if (row->percentiles) {
		contest->max_samples = row->ops;
		contest->samples = malloc(row->ops * sizeof(contest->samples[0]));
	}
	if (!contest->objects || (row->percentiles && !contest->samples))
		return false;

	contest->peer = row->scatter ? &scatter_peer : peer;
	contest->allocator = row->scatter ?
		scatter_create(peer, row->capacity, row->max_live) :
		peer->create(row->capacity, row->max_live);
	if (!contest->allocator || !warm_up(contest))
		return false;
	contest_forget(contest);
	return true;
}

void contest_end(struct contest *contest)
{
	if (contest->allocator)
		contest->peer->destroy(contest->allocator);
	free(contest->samples);
	free(contest->objects);
	memset(contest, 0, sizeof(*contest));
}
