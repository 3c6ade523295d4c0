// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool del: delete a pool
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "text.h"
#include "tool.h"

/* No more than fit into a line */
#define USERS_SHOWN	4

static const struct option options[] = {
	TOOL_LONG_OPTIONS,
	{ "force", no_argument, NULL, 'f' },
	{ }
};

/* Who has a pool open, as a list in a sentence */
static void error_busy(struct pinpool_ctl *ctl, const char *pool)
{
	struct pinpool_ctl_client *clients = NULL;
	char users[256] = "";
	ssize_t i, count;
	size_t length = 0;

	count = pinpool_ctl_clients(ctl, pool, &clients, sizeof(*clients));
	for (i = 0; i < count && i < USERS_SHOWN; i++)
		length += snprintf(users + length, sizeof(users) - length, "%s%s (pid %u)",
				   i ? ", " : "", text_printable(clients[i].comm).s,
				   clients[i].pid);
	if (count > USERS_SHOWN)
		snprintf(users + length, sizeof(users) - length, " and %zd more",
			 count - USERS_SHOWN);
	error("%s: in use by %s; `pinpool del %s --force` takes it from them", pool,
	      count > 0 ? users : "those who have shares of its buffers", pool);
	free(clients);
}

static int options_read(int argc, char **argv, bool *force)
{
	int opt, ret;

	optind = 0;
	while ((opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS "f", options, NULL)) != -1) {
		if (opt == 'f') {
			*force = true;
			continue;
		}
		ret = tool_option(opt, argv);
		if (ret)
			return ret;
	}
	return tool_args(argc, argv, 1, 1);
}

static int del_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	bool force = false;
	int ret;

	ret = options_read(argc, argv, &force);
	if (ret)
		return ret;
	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	ret = pinpool_ctl_pool_del(ctl, argv[optind], force);
	if (ret == -EBUSY)
		error_busy(ctl, argv[optind]);
	else if (ret)
		control_error(ctl, argv[optind], ret);
	pinpool_ctl_close(ctl);
	return ret ? TOOL_FAILED : TOOL_OK;
}

const struct command cmd_del = {
	.name = "del",
	.args = "[--force] <pool>",
	.summary = "Delete a pool",
	.help = "A pool that somebody has open, or a share of, is deleted only by force.\n"
		"\n"
		"  -f, --force     Take it from its clients: to touch their windows is SIGBUS\n"
		"                  then, and their calls fail\n",
	.run = del_run,
};
