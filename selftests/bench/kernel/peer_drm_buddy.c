// SPDX-License-Identifier: GPL-2.0
/* Powers of two: what is asked for in one piece is rounded up to one */
#include "peer.h"

#include <linux/log2.h>
#include <linux/slab.h>
#include <drm/drm_buddy.h>

static void *create(u64 units)
{
	struct drm_buddy *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (mm && drm_buddy_init(mm, units << PAGE_SHIFT, PAGE_SIZE)) {
		kfree(mm);
		return NULL;
	}
	return mm;
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	struct drm_buddy *mm = allocator;
	u64 size = roundup_pow_of_two(slot->size) << PAGE_SHIFT;

	INIT_LIST_HEAD(&slot->blocks);
	return !drm_buddy_alloc_blocks(mm, 0, mm->size, size, size, &slot->blocks, 0);
}

static void release(void *allocator, struct bench_slot *slot)
{
	drm_buddy_free_list(allocator, &slot->blocks);
}

static void destroy(void *allocator)
{
	drm_buddy_fini(allocator);
	kfree(allocator);
}

const struct bench_peer bench_drm_buddy = {
	.name = "drm_buddy",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
