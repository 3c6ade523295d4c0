// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Tables for people: a line per row, a group of columns for what is published
 * and for each allocator; and the same figures for programs
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "counts.h"
#include "published.h"
#include "table.h"

static const char *const published_names[] = { "before", "after" };

#define NR_PUBLISHED	(sizeof(published_names) / sizeof(published_names[0]))

struct columns {
	bool published;
	bool percentiles;
	bool metadata;
};

static const struct {
	const char *section;
	const char *title;
} titles[] = {
	{ "uniform", "Objects of one size in 2 GiB, in 128 MiB below 1024" },
	{ "random", "Random sizes from 1024 to the one named, in 2 GiB" },
	{ "scatter", "The same with up to 4 extents for each" },
	{ "pair", "Paired objects of 3274752 and 658432 in 1 TiB, 1 in 20 evicted when full" },
	{ "growth", "Random sizes from 16 to 496, by the number of live objects" },
	{ "whole", "The whole region, or nearly so, at once" },
};

static const char *title_of(const char *section)
{
	size_t i;

	for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (!strcmp(titles[i].section, section))
			return titles[i].title;
	}
	return section;
}

static void print_number(double number, int width, int decimals)
{
	if (isnan(number))
		printf("%*s", width, "-");
	else
		printf("%*.*f", width, decimals, number);
}

static void print_utilization(const struct columns *columns, double min, double avg,
			      double p99, double p90)
{
	printf(" |");
	print_number(min, 9, 6);
	print_number(avg, 9, 6);
	if (columns->percentiles) {
		print_number(p99, 9, 6);
		print_number(p90, 9, 6);
	}
}

static void print_names(const struct columns *columns, const char *name, bool counted)
{
	int width = 18 + (columns->percentiles ? 18 : 0) + 7;

	if (counted)
		width += 7 + (columns->metadata ? 8 : 0);
	printf(" | %-*s", width - 1, name);
}

static void print_head(const struct columns *columns, const struct entrants *entrants)
{
	char name[64];
	size_t i;

	printf("%20s%10s%7s", "", "", "driver");
	for (i = 0; columns->published && i < NR_PUBLISHED; i++) {
		snprintf(name, sizeof(name), "published: %s", published_names[i]);
		print_names(columns, name, false);
	}
	for (i = OURS; i < entrants->nr; i++)
		print_names(columns, entrants->peers[i]->name, true);
	printf(" |\n%20s%10s%7s", "size", "ceiling", "ns");
	for (i = columns->published ? 0 : NR_PUBLISHED; i < NR_PUBLISHED + entrants->nr - OURS;
	     i++) {
		printf(" |%9s%9s", "min", "avg");
		if (columns->percentiles)
			printf("%9s%9s", "p99", "p90");
		printf("%7s", "ns");
		if (i >= NR_PUBLISHED)
			printf("%7s%s", "insns", columns->metadata ? "  B/live" : "");
	}
	printf(" | target\n");
}

static void print_published(const struct columns *columns, const struct row *row)
{
	size_t i;

	for (i = 0; i < NR_PUBLISHED; i++) {
		struct published published = published_find(row->section, row->size,
							    published_names[i]);

		print_utilization(columns, published.min, published.avg, published.p99,
				  published.p90);
		print_number(published.ns, 7, 0);
	}
}

static void print_result(const struct columns *columns, const struct row *row,
			 const struct result *result, const char *name)
{
	print_utilization(columns, result->min, result->avg, result->p99, result->p90);
	print_number(result->ns, 7, 1);
	print_number(net_instructions(row, name), 7, 0);
	if (columns->metadata)
		print_number(result->metadata, 8, 1);
}

static void print_row(const struct columns *columns, const struct outcome *outcome,
		      const struct entrants *entrants)
{
	const struct row *row = outcome->row;
	char why[128];
	size_t i;

	printf("%20" PRIu64, row->size);
	print_number(outcome->results[NULL_ENTRANT].avg, 10, 6);
	print_number(outcome->results[NULL_ENTRANT].ns, 7, 1);
	if (columns->published)
		print_published(columns, row);
	for (i = OURS; i < entrants->nr; i++)
		print_result(columns, row, &outcome->results[i], entrants->peers[i]->name);
	switch (target_verdict(outcome, why, sizeof(why))) {
	case NO_TARGET:
		printf(" |\n");
		break;
	case REACHED:
		printf(" | ok\n");
		break;
	case MISSED:
		printf(" | MISSED:%s\n", why);
		break;
	}
}

void table_section(const struct outcome *outcomes, size_t nr,
		   const struct entrants *entrants)
{
	const struct row *row = outcomes[0].row;
	struct columns columns = {
		.percentiles = row->percentiles,
		.metadata = !strcmp(row->section, "growth"),
	};
	size_t i;

	for (i = 0; i < nr; i++) {
		row = outcomes[i].row;
		columns.published |= !isnan(published_find(row->section, row->size, "after").avg);
	}
	printf("\n%s: %s\n\n", row->section, title_of(row->section));
	print_head(&columns, entrants);
	for (i = 0; i < nr; i++)
		print_row(&columns, &outcomes[i], entrants);
	fflush(stdout);
}

static void print_data(FILE *file, const struct row *row, const char *name,
		       const double *numbers)
{
	static const int decimals[] = { 6, 6, 6, 1, 1 };
	size_t i;

	fprintf(file, "%s\t%s\t%" PRIu64, name, row->section, row->size);
	for (i = 0; i < sizeof(decimals) / sizeof(decimals[0]); i++) {
		if (isnan(numbers[i]))
			fprintf(file, "\tnan");
		else
			fprintf(file, "\t%.*f", decimals[i], numbers[i]);
	}
	fprintf(file, "\n");
}

/* A line for each: allocator, section, size, min, avg, ceiling, ns, instructions */
void table_data(FILE *file, const struct outcome *outcome, const struct entrants *entrants)
{
	double ceiling = outcome->results[NULL_ENTRANT].avg;
	const struct row *row = outcome->row;
	size_t i;

	for (i = OURS; i < entrants->nr; i++) {
		const struct result *result = &outcome->results[i];

		print_data(file, row, entrants->peers[i]->name, (double []){
			   result->min, result->avg, ceiling, result->ns,
			   net_instructions(row, entrants->peers[i]->name) });
	}
	for (i = 0; i < NR_PUBLISHED; i++) {
		struct published published = published_find(row->section, row->size,
							    published_names[i]);

		if (!isnan(published.avg))
			print_data(file, row, published_names[i], (double []){
				   published.min, published.avg, ceiling, published.ns, NAN });
	}
}
