// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Instructions per operation: lines of section, size, allocator, operations and
 * instructions, which run.sh makes of callgrind's files
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "counts.h"

#define MAX_LINES	1024

static struct line {
	char section[16];
	uint64_t size;
	char peer[32];
	double per_op;
} lines[MAX_LINES];
static size_t nr_lines;

bool counts_load(const char *path)
{
	FILE *file = fopen(path, "re");
	struct line *line = lines;
	uint64_t ops, instructions;

	if (!file)
		return false;
	while (line < lines + MAX_LINES &&
	       fscanf(file, "%15s %" SCNu64 " %31s %" SCNu64 " %" SCNu64, line->section,
		      &line->size, line->peer, &ops, &instructions) == 5) {
		line->per_op = (double)instructions / ops;
		line++;
	}
	nr_lines = line - lines;
	fclose(file);
	return true;
}

/* NAN if they were not counted */
double counts_find(const char *section, uint64_t size, const char *peer)
{
	size_t i;

	for (i = 0; i < nr_lines; i++) {
		if (!strcmp(lines[i].section, section) && lines[i].size == size &&
		    !strcmp(lines[i].peer, peer))
			return lines[i].per_op;
	}
	return NAN;
}
