// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What all the rows come to
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "table.h"

/* What time there would be if instructions were all that counts, and what more */
static void print_growth(const struct outcome *outcomes, size_t nr,
			 const struct entrants *entrants)
{
	const struct outcome *first = NULL;
	const char *name = entrants->peers[OURS]->name;
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct outcome *outcome = &outcomes[i];
		double net, instructions, unmissed;

		if (strcmp(outcome->row->section, "growth") || !outcome->results[OURS].done)
			continue;
		if (!first) {
			first = outcome;
			printf("\nCache and TLB misses: the share of the time that goes with live\n"
			       "objects and not with instructions (driver subtracted):\n\n");
		}
		net = outcome->results[OURS].ns - outcome->results[NULL_ENTRANT].ns;
		instructions = net_instructions(outcome->row, name);
		unmissed = (first->results[OURS].ns - first->results[NULL_ENTRANT].ns) *
			   instructions / net_instructions(first->row, name);
		printf("%12" PRIu64 " live: %6.1f ns, %4.0f instructions, %3.0f %% misses\n",
		       outcome->row->size, net, instructions,
		       net > unmissed ? 100 * (1 - unmissed / net) : 0);
	}
}

static void print_targets(const struct outcome *outcomes, size_t nr)
{
	size_t reached = 0, missed = 0, i;
	char why[128];

	for (i = 0; i < nr; i++) {
		switch (target_verdict(&outcomes[i], why, sizeof(why))) {
		case NO_TARGET:
			break;
		case REACHED:
			reached++;
			break;
		case MISSED:
			if (!missed++)
				printf("\n");
			printf("MISSED: %s %" PRIu64 ":%s\n", outcomes[i].row->section,
			       outcomes[i].row->size, why);
			break;
		}
	}
	if (reached + missed)
		printf("\n%zu of %zu rows at or past their target\n", reached, reached + missed);
}

/* Ours beside one peer */
static void print_peer(const struct outcome *outcomes, size_t nr, size_t peer,
		       const char *name)
{
	size_t ahead = 0, rows = 0, i;
	double logs = 0;

	for (i = 0; i < nr; i++) {
		const struct result *results = outcomes[i].results;

		if (!results[OURS].done || !results[peer].done)
			continue;
		rows++;
		logs += log(results[OURS].ns / results[peer].ns);
		if (results[OURS].ns < results[peer].ns) {
			ahead++;
			continue;
		}
		printf("behind %s in time: %s %" PRIu64 ": %.1f ns to %.1f\n", name,
		       outcomes[i].row->section, outcomes[i].row->size,
		       results[OURS].ns, results[peer].ns);
	}
	if (rows)
		printf("ahead of %s in time on %zu of %zu rows, %.2f of its time on average\n",
		       name, ahead, rows, exp(logs / rows));
}

void summary(const struct outcome *outcomes, size_t nr, const struct entrants *entrants)
{
	size_t peer;

	print_growth(outcomes, nr, entrants);
	print_targets(outcomes, nr);
	for (peer = OURS + 1; peer < entrants->nr; peer++) {
		printf("\n");
		print_peer(outcomes, nr, peer, entrants->peers[peer]->name);
	}
}
