// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool list: all pools at a glance
 */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "pinpool.h"
#include "pools.h"
#include "text.h"
#include "tool.h"

enum {
	COL_NAME,
	COL_SIZE,
	COL_USED,
	COL_PERCENT,
	COL_FREE,
	COL_FRAGMENTATION,
	COL_BUFFERS,
	COL_CLIENTS,
	COL_BACKING,
	NR_COLS,
};

_Static_assert(NR_COLS <= TABLE_COLUMNS, "the table is too narrow");

static void list_json(const char *name, const struct pool_state *state,
		      int err)
{
	const struct pinpool_stats *s = &state->stats;

	json_begin(NULL, '{');
	json_string("name", name);
	if (err) {
		json_string("error", error_open_reason(err));
	} else {
		json_u64("capacity", s->capacity);
		json_u64("used", s->used);
		json_u64("free", s->free);
		json_u64("quarantined", s->quarantined);
		json_u64("largest_free", s->largest_free);
		json_double("fragmentation", stats_fragmentation(s));
		json_u64("buffers", s->buffers);
		json_u64("clients", s->clients);
		json_string("backing", backing_name(state->info.backing));
	}
	json_end();
}

static int heading_add(struct table *table)
{
	static const char *const names[NR_COLS] = {
		[COL_NAME] = "NAME",
		[COL_SIZE] = "SIZE",
		[COL_USED] = "USED",
		[COL_PERCENT] = "USED %",
		[COL_FREE] = "FREE",
		[COL_FRAGMENTATION] = "FRAG %",
		[COL_BUFFERS] = "BUFFERS",
		[COL_CLIENTS] = "CLIENTS",
		[COL_BACKING] = "BACKING",
	};
	struct text *cells = table_row(table, NULL);
	int i;

	if (!cells)
		return -1;
	for (i = 0; i < NR_COLS; i++)
		cells[i] = text_string(names[i]);
	return 0;
}

static int pool_add(struct table *table, const char *name,
		    const struct pool_state *state, int err)
{
	const struct pinpool_stats *s = &state->stats;
	struct text *cells;

	cells = table_row(table, err ? error_open_reason(err) : NULL);
	if (!cells)
		return -1;
	cells[COL_NAME] = text_string(name);
	if (err)
		return 0;
	cells[COL_SIZE] = text_size(s->capacity);
	cells[COL_USED] = text_size(s->used);
	cells[COL_PERCENT] = text_percent(s->used, s->capacity);
	cells[COL_FREE] = text_size(s->free);
	cells[COL_FRAGMENTATION] =
		text_percent(s->free - s->largest_free, s->free);
	cells[COL_BUFFERS] = text_number(s->buffers);
	cells[COL_CLIENTS] = text_number(s->clients);
	cells[COL_BACKING] = text_string(backing_name(state->info.backing));
	return 0;
}

static int list_names_json(char **names)
{
	struct pool_state state;

	json_begin(NULL, '{');
	json_begin("pools", '[');
	for (; *names; names++) {
		int err = pools_read(*names, &state);

		list_json(*names, &state, err);
	}
	json_end();
	json_end();
	return TOOL_OK;
}

static int list_names(char **names)
{
	struct table table = {
		.columns = NR_COLS,
		.left = 1 << COL_NAME | 1 << COL_BACKING,
	};
	struct pool_state state;
	int ret;

	ret = heading_add(&table);
	for (; !ret && *names; names++) {
		int err = pools_read(*names, &state);

		ret = pool_add(&table, *names, &state, err);
	}
	if (ret)
		error("out of memory");
	else
		table_print(&table);
	table_free(&table);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static int list_run(int argc, char **argv)
{
	char **names;
	int ret;

	ret = tool_parse(argc, argv, 0, 0);
	if (ret)
		return ret;
	ret = pools_names(&names);
	if (ret) {
		error("%s: %s", PINPOOL_DIR, strerror(-ret));
		return TOOL_FAILED;
	}
	if (json_output)
		ret = list_names_json(names);
	else if (*names)
		ret = list_names(names);
	else
		pools_print_none();
	pools_names_free(names);
	return ret;
}

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.summary = "Show all pools",
	.help = "A pool that can't be opened is shown with the reason. FRAG % is 1 less\n"
		"the largest free extent's part of all that is free; CLIENTS are open\n"
		"files of the pool, without this command.\n",
	.run = list_run,
};
