// SPDX-License-Identifier: GPL-2.0
/*
 * Maps of made-up pools
 */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "map.h"

#define GRANULE		4096ull
#define GRANULES	4096
#define CLIENTS		40

/* A pool of 16 MiB, with as many clients and buffers as a test wants */
FIXTURE(map)
{
	struct map map;
};

FIXTURE_SETUP(map)
{
	struct map *map = &self->map;
	int i;

	memset(map, 0, sizeof(*map));
	strcpy(map->name, "made-up");
	map->capacity = GRANULES * GRANULE;
	map->granule = GRANULE;
	map->clients = calloc(CLIENTS, sizeof(*map->clients));
	map->buffers = calloc(2 * GRANULES, sizeof(*map->buffers));
	ASSERT_TRUE(map->clients && map->buffers);
	for (i = 0; i < CLIENTS; i++) {
		map->clients[i].id = 100 + i;
		map->clients[i].bytes = CLIENTS - i;
		strcpy(map->clients[i].comm, "client");
	}
	map->nr_clients = CLIENTS;
}

FIXTURE_TEARDOWN(map)
{
	map_free(&self->map);
}

/* In granules; a client of 0 is none */
static struct map_buffer *add(struct map *map, uint64_t offset, uint64_t count, uint64_t client)
{
	struct map_buffer *buffer = &map->buffers[map->nr_buffers++];

	buffer->offset = offset * GRANULE;
	buffer->bytes = count * GRANULE;
	buffer->client = client;
	return buffer;
}

static void expect_extent(struct __test_metadata *_metadata, const struct map *map, int i,
			  uint64_t start, uint64_t end, enum map_key key)
{
	ASSERT_LT(i, map->nr_extents);
	EXPECT_EQ(start * GRANULE, map->extents[i].start);
	EXPECT_EQ(end * GRANULE, map->extents[i].end);
	EXPECT_EQ(key, map->extents[i].key);
}

TEST_F(map, an_empty_pool_is_free)
{
	ASSERT_EQ(0, map_arrange(&self->map));
	EXPECT_EQ(1, self->map.nr_extents);
	expect_extent(_metadata, &self->map, 0, 0, GRANULES, KEY_FREE);
}

TEST_F(map, buffers_belong_to_their_clients)
{
	struct map *map = &self->map;

	add(map, 10, 5, 101);
	add(map, 0, 2, 100);
	add(map, GRANULES - 1, 1, 100 + MAP_LETTERS);
	ASSERT_EQ(0, map_arrange(map));
	EXPECT_EQ(5, map->nr_extents);
	expect_extent(_metadata, map, 0, 0, 2, KEY_CLIENT);
	expect_extent(_metadata, map, 1, 2, 10, KEY_FREE);
	expect_extent(_metadata, map, 2, 10, 15, KEY_CLIENT + 1);
	expect_extent(_metadata, map, 3, 15, GRANULES - 1, KEY_FREE);
	expect_extent(_metadata, map, 4, GRANULES - 1, GRANULES, KEY_OTHERS);
}

TEST_F(map, what_several_have_is_shared)
{
	struct map *map = &self->map;

	add(map, 0, 4, 100);
	add(map, 0, 4, 101);
	add(map, 4, 4, 0)->shared = true;
	add(map, 8, 4, 102)->shared = true;
	ASSERT_EQ(0, map_arrange(map));
	EXPECT_EQ(4, map->nr_extents);
	expect_extent(_metadata, map, 0, 0, 4, KEY_SHARED);
	EXPECT_EQ(2, map->extents[0].count);
	expect_extent(_metadata, map, 1, 4, 8, KEY_SHARED);
	expect_extent(_metadata, map, 2, 8, 12, KEY_SHARED);
}

TEST_F(map, quarantine_is_nobodys)
{
	struct map *map = &self->map;

	add(map, 0, 4, 100)->quarantined = true;
	add(map, 4, 4, 0)->quarantined = true;
	ASSERT_EQ(0, map_arrange(map));
	EXPECT_EQ(3, map->nr_extents);
	expect_extent(_metadata, map, 0, 0, 4, KEY_QUARANTINED);
	expect_extent(_metadata, map, 1, 4, 8, KEY_QUARANTINED);
}

/* While a pool is told of, memory may move on: told twice, it is there once */
TEST_F(map, extents_have_no_gaps_and_no_overlaps)
{
	struct map *map = &self->map;
	uint64_t at = 0;
	int i;

	srand(1);
	for (i = 0; i < GRANULES; i++)
		add(map, rand() % GRANULES, 1 + rand() % 8, rand() % 3 ? 100 + rand() % CLIENTS : 0)
			->quarantined = !(rand() % 4);
	ASSERT_EQ(0, map_arrange(map));
	for (i = 0; i < map->nr_extents; i++) {
		ASSERT_EQ(at, map->extents[i].start);
		ASSERT_LT(at, map->extents[i].end);
		at = map->extents[i].end;
	}
	EXPECT_EQ(map->capacity, at);
}

