// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * No allocator, but a counter: what it costs is the driver's own cost, what it
 * reaches is what an allocator could reach that moved extents about
 */
#include <stddef.h>
#include <stdlib.h>

#include "peers.h"

struct counter {
	uint64_t free;
};

static void *null_create(uint64_t capacity, uint64_t max_live)
{
	struct counter *counter = malloc(sizeof(*counter));

	(void)max_live;
	if (counter)
		counter->free = capacity;
	return counter;
}

static uint64_t null_alloc(void *allocator, uint64_t size)
{
	struct counter *counter = allocator;

	if (size > counter->free)
		return 0;
	counter->free -= size;
	return size;
}

static void null_free(void *allocator, uint64_t handle)
{
	struct counter *counter = allocator;

	counter->free += handle;
}

static int null_scatter(void *allocator, uint64_t size, uint64_t *handles, int max)
{
	(void)max;
	handles[0] = null_alloc(allocator, size);
	return handles[0] ? 1 : -1;
}

const struct bench_peer null_peer = {
	.name = "null",
	.create = null_create,
	.alloc = null_alloc,
	.free = null_free,
	.scatter = null_scatter,
	.destroy = free,
};
