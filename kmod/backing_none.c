// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "none": offsets only
 *
 * For a master that hands out extents of memory which is elsewhere, on other hosts
 * perhaps. Everything works that needs no memory to look at.
 */
#include "pinpool.h"

#include <linux/bits.h>
#include <linux/overflow.h>

/* So that sums of two never overflow */
#define NONE_LIMIT	BIT_ULL(62)

static int none_create(struct pinpool_pool *pool)
{
	return 0;
}

static void none_destroy(struct pinpool_pool *pool)
{
}

static const char *none_check(const struct pinpool_config *config)
{
	u64 end;

	if (check_add_overflow(config->base, config->capacity, &end))
		return "Base and capacity go beyond 64 bits";
	return NULL;
}

static int none_grow(struct pinpool_pool *pool, u64 old, u64 capacity)
{
	u64 end;

	return check_add_overflow(pool->config.base, capacity, &end) ? -ERANGE : 0;
}

static void none_shrink(struct pinpool_pool *pool, u64 old, u64 capacity)
{
}

const struct pinpool_backing_ops pinpool_backing_none = {
	.id = PINPOOL_BACKING_NONE,
	.name = "none",
	.attr = PINPOOL_A_POOL_BASE,
	.longterm = PINPOOL_LONGTERM_NO_MEMORY,
	.limit = NONE_LIMIT,
	.check = none_check,
	.create = none_create,
	.destroy = none_destroy,
	.grow = none_grow,
	.shrink = none_shrink,
};
