// SPDX-License-Identifier: GPL-2.0
#include "peer.h"
#include "offset_alloc.h"

#include <linux/errno.h>
#include <linux/slab.h>

static void *create(u64 units)
{
	const struct offset_alloc_config config = { .capacity = units };
	struct offset_alloc *oa = kvzalloc(sizeof(*oa), GFP_KERNEL);

	if (oa && offset_alloc_init(oa, &config)) {
		kvfree(oa);
		return NULL;
	}
	return oa;
}

static bool alloc(void *allocator, struct bench_slot *slot)
{
	struct offset_alloc_chunk *chunk;
	struct offset_extent extent;
	int err;

	for (;;) {
		err = offset_alloc_alloc(allocator, slot->size, 0, &extent);
		if (err != -ENOMEM)
			break;
		chunk = offset_alloc_chunk_new();
		if (!chunk || offset_alloc_add_chunk(allocator, chunk)) {
			offset_alloc_chunk_free(chunk);
			break;
		}
	}
	slot->handle = extent.handle;
	return !err;
}

static void release(void *allocator, struct bench_slot *slot)
{
	offset_alloc_free(allocator, slot->handle);
}

static void destroy(void *allocator)
{
	offset_alloc_destroy(allocator);
	kvfree(allocator);
}

const struct bench_peer bench_offset_alloc = {
	.name = "offset_alloc",
	.create = create,
	.alloc = alloc,
	.free = release,
	.destroy = destroy,
};
