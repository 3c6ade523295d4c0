// SPDX-License-Identifier: GPL-2.0
/*
 * What ALLOC and FREE cost, beside ioctls that do nothing
 *
 * Prints nanoseconds a call. Run where a nanosecond is an instruction (the guest
 * harness with -I) the figures are exact; on a real machine take the median of
 * several runs. The ratios are what to compare.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pinpool.h>

#define ROUNDS	2000
#define REPEATS	5
#define ARRAY	64

/* Of the node's type, so that the driver sees it, but no command */
#define IOC_EMPTY	_IO(PINPOOL_IOC_TYPE, 0xff)

static int fd;
static volatile char *window;

static void die(const char *what)
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

static void empty_pair(void)
{
	ioctl(fd, IOC_EMPTY, 0);
	ioctl(fd, IOC_EMPTY, 0);
}

static struct pinpool_alloc alloc_one(uint64_t length)
{
	struct pinpool_alloc alloc = { .size = sizeof(alloc), .length = length };

	if (ioctl(fd, PINPOOL_IOC_ALLOC, &alloc))
		die("ALLOC");
	return alloc;
}

static void free_one(uint64_t handle)
{
	struct pinpool_free free = { .size = sizeof(free), .handle = handle };

	if (ioctl(fd, PINPOOL_IOC_FREE, &free))
		die("FREE");
}

static void pair_4k(void)
{
	free_one(alloc_one(4096).handle);
}

static void pair_1m(void)
{
	free_one(alloc_one(1 << 20).handle);
}

static void pair_4k_touched(void)
{
	struct pinpool_alloc alloc = alloc_one(4096);

	window[alloc.offset] = 1;
	free_one(alloc.handle);
}

static void pair_array(void)
{
	struct pinpool_buf bufs[ARRAY];
	uint64_t handles[ARRAY];
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc),
		.bufs = (uintptr_t)bufs,
		.count = ARRAY,
		.buf_size = sizeof(bufs[0]),
	};
	struct pinpool_free free = {
		.size = sizeof(free),
		.handles = (uintptr_t)handles,
		.count = ARRAY,
	};
	int i;

	for (i = 0; i < ARRAY; i++)
		bufs[i] = (struct pinpool_buf) { .length = 4096 };
	if (ioctl(fd, PINPOOL_IOC_ALLOC, &alloc))
		die("ALLOC of an array");
	for (i = 0; i < ARRAY; i++)
		handles[i] = bufs[i].handle;
	if (ioctl(fd, PINPOOL_IOC_FREE, &free))
		die("FREE of an array");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of some repeats, each after the same warm-up */
static double measure(void (*fn)(void), int per_call)
{
	double ns[REPEATS];
	uint64_t start;
	int i, r;

	for (r = 0; r < REPEATS; r++) {
		for (i = 0; i < ROUNDS / 10; i++)
			fn();
		start = now();
		for (i = 0; i < ROUNDS; i++)
			fn();
		ns[r] = (double)(now() - start) / ROUNDS / per_call;
	}
	qsort(ns, REPEATS, sizeof(ns[0]), compare);
	return ns[REPEATS / 2];
}

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		void (*fn)(void);
		int per_call;
	} rows[] = {
		{ "two empty ioctls", empty_pair, 1 },
		{ "ALLOC + FREE, 4 KiB", pair_4k, 1 },
		{ "ALLOC + FREE, 1 MiB", pair_1m, 1 },
		{ "ALLOC + FREE, 4 KiB, touched", pair_4k_touched, 1 },
		{ "ALLOC + FREE, one of an array of 64", pair_array, ARRAY },
	};
	const char *node = argc > 1 ? argv[1] : "/dev/pinpool/default";
	struct pinpool_info info = { .size = sizeof(info) };
	double base = 0, ns;
	size_t i;

	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(node);
	if (ioctl(fd, PINPOOL_IOC_INFO, &info))
		die("INFO");
	window = mmap(NULL, info.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (window == MAP_FAILED)
		die("mmap");

	printf("%-38s %10s %8s\n", "median of 5 x 2000", "ns a pair", "ratio");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ns = measure(rows[i].fn, rows[i].per_call);
		if (!i)
			base = ns;
		printf("%-38s %10.0f %8.2f\n", rows[i].what, ns, ns / base);
	}
	return 0;
}
