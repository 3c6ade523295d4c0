/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An allocator of ranges that the kernel has, as the benchmark sees it
 */
#ifndef _ALLOC_BENCH_PEER_H
#define _ALLOC_BENCH_PEER_H

#include <linux/list.h>
#include <linux/types.h>
#if IS_ENABLED(CONFIG_DRM)
#include <drm/drm_mm.h>
#endif

/* One allocation: what the allocator must be told to free it */
struct bench_slot {
	u64 size;
	union {
		u64 handle;
		struct list_head blocks;
#if IS_ENABLED(CONFIG_DRM)
		struct drm_mm_node node;
#endif
	};
};

/**
 * struct bench_peer - An allocator
 * @name: For the table
 * @create: Divide @units units; NULL if that can't be
 * @alloc: Allocate @slot->size units in one piece: true, or false where none is free
 * @free: Free what @alloc gave
 * @destroy: All has been freed
 */
struct bench_peer {
	const char *name;
	void *(*create)(u64 units);
	bool (*alloc)(void *allocator, struct bench_slot *slot);
	void (*free)(void *allocator, struct bench_slot *slot);
	void (*destroy)(void *allocator);
};

extern const struct bench_peer bench_offset_alloc;
extern const struct bench_peer bench_gen_pool;
extern const struct bench_peer bench_gen_pool_best;
extern const struct bench_peer bench_drm_mm;
extern const struct bench_peer bench_drm_buddy;
extern const struct bench_peer bench_maple_tree;

#endif /* _ALLOC_BENCH_PEER_H */
