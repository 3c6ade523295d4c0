// SPDX-License-Identifier: GPL-2.0
/*
 * A map in cells of one size, each of which tells what most of it is
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

/* What becomes of a whole cell is told in so many steps */
#define PARTS	8

static enum map_key key_most(const uint64_t *bytes, enum map_key but)
{
	enum map_key key, most = but == KEY_FREE ? KEY_SHARED : KEY_FREE;

	for (key = 0; key < NR_KEYS; key++)
		if (key != but && bytes[key] > bytes[most])
			most = key;
	return most;
}

static void cell_set(struct map_cell *cell, const uint64_t *bytes, uint64_t size)
{
	cell->key = key_most(bytes, NR_KEYS);
	cell->second = key_most(bytes, cell->key);
	cell->mixed = bytes[cell->key] < size;
	/* In doubles, for eight times a cell may be more than 2^64 */
	cell->parts = (double)bytes[cell->key] / size * PARTS;
}

static void cells_fill(const struct map *map, struct map_cells *cells)
{
	const struct map_extent *extent = map->extents;
	uint64_t at = 0, end, stop, start, bytes[NR_KEYS];
	unsigned int i;

	for (i = 0; i < cells->count; i++) {
		memset(bytes, 0, sizeof(bytes));
		end = map->capacity - at > cells->bytes ? at + cells->bytes : map->capacity;
		for (stop = at; stop < end; ) {
			start = stop;
			stop = extent->end < end ? extent->end : end;
			bytes[extent->key] += stop - start;
			if (stop == extent->end)
				extent++;
		}
		cell_set(&cells->cells[i], bytes, end - at);
		at = end;
	}
}

/*
 * Divide @map into rows of @row cells, at most @rows of them. A cell is a power of
 * two of granules. Returns 0 or -ENOMEM.
 */
int map_divide(const struct map *map, unsigned int row, unsigned int rows, struct map_cells *cells)
{
	uint64_t bytes = map->granule;

	while ((map->capacity - 1) / bytes >= (uint64_t)row * rows)
		bytes *= 2;
	cells->bytes = bytes;
	cells->count = (map->capacity - 1) / bytes + 1;
	cells->row = row;
	cells->cells = calloc(cells->count, sizeof(*cells->cells));
	if (!cells->cells)
		return -ENOMEM;
	cells_fill(map, cells);
	return 0;
}
