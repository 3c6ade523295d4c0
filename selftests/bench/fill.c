// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to make a large pool, beside a memset of as much memory
 *
 * Usage: fill [MIB [ROUNDS]]
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include <linux/pinpool.h>
#include <linux/pinpool_netlink.h>

#include "../netlink.h"

#define MAX_ROUNDS	100

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "fill: %s: %s\n", what, why);
	exit(1);
}

/* Mapped before, so that it is the writing that is measured */
static double time_memset(size_t size)
{
	double start;
	char *memory;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap", "no memory");
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 1, size);
	start = now();
	memset(memory, 0, size);
	start = now() - start;
	/* The compiler shall not think that nobody looks. */
	if (*(volatile char *)(memory + size - 1))
		fail("memset", "forgot something");
	munmap(memory, size);
	return start;
}

static double time_pool(struct nl *nl, size_t size)
{
	double start = now();

	if (nl_pool_new(nl, "bench-fill", size, 0600))
		fail("pool-new", nl->error);
	start = now() - start;
	nl_pool_del(nl, "bench-fill", false);
	return start;
}

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 1024) << 20;
	int i, rounds = argc > 2 ? atoi(argv[2]) : 9;
	double set[MAX_ROUNDS], pool[MAX_ROUNDS];
	double gib = size / (double)(1 << 30);
	struct nl nl;

	if (rounds < 1 || rounds > MAX_ROUNDS || !size)
		fail("usage", "fill [MIB [ROUNDS]]");
	if (nl_open(&nl))
		fail("netlink", "no family pinpool; is the module loaded?");
	/* The first time a guest's memory is touched, its host has to get it. */
	time_memset(size);
	time_pool(&nl, size);
	for (i = 0; i < rounds; i++) {
		set[i] = time_memset(size) / gib;
		pool[i] = time_pool(&nl, size) / gib;
	}
	printf("%ld processors: memset %.3f s/GiB, pool-new %.3f s/GiB, ratio %.2f (median of %d)\n",
	       sysconf(_SC_NPROCESSORS_ONLN), median(set, rounds), median(pool, rounds),
	       median(pool, rounds) / median(set, rounds), rounds);
	nl_close(&nl);
	return 0;
}
