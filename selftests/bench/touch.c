// SPDX-License-Identifier: GPL-2.0
/*
 * What memory of several kinds costs until it can be used, and how fast it is then
 *
 * Usage: touch PASSES [instructions]
 *
 * For areas of several sizes: to get them (allocate and map), to touch each of their
 * pages for the first time, and to put them back; per 4 KiB, and as medians. Each
 * pass has some rounds with every kind, so that what else the machine does meanwhile
 * troubles all of them.
 *
 * Where a nanosecond is an instruction (the guest harness with -I) that is what the
 * figures are; with the second argument bandwidth is left out, which would tell
 * nothing then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "touch.h"

#define KIB		1024UL
#define MIB		(1024 * KIB)
#define PAGE		(4 * KIB)
#define MOST_AREAS	1024
#define MOST_KINDS	64
#define MOST_PASSES	32
#define ROUNDS		5	/* in a pass */

/* What is measured, in nanoseconds */
enum figure { GET, TOUCH, PUT, UNTIL_USE, WRITE, READ, COPY, NR_FIGURES };

static struct samples {
	uint64_t ns[NR_FIGURES][MOST_PASSES * ROUNDS];
	int nr;
} samples[MOST_KINDS];

void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(struct samples *of, enum figure figure)
{
	uint64_t *ns = of->ns[figure];

	qsort(ns, of->nr, sizeof(*ns), compare);
	return ns[of->nr / 2];
}

static void touch_area(const struct area *area)
{
	volatile char *memory = area->memory;
	size_t i;

	for (i = 0; i < area->size; i += PAGE)
		memory[i] = 1;
}

static void one_round(const struct kind *kind, size_t size, size_t nr, struct samples *to)
{
	static struct area areas[MOST_AREAS];
	uint64_t start, got, touched;
	size_t i;

	for (i = 0; i < nr; i++)
		areas[i].size = size;
	start = now();
	for (i = 0; i < nr; i++)
		kind->ops->get(kind, &areas[i]);
	got = now();
	for (i = 0; i < nr; i++)
		touch_area(&areas[i]);
	touched = now();
	for (i = 0; i < nr; i++)
		kind->ops->put(kind, &areas[i]);

	to->ns[PUT][to->nr] = now() - touched;
	to->ns[GET][to->nr] = got - start;
	to->ns[TOUCH][to->nr] = touched - got;
	to->ns[UNTIL_USE][to->nr] = touched - start;
}

static void pass_of_touch(const struct kind *kind, size_t size, size_t nr, struct samples *to)
{
	int r;

	/* To warm up: one for each of two clients */
	for (r = 0; r < 2; r++)
		one_round(kind, size, nr, to);
	for (r = 0; r < ROUNDS; r++, to->nr++)
		one_round(kind, size, nr, to);
}

/* So that the sum is needed */
static volatile uint64_t sink;

static uint64_t sum_of(const char *memory, size_t size)
{
	uint64_t sum = 0, word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, memory + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void pass_of_bandwidth(const struct kind *kind, size_t size, size_t nr,
			      struct samples *to)
{
	struct area area = { .size = size };
	uint64_t start, written, summed;
	int r;

	(void)nr;
	kind->ops->get(kind, &area);
	touch_area(&area);
	for (r = 0; r < ROUNDS; r++, to->nr++) {
		start = now();
		memset(area.memory, r, size);
		written = now();
		sink = sum_of(area.memory, size);
		summed = now();
		memcpy(area.memory, area.memory + size / 2, size / 2);
		to->ns[COPY][to->nr] = now() - summed;
		to->ns[WRITE][to->nr] = written - start;
		to->ns[READ][to->nr] = summed - written;
	}
	kind->ops->put(kind, &area);
}

typedef void pass_fn(const struct kind *kind, size_t size, size_t nr, struct samples *to);

static void all_passes(pass_fn *pass, size_t size, size_t nr, int passes, unsigned int without)
{
	const struct kind *kind;
	struct samples *to;
	int p;

	memset(samples, 0, sizeof(samples));
	for (p = 0; p < passes; p++) {
		for (kind = kinds, to = samples; kind->name; kind++, to++) {
			if (kind->unit > size || kind->flags & without || kind->ops->begin(kind))
				continue;
			pass(kind, size, nr, to);
			kind->ops->end(kind);
		}
	}
}

static void compare_touch(size_t size, size_t nr, int passes)
{
	double pages = (double)size * nr / PAGE;
	const struct kind *kind;
	double ns[NR_FIGURES];
	double base = 0;
	struct samples *of;
	int i;

	all_passes(pass_of_touch, size, nr, passes, 0);
	printf("\n%zu areas of %zu KiB, ns per 4 KiB:\n", nr, size / KIB);
	printf("%-40s %8s %8s %8s %11s %6s\n", "", "get", "touch", "put", "get+touch", "ratio");
	for (kind = kinds, of = samples; kind->name; kind++, of++) {
		if (!of->nr)
			continue;
		for (i = GET; i <= UNTIL_USE; i++)
			ns[i] = median(of, i) / pages;
		if (!base)
			base = ns[UNTIL_USE];
		printf("%-40s %8.0f %8.0f %8.0f %11.0f %6.2f\n", kind->name, ns[GET], ns[TOUCH],
		       ns[PUT], ns[UNTIL_USE], ns[UNTIL_USE] / base);
	}
}

static void compare_bandwidth(size_t size, int passes)
{
	double base[NR_FIGURES] = {};
	const struct kind *kind;
	struct samples *of;
	double speed;
	int i;

	/* Without what differs only until the first touch */
	all_passes(pass_of_bandwidth, size, 1, passes, ~HUGE_PAGES);
	printf("\nBandwidth of %zu MiB after the first touch, MiB/s and ratio:\n", size / MIB);
	printf("%-40s %15s %15s %15s\n", "", "write", "read", "copy");
	for (kind = kinds, of = samples; kind->name; kind++, of++) {
		if (!of->nr)
			continue;
		printf("%-40s", kind->name);
		for (i = WRITE; i <= COPY; i++) {
			speed = size / (i == COPY ? 2.0 : 1.0) / MIB * 1e9 / median(of, i);
			if (!base[i])
				base[i] = speed;
			printf(" %8.0f %6.2f", speed, speed / base[i]);
		}
		printf("\n");
	}
}

static void tell_what_lacks(void)
{
	const struct kind *kind;
	const char *lack;

	for (kind = kinds; kind->name; kind++) {
		lack = kind->ops->begin(kind);
		if (lack)
			printf("Without %s: there is no %s\n", kind->name, lack);
		else
			kind->ops->end(kind);
	}
}

int main(int argc, char **argv)
{
	int passes = argc > 1 ? atoi(argv[1]) : 0;

	if (passes < 1 || passes > MOST_PASSES || argc > 3) {
		fprintf(stderr, "Usage: touch PASSES [instructions]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	tell_what_lacks();
	compare_touch(4 * KIB, MOST_AREAS, passes);
	compare_touch(2 * MIB, 16, passes);
	compare_touch(64 * MIB, 1, passes);
	if (argc == 2)
		compare_bandwidth(64 * MIB, passes);
	return 0;
}
