// SPDX-License-Identifier: GPL-2.0
/* Powers of two: what is asked for in one piece is rounded up to one */
#include "peer.h"

#include <linux/log2.h>
#include <linux/slab.h>

/* What it is called since others than DRM use it */
#ifdef BENCH_HAVE_GPU_BUDDY
#include <linux/gpu_buddy.h>
#else
#include <drm/drm_buddy.h>
#define gpu_buddy		drm_buddy
#define gpu_buddy_init		drm_buddy_init
#define gpu_buddy_fini		drm_buddy_fini
#define gpu_buddy_alloc_blocks	drm_buddy_alloc_blocks
#ifdef BENCH_HAVE_BUDDY_FLAGS
#define gpu_buddy_free_list	drm_buddy_free_list
#else
#define gpu_buddy_free_list(mm, blocks, flags)	drm_buddy_free_list(mm, blocks)
#endif
#endif

static void *create(u64 units)
{
	struct gpu_buddy *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (mm && gpu_buddy_init(mm, units << PAGE_SHIFT, PAGE_SIZE)) {
		kfree(mm);
		return NULL;
	}
	return mm;
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	struct gpu_buddy *mm = allocator;
	u64 size = roundup_pow_of_two(slot->size) << PAGE_SHIFT;

	INIT_LIST_HEAD(&slot->blocks);
	return !gpu_buddy_alloc_blocks(mm, 0, mm->size, size, size, &slot->blocks, 0);
}

static void release(void *allocator, struct bench_slot *slot)
{
	gpu_buddy_free_list(allocator, &slot->blocks, 0);
}

static void destroy(void *allocator)
{
	gpu_buddy_fini(allocator);
	kfree(allocator);
}

const struct bench_peer bench_drm_buddy = {
	.name = "drm_buddy",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
