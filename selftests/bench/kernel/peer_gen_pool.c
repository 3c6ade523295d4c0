// SPDX-License-Identifier: GPL-2.0
/* A bitmap of units: the first run that is long enough, or the best */
#include "peer.h"

#include <linux/genalloc.h>

/* An address of 0 means failure, so begin at the first unit. */
static void *create_with(u64 units, genpool_algo_t algo)
{
	struct gen_pool *pool = gen_pool_create(PAGE_SHIFT, -1);

	if (!pool)
		return NULL;
	gen_pool_set_algo(pool, algo, NULL);
	if (gen_pool_add(pool, PAGE_SIZE, units << PAGE_SHIFT, -1)) {
		gen_pool_destroy(pool);
		return NULL;
	}
	return pool;
}

static void *create(u64 units)
{
	return create_with(units, gen_pool_first_fit);
}

static void *create_best(u64 units)
{
	return create_with(units, gen_pool_best_fit);
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	slot->handle = gen_pool_alloc(allocator, slot->size << PAGE_SHIFT);
	return slot->handle;
}

static void release(void *allocator, struct bench_slot *slot)
{
	gen_pool_free(allocator, slot->handle, slot->size << PAGE_SHIFT);
}

static void destroy(void *allocator)
{
	gen_pool_destroy(allocator);
}

const struct bench_peer bench_gen_pool = {
	.name = "gen_pool first",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};

const struct bench_peer bench_gen_pool_best = {
	.name = "gen_pool best",
	.create = create_best,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
