/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a pool's memory is used for, from end to end
 */
#ifndef PINPOOL_TOOL_MAP_H
#define PINPOOL_TOOL_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Clients that have a letter of their own: those with the most */
#define MAP_LETTERS	26

/* What a piece of memory may be; the clients in the order of their bytes */
enum map_key {
	KEY_FREE,
	KEY_SHARED,
	KEY_QUARANTINED,
	KEY_OTHERS,
	KEY_CLIENT,
	NR_KEYS = KEY_CLIENT + MAP_LETTERS,
};

/**
 * struct map_client - One who has buffers
 * @id: The client's id
 * @pid: Of its process, or 0
 * @comm: The process's name
 * @bytes: In extents of its buffers
 * @buffers: How many
 * @quarantined: Bytes that it freed and may have again
 */
struct map_client {
	uint64_t id;
	uint32_t pid;
	char comm[32];
	uint64_t bytes;
	uint64_t buffers;
	uint64_t quarantined;
};

/**
 * struct map_buffer - Something that isn't free
 * @offset: Where it starts
 * @bytes: That it occupies
 * @client: The id of the client, 0 for none
 * @shared: Others may have it, too
 * @quarantined: It is a buffer no more
 */
struct map_buffer {
	uint64_t offset;
	uint64_t bytes;
	uint64_t client;
	bool shared;
	bool quarantined;
};

/**
 * struct map_extent - A piece of the pool
 * @start: Its first byte
 * @end: The byte behind it
 * @key: What it is used for
 * @first: The buffers that are there start here in struct map's @buffers
 * @count: How many they are; none if it is free
 */
struct map_extent {
	uint64_t start;
	uint64_t end;
	enum map_key key;
	unsigned int first;
	unsigned int count;
};

/**
 * struct map - A pool from end to end
 * @name: The pool's name
 * @capacity: Its size
 * @granule: Its granule
 * @used: Bytes in buffers; and so on, as the pool itself tells
 * @free: Free bytes
 * @quarantined: Bytes in quarantine
 * @largest_free: The largest free extent
 * @clients: All clients, those with the most bytes first
 * @nr_clients: How many
 * @buffers: All buffers, by offset
 * @nr_buffers: How many
 * @extents: All extents, by offset, without gaps
 * @nr_extents: How many
 */
struct map {
	char name[32];
	uint64_t capacity;
	uint64_t granule;
	uint64_t used;
	uint64_t free;
	uint64_t quarantined;
	uint64_t largest_free;
	struct map_client *clients;
	unsigned int nr_clients;
	struct map_buffer *buffers;
	unsigned int nr_buffers;
	struct map_extent *extents;
	unsigned int nr_extents;
};

/**
 * struct map_cell - A part of the pool, as large as the others
 * @key: What most of it is
 * @second: What most of the rest is, if it is @mixed
 * @mixed: Not all of it is the same
 * @parts: Eighths of it that are @key
 */
struct map_cell {
	enum map_key key;
	enum map_key second;
	bool mixed;
	int parts;
};

/**
 * struct map_cells - A map in cells
 * @bytes: What one covers
 * @count: How many
 * @row: How many stand beside each other
 * @cells: Themselves
 */
struct map_cells {
	uint64_t bytes;
	unsigned int count;
	unsigned int row;
	struct map_cell *cells;
};

/* map_read.c */
int map_read(struct map *map, const char *pool);

/* map_extents.c */
int map_arrange(struct map *map);
void map_free(struct map *map);
double map_fragmentation(const struct map *map);

/* map_cells.c */
int map_divide(const struct map *map, unsigned int row, unsigned int rows, struct map_cells *cells);

/* map_text.c */
int map_print_text(const struct map *map, int width, bool colours, bool utf8);

/* map_svg.c */
int map_print_svg(const struct map *map);

#endif /* PINPOOL_TOOL_MAP_H */
