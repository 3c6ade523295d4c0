/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What is measured of each allocator in each row
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>

#include "contest.h"

#define MAX_ENTRANTS	8

struct result {
	bool done;		/* false: can't do this row */
	double min;		/* of the region; NAN: not measured, as all below */
	double avg;
	double p99;		/* what 99 % of the samples exceed */
	double p90;
	double ns;		/* per allocation and what was freed for it */
	double metadata;	/* bytes per live object */
	bool full;		/* the ceiling in every sample */
};

struct entrants {
	const struct bench_peer *peers[MAX_ENTRANTS];
	size_t nr;
};

void measure_row(const struct row *row, const struct entrants *entrants,
		 struct result *results);
void count_row(const struct row *row, const struct entrants *entrants);

#endif /* MEASURE_H */
