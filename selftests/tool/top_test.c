// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of pinpool top, from made-up samples
 */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "top.h"

#define MIB		(1024ull * 1024)
#define CLIENTS		30

FIXTURE(top)
{
	struct top top;
};

/* Two pools: one a quarter full, one to the brim */
FIXTURE_SETUP(top)
{
	struct top_sample *sample = &self->top.sample;
	int i;

	memset(&self->top, 0, sizeof(self->top));
	self->top.delay = 1;
	sample->when = 10;
	sample->pools = calloc(2, sizeof(*sample->pools));
	sample->clients = calloc(CLIENTS, sizeof(*sample->clients));
	ASSERT_TRUE(sample->pools && sample->clients);
	sample->pools[0] = (struct top_pool){
		.name = "calm", .id = 1, .capacity = 64 * MIB, .used = 16 * MIB, .free = 48 * MIB,
		.largest_free = 48 * MIB, .high = 32 * MIB, .allocs = 300, .frees = 100,
	};
	sample->pools[1] = (struct top_pool){
		.name = "busy", .id = 2, .capacity = 64 * MIB, .used = 60 * MIB,
		.quarantined = 4 * MIB, .failures = 5,
	};
	sample->nr_pools = 2;
	for (i = 0; i < CLIENTS; i++)
		sample->clients[i] = (struct top_client){
			.pool = "calm", .id = i + 1, .pid = 1000 + i, .comm = "client",
			.bytes = (i * 7 % CLIENTS) * MIB, .buffers = i, .quarantined = i % 3,
		};
	sample->nr_clients = CLIENTS;
}

FIXTURE_TEARDOWN(top)
{
	top_sample_free(&self->top.sample);
}

/* A frame as text */
static char *frame(const struct top *top, int width, int rows)
{
	struct grid grid;
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	grid_init(&grid, width);
	top_draw(top, &grid, rows);
	grid_print(&grid, file, false, "\n");
	grid_free(&grid);
	fclose(file);
	return text;
}

TEST_F(top, clients_are_sorted)
{
	struct top_sample *sample = &self->top.sample;
	int i;

	top_sort(sample, TOP_BY_BYTES);
	for (i = 1; i < CLIENTS; i++)
		EXPECT_GE(sample->clients[i - 1].bytes, sample->clients[i].bytes);
	top_sort(sample, TOP_BY_BUFFERS);
	for (i = 1; i < CLIENTS; i++)
		EXPECT_GE(sample->clients[i - 1].buffers, sample->clients[i].buffers);
	top_sort(sample, TOP_BY_QUARANTINED);
	for (i = 1; i < CLIENTS; i++)
		EXPECT_GE(sample->clients[i - 1].quarantined, sample->clients[i].quarantined);
}

TEST_F(top, rates_are_of_the_same_pool_in_each_second)
{
	struct top_pool pool = { .name = "calm", .id = 1, .allocs = 100, .frees = 90 };
	struct top_sample before = { .when = 8, .pools = &pool, .nr_pools = 1 };
	struct top_sample *sample = &self->top.sample;

	top_rate(sample, &before);
	EXPECT_TRUE(sample->pools[0].rated);
	EXPECT_EQ(100, sample->pools[0].alloc_rate);
	EXPECT_EQ(5, sample->pools[0].free_rate);
	/* A new one, even of the same name, has none yet. */
	EXPECT_FALSE(sample->pools[1].rated);
}

TEST_F(top, bars_show_how_full_pools_are)
{
	char *text = frame(&self->top, 55, 0);

	/* 40 columns for 64 MiB */
	EXPECT_NE(NULL, strstr(text, "calm ##########..........|...................    25.0 %\n")) {
		TH_LOG("%s", text);
	}
	EXPECT_NE(NULL, strstr(text, "busy ######################################%%    93.8 %\n"));
	free(text);
}

/* A long name doesn't take the place of what clients are called. */
TEST_F(top, names_and_commands_share_a_row)
{
	struct top_sample *sample = &self->top.sample;
	char *text;

	strcpy(sample->pools[0].name, "n234567890123456789012345678901");
	strcpy(sample->clients[0].pool, sample->pools[0].name);
	text = frame(&self->top, 79, 0);
	EXPECT_NE(NULL, strstr(text, "\nn2345678       1    1000 client ")) {
		TH_LOG("%s", text);
	}
	free(text);
	text = frame(&self->top, 132, 0);
	EXPECT_NE(NULL, strstr(text, "\nn234567890123456789012345678901       1    1000 client "));
	free(text);
}

TEST_F(top, a_frame_has_as_many_rows_as_there_are)
{
	int rows, width, i;

	for (i = 0; i < 2 * TOP_EVENTS; i++)
		strcpy(top_event_add(&self->top, i)->text, "something happened");
	for (rows = 16; rows < 60; rows++) {
		for (width = 1; width < 120; width += 7) {
			char *text = frame(&self->top, width, rows);
			char *line, *rest;
			int n = 0;

			for (i = 0; text[i]; i++)
				n += text[i] == '\n';
			EXPECT_LE(n, rows);
			for (line = strtok_r(text, "\n", &rest); line;
			     line = strtok_r(NULL, "\n", &rest))
				EXPECT_LE(strlen(line), width);
			free(text);
		}
	}
}

TEST_F(top, all_are_there_where_there_is_place)
{
	char *text = frame(&self->top, 100, 0);
	char *at = text;
	int n = 0;

	while ((at = strstr(at, " client "))) {
		at++;
		n++;
	}
	EXPECT_EQ(CLIENTS, n);
	free(text);
}

TEST_F(top, who_may_not_see_clients_is_told_so)
{
	char *text;

	self->top.sample.denied = true;
	text = frame(&self->top, 80, 24);
	EXPECT_NE(NULL, strstr(text, "CAP_SYS_ADMIN"));
	EXPECT_NE(NULL, strstr(text, "calm"));
	free(text);
}

TEST_F(top, the_last_events_are_shown_in_their_order)
{
	char *text;
	int i;

	for (i = 0; i < TOP_EVENTS + 3; i++)
		sprintf(top_event_add(&self->top, i)->text, "event %d.", i);
	text = frame(&self->top, 80, 24);
	EXPECT_NE(NULL, strstr(text, "event 66.\n"));
	EXPECT_LT(strstr(text, "event 65."), strstr(text, "event 66."));
	free(text);
	text = frame(&self->top, 80, 0);
	EXPECT_NE(NULL, strstr(text, "event 3."));
	EXPECT_EQ(NULL, strstr(text, "event 2."));
	free(text);
}

TEST_F(top, events_of_a_kind_are_one_row)
{
	char *text;
	int i;

	for (i = 0; i < 10; i++)
		sprintf(top_event_add(&self->top, i / 4)->text, "event %d", i);
	text = frame(&self->top, 80, 24);
	EXPECT_NE(NULL, strstr(text, "event 3, the last of 4\n"));
	EXPECT_NE(NULL, strstr(text, "event 7, the last of 4\n"));
	EXPECT_NE(NULL, strstr(text, "event 9, the last of 2\n"));
	EXPECT_EQ(NULL, strstr(text, "event 8"));
	free(text);
}

TEST_F(top, names_can_not_reach_the_terminal)
{
	char *text;

	strcpy(self->top.sample.clients[0].comm, "a\033[2Jb");
	text = frame(&self->top, 120, 0);
	EXPECT_NE(NULL, strstr(text, "a?[2Jb"));
	EXPECT_EQ(NULL, strchr(text, '\033'));
	free(text);
}

TEST_HARNESS_MAIN
