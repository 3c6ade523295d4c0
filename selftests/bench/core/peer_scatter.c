// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A peer that scatters whatever it allocates, looking to the driver like one
 * that doesn't: a handle here is 1 + the number of a group of handles
 */
#include <stdlib.h>

#include "peers.h"

struct group {
	uint64_t handles[SCATTER_EXTENTS];
	int nr;
	uint32_t next;		/* spare: the next such */
};

struct scatter {
	const struct bench_peer *peer;
	void *allocator;
	uint32_t spare;
	struct group groups[];
};

void *scatter_create(const struct bench_peer *peer, uint64_t capacity, uint64_t max_live)
{
	struct scatter *scatter = malloc(sizeof(*scatter) + max_live * sizeof(struct group));
	uint64_t i;

	if (!scatter)
		return NULL;
	scatter->peer = peer;
	scatter->allocator = peer->create(capacity, max_live * SCATTER_EXTENTS);
	scatter->spare = 0;
	for (i = 0; i < max_live; i++)
		scatter->groups[i].next = i + 1;
	if (!scatter->allocator) {
		free(scatter);
		return NULL;
	}
	return scatter;
}

static uint64_t scatter_alloc(void *allocator, uint64_t size)
{
	struct scatter *scatter = allocator;
	uint32_t number = scatter->spare;
	struct group *group = &scatter->groups[number];

	group->nr = scatter->peer->scatter(scatter->allocator, size, group->handles,
					   SCATTER_EXTENTS);
	if (group->nr < 0)
		return 0;
	scatter->spare = group->next;
	return number + 1;
}

static void scatter_free(void *allocator, uint64_t handle)
{
	struct scatter *scatter = allocator;
	uint32_t number = handle - 1;
	struct group *group = &scatter->groups[number];
	int i;

	for (i = 0; i < group->nr; i++)
		scatter->peer->free(scatter->allocator, group->handles[i]);
	group->next = scatter->spare;
	scatter->spare = number;
}

static uint64_t scatter_metadata(void *allocator)
{
	struct scatter *scatter = allocator;

	return scatter->peer->metadata ? scatter->peer->metadata(scatter->allocator) : 0;
}

static void scatter_destroy(void *allocator)
{
	struct scatter *scatter = allocator;

	scatter->peer->destroy(scatter->allocator);
	free(scatter);
}

const struct bench_peer scatter_peer = {
	.name = "scatter",
	.alloc = scatter_alloc,
	.free = scatter_free,
	.metadata = scatter_metadata,
	.destroy = scatter_destroy,
};
