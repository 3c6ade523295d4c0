// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What others have published: a table of published.tsv
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "published.h"

#define MAX_LINES	256
#define NUMBERS		5

static struct line {
	char section[16];
	uint64_t size;
	char which[16];
	struct published published;
} lines[MAX_LINES];
static size_t nr_lines;

static double number(const char *text)
{
	return strcmp(text, "-") ? strtod(text, NULL) : NAN;
}

static void parse(const char *text)
{
	char numbers[NUMBERS][16];
	struct line *line = &lines[nr_lines];

	if (nr_lines == MAX_LINES ||
	    sscanf(text, "%15s %" SCNu64 " %15s %15s %15s %15s %15s %15s",
		   line->section, &line->size, line->which, numbers[0], numbers[1],
		   numbers[2], numbers[3], numbers[4]) != 3 + NUMBERS)
		return;
	line->published = (struct published){
		.min = number(numbers[0]),
		.avg = number(numbers[1]),
		.p99 = number(numbers[2]),
		.p90 = number(numbers[3]),
		.ns = number(numbers[4]),
	};
	nr_lines++;
}

bool published_load(const char *path)
{
	FILE *file = fopen(path, "re");
	char text[256];

	if (!file)
		return false;
	while (fgets(text, sizeof(text), file)) {
		if (text[0] != '#')
			parse(text);
	}
	fclose(file);
	return true;
}

struct published published_find(const char *section, uint64_t size, const char *which)
{
	size_t i;

	for (i = 0; i < nr_lines; i++) {
		if (!strcmp(lines[i].section, section) && lines[i].size == size &&
		    !strcmp(lines[i].which, which))
			return lines[i].published;
	}
	return (struct published){ NAN, NAN, NAN, NAN, NAN };
}
