// SPDX-License-Identifier: GPL-2.0
/* A tree of ranges that knows its gaps: the first that is long enough */
#include "peer.h"

#include <linux/maple_tree.h>
#include <linux/slab.h>

struct ranges {
	struct maple_tree tree;
	u64 units;
};

static void *create(u64 units)
{
	struct ranges *ranges = kzalloc(sizeof(*ranges), GFP_KERNEL);

	if (!ranges)
		return NULL;
	mt_init_flags(&ranges->tree, MT_FLAGS_ALLOC_RANGE);
	ranges->units = units;
	return ranges;
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	struct ranges *ranges = allocator;
	int err;

	MA_STATE(mas, &ranges->tree, 0, 0);

	mtree_lock(&ranges->tree);
	err = mas_empty_area(&mas, 0, ranges->units - 1, slot->size);
	if (!err) {
		slot->handle = mas.index;
		mas_set_range(&mas, slot->handle, slot->handle + slot->size - 1);
		err = mas_store_gfp(&mas, ranges, GFP_KERNEL);
	}
	mtree_unlock(&ranges->tree);
	return !err;
}

static void release(void *allocator, struct bench_slot *slot)
{
	struct ranges *ranges = allocator;

	mtree_erase(&ranges->tree, slot->handle);
}

static void destroy(void *allocator)
{
	struct ranges *ranges = allocator;

	mtree_destroy(&ranges->tree);
	kfree(ranges);
}

const struct bench_peer bench_maple_tree = {
	.name = "maple tree",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
