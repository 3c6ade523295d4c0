// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Time: of the thread, in slices that take turns between the allocators, so
 * that what disturbs the machine disturbs all of them alike. The median of the
 * slices counts.
 *
 * Instructions: by callgrind, which counts while it is told to.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "measure.h"

#define SLICES		10
#define MAX_TIMES	(SLICES * MAX_SEEDS)
#define LEAD		5000	/* operations before those that are counted */

struct tally {
	double ns[MAX_TIMES];
	size_t nr_ns;
	uint64_t *samples;
	uint64_t nr_kept;
	uint64_t nr_samples;
	uint64_t min;
	__uint128_t sum;
	double metadata;	/* per live object */
	bool failed;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static bool can(const struct bench_peer *peer, const struct row *row)
{
	return !row->scatter || peer->scatter;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void run_slice(struct contest *contest, struct tally *tally)
{
	uint64_t ops = contest->row->ops / SLICES;
	double start = now();

	if (!contest_run(contest, ops))
		tally->failed = true;
	tally->ns[tally->nr_ns++] = (now() - start) / ops;
}

/* Add what one run has shown to that of other seeds */
static void collect(const struct contest *contest, struct tally *tally)
{
	uint64_t kept = contest->nr_samples < contest->max_samples ?
		contest->nr_samples : contest->max_samples;

	if (contest->min < tally->min)
		tally->min = contest->min;
	tally->sum += contest->sum;
	tally->nr_samples += contest->nr_samples;
	if (contest->peer->metadata && contest->live)
		tally->metadata = (double)contest->peer->metadata(contest->allocator) /
				  contest->live;
	if (contest->samples && tally->samples) {
		memcpy(tally->samples + tally->nr_kept, contest->samples,
		       kept * sizeof(tally->samples[0]));
		tally->nr_kept += kept;
	}
}

static void run_seed(const struct row *row, const struct entrants *entrants,
		     struct tally *tallies, int seed)
{
	struct contest contests[MAX_ENTRANTS] = { 0 };
	size_t i;
	int slice;

	for (i = 0; i < entrants->nr; i++) {
		if (!tallies[i].failed)
			tallies[i].failed = !contest_begin(&contests[i], row,
							   entrants->peers[i], seed);
	}
	for (slice = 0; slice < SLICES; slice++) {
		for (i = 0; i < entrants->nr; i++) {
			if (!tallies[i].failed)
				run_slice(&contests[i], &tallies[i]);
		}
	}
	for (i = 0; i < entrants->nr; i++) {
		if (!tallies[i].failed)
			collect(&contests[i], &tallies[i]);
		contest_end(&contests[i]);
	}
}

static void conclude(const struct row *row, struct tally *tally, struct result *result)
{
	double capacity = row->capacity;

	if (tally->failed || !tally->nr_samples)
		return;
	qsort(tally->ns, tally->nr_ns, sizeof(tally->ns[0]), compare_double);
	*result = (struct result){
		.done = true,
		.min = tally->min / capacity,
		.avg = tally->sum / capacity / tally->nr_samples,
		.p99 = NAN,
		.p90 = NAN,
		.ns = tally->ns[tally->nr_ns / 2],
		.metadata = tally->metadata,
		.full = tally->min == row->ceiling &&
			tally->sum == (__uint128_t)row->ceiling * tally->nr_samples,
	};
	if (tally->nr_kept) {
		qsort(tally->samples, tally->nr_kept, sizeof(tally->samples[0]), compare_u64);
		result->p99 = tally->samples[tally->nr_kept / 100] / capacity;
		result->p90 = tally->samples[tally->nr_kept / 10] / capacity;
	}
}

void measure_row(const struct row *row, const struct entrants *entrants,
		 struct result *results)
{
	struct tally tallies[MAX_ENTRANTS] = { 0 };
	size_t i;
	int seed;

	for (i = 0; i < entrants->nr; i++) {
		tallies[i].failed = !can(entrants->peers[i], row);
		tallies[i].min = row->capacity;
		tallies[i].metadata = NAN;
		if (row->percentiles)
			tallies[i].samples = malloc(row->ops * row->seeds * sizeof(uint64_t));
	}
	for (seed = 0; seed < row->seeds; seed++)
		run_seed(row, entrants, tallies, seed);
	for (i = 0; i < entrants->nr; i++) {
		results[i] = (struct result){ .min = NAN, .avg = NAN, .p99 = NAN, .p90 = NAN,
					      .ns = NAN, .metadata = NAN };
		conclude(row, &tallies[i], &results[i]);
		free(tallies[i].samples);
	}
}

/* Under valgrind: leave a file with the number of instructions of the window. */
static void count(const struct row *row, const struct bench_peer *peer)
{
	struct contest contest;
	char what[128];

	snprintf(what, sizeof(what), "%s %llu %s %llu", row->section,
		 (unsigned long long)row->size, peer->name, (unsigned long long)row->window);
	if (contest_begin(&contest, row, peer, 0) && contest_run(&contest, LEAD)) {
		CALLGRIND_START_INSTRUMENTATION;
		contest_run(&contest, row->window);
		CALLGRIND_STOP_INSTRUMENTATION;
		CALLGRIND_DUMP_STATS_AT(what);
	}
	contest_end(&contest);
}

void count_row(const struct row *row, const struct entrants *entrants)
{
	size_t i;

	for (i = 0; i < entrants->nr; i++) {
		if (can(entrants->peers[i], row))
			count(row, entrants->peers[i]);
	}
}
