// SPDX-License-Identifier: GPL-2.0
/* What the demos have in common */
#define _GNU_SOURCE
#include "show.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int failures;

void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		pinpool_strerror(err));
	exit(2);
}

void verdict(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("   %s  ", ok ? "ok    " : "FAILED");
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	failures += !ok;
}

void count_failures(int count)
{
	failures += count;
}

int conclusion(void)
{
	printf("\n%s\n", failures ? "FAILED: see above" : "All of it held.");
	return !!failures;
}

double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

struct pinpool *open_pool(const char *name)
{
	struct pinpool *pool;
	int err;

	err = pinpool_open(name, 0, &pool);
	if (err)
		die(name, err);
	return pool;
}

struct pinpool_stats get_stats(struct pinpool *pool)
{
	struct pinpool_stats stats;
	int err;

	err = pinpool_stats(pool, &stats, sizeof(stats));
	if (err)
		die("statistics", err);
	return stats;
}

void successor(struct pinpool *pool)
{
	struct pinpool_buf all;
	const uint64_t *words;
	uint64_t dirty = 0;
	size_t i;
	int err;

	err = pinpool_alloc(pool, pinpool_capacity(pool), 0, &all);
	verdict(!err, "the whole pool goes to another client in one buffer of %.0f MiB",
		pinpool_capacity(pool) / MIB);
	if (err)
		return;
	words = pinpool_ptr(pool, &all);
	for (i = 0; i < all.length / sizeof(*words); i++)
		dirty += !!words[i];
	verdict(!dirty, "all of it reads as zero: nothing of the former owner is left");
	pinpool_free(pool, all.handle);
}