/* What a granule is, by looking at the buffers */
static enum map_key key_at(const struct map *map, uint64_t at)
{
	int i;

	for (i = 0; i < map->nr_extents; i++)
		if (map->extents[i].end > at)
			break;
	return map->extents[i].key;
}

TEST_F(map, a_cell_is_what_most_of_it_is)
{
	struct map *map = &self->map;
	struct map_cells cells;
	int bytes[NR_KEYS];
	int i, j, of;

	srand(2);
	for (i = 0; i + 8 < GRANULES; i += 1 + rand() % 8)
		add(map, i, 1, 100 + rand() % 4);
	ASSERT_EQ(0, map_arrange(map));
	ASSERT_EQ(0, map_divide(map, 48, 4, &cells));
	EXPECT_EQ(32 * GRANULE, cells.bytes);
	ASSERT_EQ(GRANULES / 32, cells.count);
	for (i = 0; i < cells.count; i++) {
		memset(bytes, 0, sizeof(bytes));
		for (j = 0; j < 32; j++)
			bytes[key_at(map, (i * 32 + j) * GRANULE)]++;
		of = bytes[cells.cells[i].key];
		for (j = 0; j < NR_KEYS; j++)
			EXPECT_GE(of, bytes[j]);
		EXPECT_EQ(of < 32, cells.cells[i].mixed);
		EXPECT_EQ(of / 4, cells.cells[i].parts);
	}
	free(cells.cells);
}

TEST_F(map, a_last_cell_may_be_short)
{
	struct map *map = &self->map;
	struct map_cells cells;

	map->capacity -= 3 * GRANULE;
	add(map, GRANULES - 8, 5, 100);
	ASSERT_EQ(0, map_arrange(map));
	ASSERT_EQ(0, map_divide(map, 64, 8, &cells));
	ASSERT_EQ(8 * GRANULE, cells.bytes);
	EXPECT_EQ(512, cells.count);
	EXPECT_EQ(KEY_CLIENT, cells.cells[511].key);
	EXPECT_FALSE(cells.cells[511].mixed);
	free(cells.cells);
}

/* What print() writes */
static char *printed(int (*print)(const struct map *map), const struct map *map)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	char *text;
	long size;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	print(map);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	size = lseek(fileno(file), 0, SEEK_END);
	text = calloc(1, size + 1);
	if (pread(fileno(file), text, size, 0) != size)
		abort();
	fclose(file);
	return text;
}

static int print_ascii(const struct map *map)
{
	return map_print_text(map, 60, false, false);
}

static int print_colours(const struct map *map)
{
	return map_print_text(map, 60, true, true);
}

TEST_F(map, letters_show_who_has_what)
{
	struct map *map = &self->map;
	char *text;

	/* 16 rows of 48 cells, of 8 granules each */
	add(map, 0, 16, 100);
	add(map, 16, 5, 101);
	add(map, 24, 2, 100);
	add(map, 32, 8, 0)->quarantined = true;
	add(map, 40, 8, 0)->shared = true;
	add(map, 48, 8, 100 + MAP_LETTERS);
	ASSERT_EQ(0, map_arrange(map));
	text = printed(print_ascii, map);
	EXPECT_NE(NULL, strstr(text, " 0 B AAb:#=@....")) {
		TH_LOG("%s", text);
	}
	EXPECT_EQ(NULL, strchr(text, '\033'));
	free(text);
	text = printed(print_colours, map);
	EXPECT_NE(NULL, strstr(text, "\033[0;30;42mA \033[0;33m▒\033[0;32m░")) {
		TH_LOG("%s", text);
	}
	free(text);
}

TEST_F(map, no_line_is_wider_than_asked)
{
	struct map *map = &self->map;
	char *text, *line, *rest;

	add(map, 0, GRANULES, 100);
	ASSERT_EQ(0, map_arrange(map));
	text = printed(print_ascii, map);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		EXPECT_LE(strlen(line), 60);
	free(text);
}

TEST_F(map, names_can_not_reach_the_terminal_or_break_an_image)
{
	struct map *map = &self->map;
	char *text;

	strcpy(map->clients[0].comm, "\033]0;x\a<g>\xff&\"");
	ASSERT_EQ(0, map_arrange(map));
	text = printed(print_ascii, map);
	EXPECT_NE(NULL, strstr(text, "?]0;x?<g>?&\""));
	free(text);
	text = printed(map_print_svg, map);
	EXPECT_NE(NULL, strstr(text, "?]0;x?&#60;g&#62;?&#38;&#34;"));
	free(text);
}

TEST_HARNESS_MAIN
