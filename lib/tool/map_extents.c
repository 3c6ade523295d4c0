// SPDX-License-Identifier: GPL-2.0
/*
 * Extents of buffers as they were told, made into a map without gaps
 */
#include <errno.h>
#include <stdlib.h>

#include "map.h"

static int client_compare(const void *a, const void *b)
{
	const struct map_client *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/* By offset, buffers before what is in quarantine */
static int buffer_compare(const void *a, const void *b)
{
	const struct map_buffer *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset > y->offset ? 1 : -1;
	if (x->quarantined != y->quarantined)
		return x->quarantined - y->quarantined;
	return (x->client > y->client) - (x->client < y->client);
}

static enum map_key client_key(const struct map *map, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < map->nr_clients && i < MAP_LETTERS; i++)
		if (map->clients[i].id == id)
			return KEY_CLIENT + i;
	return KEY_OTHERS;
}

static enum map_key buffer_key(const struct map *map, const struct map_buffer *buffer)
{
	if (buffer->quarantined)
		return KEY_QUARANTINED;
	if (buffer->shared || !buffer->client)
		return KEY_SHARED;
	return client_key(map, buffer->client);
}

static struct map_extent *extent_add(struct map *map, uint64_t start, uint64_t end,
				     enum map_key key)
{
	struct map_extent *extent = &map->extents[map->nr_extents++];

	extent->start = start;
	extent->end = end;
	extent->key = key;
	extent->first = 0;
	extent->count = 0;
	return extent;
}

/*
 * What several have is told several times. The pool may change while it tells,
 * so that buffers may overlap otherwise, too: the first one is believed.
 */
static void extents_add(struct map *map)
{
	const struct map_buffer *buffer;
	struct map_extent *last = NULL;
	uint64_t start, end, behind = 0;
	unsigned int i;

	for (i = 0; i < map->nr_buffers; i++) {
		buffer = &map->buffers[i];
		start = buffer->offset;
		end = start + buffer->bytes;
		if (last && !buffer->quarantined && start == last->start && end == last->end) {
			last->key = KEY_SHARED;
			last->count++;
			continue;
		}
		if (start < behind)
			start = behind;
		if (end > map->capacity)
			end = map->capacity;
		if (start >= end)
			continue;
		if (start > behind)
			extent_add(map, behind, start, KEY_FREE);
		last = extent_add(map, start, end, buffer_key(map, buffer));
		last->first = i;
		last->count = 1;
		behind = end;
	}
	if (behind < map->capacity)
		extent_add(map, behind, map->capacity, KEY_FREE);
}

/* Sort clients and buffers, and make extents of them. Returns 0 or -ENOMEM */
int map_arrange(struct map *map)
{
	map->extents = calloc(2 * (size_t)map->nr_buffers + 1, sizeof(*map->extents));
	if (!map->extents)
		return -ENOMEM;
	if (map->nr_clients)
		qsort(map->clients, map->nr_clients, sizeof(*map->clients), client_compare);
	if (map->nr_buffers)
		qsort(map->buffers, map->nr_buffers, sizeof(*map->buffers), buffer_compare);
	extents_add(map);
	return 0;
}

void map_free(struct map *map)
{
	free(map->clients);
	free(map->buffers);
	free(map->extents);
}

/* 0 when all free memory is in one extent; towards 1 the more it is scattered */
double map_fragmentation(const struct map *map)
{
	return map->free ? 1 - (double)map->largest_free / map->free : 0;
}
