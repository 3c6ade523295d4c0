// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The allocator of this project, as a caller without locks uses it
 *
 * Compiled as one with its source, as those that it is compared with are, whose
 * source is a header.
 */
#include <errno.h>
#include <stdlib.h>

#include "offset_alloc.c"
#include "peers.h"

static void *ours_create(uint64_t capacity, uint64_t max_live)
{
	const struct offset_alloc_config config = { .capacity = capacity };
	struct offset_alloc *oa = aligned_alloc(64, (sizeof(*oa) + 63) / 64 * 64);

	(void)max_live;
	if (oa && offset_alloc_init(oa, &config)) {
		free(oa);
		return NULL;
	}
	return oa;
}

/* After -ENOMEM: more nodes. False if there is no memory. */
static bool ours_grow(struct offset_alloc *oa)
{
	struct offset_alloc_chunk *chunk = offset_alloc_chunk_new();

	return chunk && !offset_alloc_add_chunk(oa, chunk);
}

static uint64_t ours_alloc(void *allocator, uint64_t size);

/* Out of line, so that it costs nothing where it isn't needed */
static noinline uint64_t ours_alloc_again(void *allocator, uint64_t size)
{
	return ours_grow(allocator) ? ours_alloc(allocator, size) : 0;
}

static __attribute__((flatten)) uint64_t ours_alloc(void *allocator, uint64_t size)
{
	struct offset_extent extent;
	int err = offset_alloc_alloc(allocator, size, 0, &extent);

	if (!err)
		return extent.handle;
	return err == -ENOMEM ? ours_alloc_again(allocator, size) : 0;
}

static __attribute__((flatten)) void ours_free(void *allocator, uint64_t handle)
{
	offset_alloc_free(allocator, handle);
}

static int ours_scatter(void *allocator, uint64_t size, uint64_t *handles, int max)
{
	struct offset_extent extents[SCATTER_EXTENTS];
	int nr, i;

	do {
		nr = offset_alloc_alloc_scatter(allocator, size, extents,
						max < SCATTER_EXTENTS ? max : SCATTER_EXTENTS);
	} while (nr == -ENOMEM && ours_grow(allocator));
	for (i = 0; i < nr; i++)
		handles[i] = extents[i].handle;
	return nr > 0 ? nr : -1;
}

static uint64_t ours_metadata(void *allocator)
{
	struct offset_alloc_report report;

	offset_alloc_report(allocator, &report);
	return sizeof(struct offset_alloc) + report.metadata;
}

static void ours_destroy(void *allocator)
{
	offset_alloc_destroy(allocator);
	free(allocator);
}

const struct bench_peer offset_alloc_peer = {
	.name = "offset_alloc",
	.create = ours_create,
	.alloc = ours_alloc,
	.free = ours_free,
	.scatter = ours_scatter,
	.metadata = ours_metadata,
	.destroy = ours_destroy,
};
