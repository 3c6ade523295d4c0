/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What is printed
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdio.h>

#include "measure.h"

/* Of each row: who took part, and how */
struct outcome {
	const struct row *row;
	struct result results[MAX_ENTRANTS];
};

/* The first two entrants */
#define NULL_ENTRANT	0
#define OURS		1

enum verdict {
	NO_TARGET,
	REACHED,
	MISSED,
};

double net_instructions(const struct row *row, const char *peer);
void table_section(const struct outcome *outcomes, size_t nr,
		   const struct entrants *entrants);
void table_data(FILE *file, const struct outcome *outcome, const struct entrants *entrants);
enum verdict target_verdict(const struct outcome *outcome, char *why, size_t size);
void summary(const struct outcome *outcomes, size_t nr, const struct entrants *entrants);

#endif /* TABLE_H */
