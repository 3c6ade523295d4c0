// SPDX-License-Identifier: GPL-2.0
/* Trees of holes by size and by address; the node is the caller's */
#include "peer.h"

#include <linux/slab.h>
#include <linux/string.h>

static void *create(u64 units)
{
	struct drm_mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (mm)
		drm_mm_init(mm, 0, units);
	return mm;
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	memset(&slot->node, 0, sizeof(slot->node));
	return !drm_mm_insert_node_generic(allocator, &slot->node, slot->size, 0, 0,
					   DRM_MM_INSERT_BEST);
}

static void release(void *allocator, struct bench_slot *slot)
{
	drm_mm_remove_node(&slot->node);
}

static void destroy(void *allocator)
{
	drm_mm_takedown(allocator);
	kfree(allocator);
}

const struct bench_peer bench_drm_mm = {
	.name = "drm_mm best",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
