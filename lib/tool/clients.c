// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool clients: who has pools open, and what they have
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "json.h"
#include "text.h"
#include "tool.h"

enum {
	COL_POOL,
	COL_CLIENT,
	COL_PID,
	COL_USER,
	COL_COMMAND,
	COL_USED,
	COL_REQUESTED,
	COL_BUFFERS,
	COL_QUARANTINED,
	COL_SHARES,
	NR_COLS,
};

_Static_assert(NR_COLS <= TABLE_COLUMNS, "the table is too narrow");

static struct text user_name(uint32_t uid)
{
	struct passwd *user = getpwuid(uid);

	return user ? text_printable(user->pw_name) : text_number(uid);
}

static void client_json(const struct pinpool_ctl_client *c)
{
	json_begin(NULL, '{');
	json_string("pool", c->pool);
	json_u64("client", c->id);
	if (c->pid)
		json_u64("pid", c->pid);
	else
		json_null("pid");
	json_string("comm", c->comm);
	json_u64("uid", c->uid);
	json_u64("used", c->used);
	json_u64("requested", c->requested);
	json_u64("buffers", c->buffers);
	json_u64("quarantined", c->quarantined);
	json_u64("shares", c->shares);
	json_end();
}

static void clients_json(const struct pinpool_ctl_client *clients, ssize_t count)
{
	ssize_t i;

	json_begin(NULL, '{');
	json_begin("clients", '[');
	for (i = 0; i < count; i++)
		client_json(&clients[i]);
	json_end();
	json_end();
}

static int heading_add(struct table *table)
{
	static const char *const names[NR_COLS] = {
		[COL_POOL] = "POOL",
		[COL_CLIENT] = "CLIENT",
		[COL_PID] = "PID",
		[COL_USER] = "USER",
		[COL_COMMAND] = "COMMAND",
		[COL_USED] = "USED",
		[COL_REQUESTED] = "REQUESTED",
		[COL_BUFFERS] = "BUFFERS",
		[COL_QUARANTINED] = "QUARANTINED",
		[COL_SHARES] = "SHARES",
	};
	struct text *cells = table_row(table, NULL);
	int i;

	if (!cells)
		return -1;
	for (i = 0; i < NR_COLS; i++)
		cells[i] = text_string(names[i]);
	return 0;
}

static int client_add(struct table *table, const struct pinpool_ctl_client *c)
{
	struct text *cells = table_row(table, NULL);

	if (!cells)
		return -1;
	cells[COL_POOL] = text_string(c->pool);
	cells[COL_CLIENT] = text_number(c->id);
	cells[COL_PID] = c->pid ? text_number(c->pid) : text_string("-");
	cells[COL_USER] = user_name(c->uid);
	cells[COL_COMMAND] = text_printable(c->comm);
	cells[COL_USED] = text_size(c->used);
	cells[COL_REQUESTED] = text_size(c->requested);
	cells[COL_BUFFERS] = text_number(c->buffers);
	cells[COL_QUARANTINED] = text_size(c->quarantined);
	cells[COL_SHARES] = text_number(c->shares);
	return 0;
}

static int clients_print(const struct pinpool_ctl_client *clients, ssize_t count)
{
	struct table table = {
		.columns = NR_COLS,
		.left = 1 << COL_POOL | 1 << COL_USER | 1 << COL_COMMAND,
	};
	ssize_t i;
	int ret;

	ret = heading_add(&table);
	for (i = 0; !ret && i < count; i++)
		ret = client_add(&table, &clients[i]);
	if (ret)
		error("out of memory");
	else
		table_print(&table);
	table_free(&table);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static int clients_show(struct pinpool_ctl *ctl, const char *pool)
{
	struct pinpool_ctl_client *clients;
	int ret = TOOL_OK;
	ssize_t count;

	count = pinpool_ctl_clients(ctl, pool, &clients, sizeof(*clients));
	if (count < 0) {
		control_error(ctl, pool, count);
		return TOOL_FAILED;
	}
	if (json_output)
		clients_json(clients, count);
	else if (count)
		ret = clients_print(clients, count);
	else
		puts("No clients.");
	free(clients);
	control_warn_torn(ctl);
	return ret;
}

static int clients_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	int ret;

	ret = tool_parse(argc, argv, 0, 1);
	if (ret)
		return ret;
	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	ret = clients_show(ctl, optind < argc ? argv[optind] : NULL);
	pinpool_ctl_close(ctl);
	return ret;
}

const struct command cmd_clients = {
	.name = "clients",
	.args = "[<pool>]",
	.summary = "Show who has a pool open, or any pool",
	.help = "A client is an open file of a pool's node. Needs CAP_SYS_ADMIN.\n"
		"\n"
		"PID, USER    who opened it; - if the process is gone\n"
		"QUARANTINED  what it freed while it was pinned, and may have again\n"
		"SHARES       shares it made that somebody still has\n",
	.run = clients_run,
};
