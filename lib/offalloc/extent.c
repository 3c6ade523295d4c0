// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Extents come and go
 */
#include <stddef.h>

#include "private.h"

_Static_assert(sizeof(struct offalloc_extent) == sizeof(struct offset_extent) &&
	       offsetof(struct offalloc_extent, offset) == offsetof(struct offset_extent, offset) &&
	       offsetof(struct offalloc_extent, size) == offsetof(struct offset_extent, size) &&
	       offsetof(struct offalloc_extent, handle) == offsetof(struct offset_extent, handle),
	       "extents are passed to and from the core as they are");

/*
 * Get a new chunk of nodes. Ours may come too late: then another thread's is used,
 * or the allocator is no more.
 */
static bool grow(struct offalloc *oa)
{
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();
	struct offset_alloc *core;
	bool added;

	if (!chunk)
		return false;
	core = core_lock(oa);
	added = core && !offset_alloc_add_chunk(core, chunk);
	if (core)
		core_unlock(oa);
	if (!added)
		offset_alloc_chunk_free(chunk);
	return true;
}

/* Is a call to be made again? If it took a new chunk, and one was to be had. */
static inline bool again(struct offalloc *oa, int err)
{
	return err == -ENOMEM && grow(oa);
}

/* The base moves aligned offsets: only as long as it is aligned itself, they stay so. */
static int core_alloc(struct offset_alloc *core, uint64_t base, uint64_t size, uint64_t align,
		      struct offset_extent *extent)
{
	if (align > 1 && (base & (align - 1)))
		return -EINVAL;
	return offset_alloc_alloc(core, size, align, extent);
}

int offalloc_alloc(struct offalloc *oa, uint64_t size, uint64_t align,
		   struct offalloc_extent *extent)
{
	struct offset_alloc *core;
	int err;

	do {
		core = core_lock(oa);
		if (!core)
			return -ESHUTDOWN;
		err = core_alloc(core, oa->base, size, align, core_extent(extent));
		core_unlock(oa);
	} while (again(oa, err));
	if (!err)
		extent->offset += oa->base;
	return err;
}

int offalloc_alloc_at(struct offalloc *oa, uint64_t offset, uint64_t size,
		      struct offalloc_extent *extent)
{
	struct offset_alloc *core;
	int err;

	do {
		core = core_lock(oa);
		if (!core)
			return -ESHUTDOWN;
		/* Below the base, the difference wraps around to beyond any capacity */
		err = offset_alloc_alloc_at(core, offset - oa->base, size,
					    core_extent(extent));
		core_unlock(oa);
	} while (again(oa, err));
	if (!err)
		extent->offset += oa->base;
	return err;
}

int offalloc_alloc_scatter(struct offalloc *oa, uint64_t size,
			   struct offalloc_extent *extents, unsigned int max_extents)
{
	struct offset_alloc *core;
	int i, nr;

	do {
		core = core_lock(oa);
		if (!core)
			return -ESHUTDOWN;
		nr = offset_alloc_alloc_scatter(core, size, core_extent(extents), max_extents);
		core_unlock(oa);
	} while (again(oa, nr));
	for (i = 0; i < nr; i++)
		extents[i].offset += oa->base;
	return nr;
}

int offalloc_resize(struct offalloc *oa, uint64_t handle, uint64_t size)
{
	struct offset_alloc *core;
	int err;

	do {
		core = core_lock(oa);
		if (!core)
			return -ESHUTDOWN;
		err = offset_alloc_resize(core, handle, size);
		core_unlock(oa);
	} while (again(oa, err));
	return err;
}

int offalloc_set_capacity(struct offalloc *oa, uint64_t capacity)
{
	struct offset_alloc *core;
	int err;

	do {
		core = core_lock(oa);
		if (!core)
			return -ESHUTDOWN;
		err = offset_alloc_set_capacity(core, capacity);
		core_unlock(oa);
	} while (again(oa, err));
	return err;
}

int offalloc_free(struct offalloc *oa, uint64_t handle)
{
	struct offset_alloc_chunk *chunk;
	struct offset_alloc *core;
	int err;

	core = core_lock(oa);
	if (!core)
		return -ESHUTDOWN;
	err = offset_alloc_free(core, handle);
	chunk = offset_alloc_take_chunk(core);
	core_unlock(oa);
	if (chunk)
		offset_alloc_chunk_free(chunk);
	return err;
}
