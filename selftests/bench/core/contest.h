/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * One allocator under the load of one row
 */
#ifndef CONTEST_H
#define CONTEST_H

#include <stdbool.h>

#include "bench_peer.h"

#define MAX_SEEDS	3

/* What is asked of an allocator: see rows.c */
struct row {
	const char *section;
	uint64_t size;			/* names the row within its section */
	uint64_t capacity;
	uint64_t min_size;
	uint64_t max_size;
	uint64_t max_live;
	uint64_t warmup;		/* units to ask for before the measurement */
	uint64_t ops;			/* in the measurement */
	uint64_t window;		/* of them to count the instructions of */
	uint64_t ceiling;		/* units that can be used at most */
	int seeds;			/* runs, each with other random numbers: MAX_SEEDS */
	bool percentiles;		/* of utilization: keep all samples */
	bool scatter;
	bool pair;

	/* Targets; 0: none */
	bool full;			/* the ceiling, in every sample */
	double min_avg;
	double min_p99;
	double max_instructions;
	double max_metadata;
};

struct object {
	uint64_t size;
	uint64_t handle;
};

struct contest {
	const struct row *row;
	const struct bench_peer *peer;
	void *allocator;

	struct object *objects;
	uint64_t live;
	uint64_t used;
	uint64_t asked;			/* units, so far */
	uint64_t next_size;		/* states of two random generators: allocators */
	uint64_t next_victim;		/* that evict more often get the same sizes */
	unsigned int pairs;		/* objects per size in this round */
	unsigned int placed;		/* objects of this round */

	/* Units in use, seen after each allocation, or before each eviction of pairs */
	uint64_t nr_samples;
	uint64_t min;
	__uint128_t sum;
	uint64_t *samples;		/* or NULL */
	uint64_t max_samples;
};

bool contest_begin(struct contest *contest, const struct row *row,
		   const struct bench_peer *peer, int seed);
bool contest_run(struct contest *contest, uint64_t ops);
void contest_forget(struct contest *contest);
void contest_end(struct contest *contest);

#endif /* CONTEST_H */
