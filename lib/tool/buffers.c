// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool buffers: what isn't free in a pool
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "text.h"
#include "tool.h"

static const struct option options[] = {
	TOOL_LONG_OPTIONS,
	{ "client", required_argument, NULL, 'c' },
	{ }
};

static const struct {
	uint32_t state;
	const char *name;
} states[] = {
	{ PINPOOL_BUFFER_STATE_SHARED, "shared" },
	{ PINPOOL_BUFFER_STATE_READONLY, "readonly" },
	{ PINPOOL_BUFFER_STATE_QUARANTINED, "quarantined" },
};

static void buffer_json(const struct pinpool_ctl_buffer *b)
{
	size_t i;

	json_begin(NULL, '{');
	if (b->client)
		json_u64("client", b->client);
	else
		json_null("client");
	json_u64("handle", b->handle);
	json_u64("offset", b->offset);
	json_u64("length", b->length);
	json_u64("extent", b->extent);
	json_begin("state", '[');
	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (b->state & states[i].state)
			json_string(NULL, states[i].name);
	json_end();
	json_end();
}

static void buffers_json(const char *pool, const struct pinpool_ctl_buffer *buffers,
			 ssize_t count)
{
	ssize_t i;

	json_begin(NULL, '{');
	json_string("pool", pool);
	json_begin("buffers", '[');
	for (i = 0; i < count; i++)
		buffer_json(&buffers[i]);
	json_end();
	json_end();
}

static void buffer_print(const struct pinpool_ctl_buffer *b)
{
	const char *separator = "  ";
	size_t i;

	printf("%8s  %#14llx  %10s  %10s  %#18llx",
	       b->client ? text_number(b->client).s : "-", (unsigned long long)b->offset,
	       text_size(b->extent).s, text_size(b->length).s,
	       (unsigned long long)b->handle);
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (!(b->state & states[i].state))
			continue;
		printf("%s%s", separator, states[i].name);
		separator = ",";
	}
	putchar('\n');
}

/* There may be millions: columns of a width that fits nearly all */
static void buffers_print(const struct pinpool_ctl_buffer *buffers, ssize_t count)
{
	ssize_t i;

	style_begin(STYLE_BOLD);
	printf("%8s  %14s  %10s  %10s  %18s  %s", "CLIENT", "OFFSET", "EXTENT", "LENGTH",
	       "HANDLE", "STATE");
	style_end(STYLE_BOLD);
	putchar('\n');
	for (i = 0; i < count; i++)
		buffer_print(&buffers[i]);
}

static int buffers_show(struct pinpool_ctl *ctl, const char *pool, uint64_t client)
{
	struct pinpool_ctl_buffer *buffers;
	ssize_t count;

	count = pinpool_ctl_buffers(ctl, pool, client, &buffers, sizeof(*buffers));
	if (count < 0) {
		control_error(ctl, pool, count);
		return TOOL_FAILED;
	}
	if (json_output)
		buffers_json(pool, buffers, count);
	else if (count)
		buffers_print(buffers, count);
	else
		puts("No buffers.");
	free(buffers);
	control_warn_torn(ctl);
	return TOOL_OK;
}

static int options_read(int argc, char **argv, uint64_t *client)
{
	int opt, ret;

	optind = 0;
	while ((opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS "c:", options, NULL)) != -1) {
		if (opt != 'c')
			ret = tool_option(opt, argv);
		else if (parse_number(optarg, client) || !*client)
			ret = usage_error("--client: %s is no client; `pinpool clients` shows their numbers",
					  optarg);
		else
			ret = 0;
		if (ret)
			return ret;
	}
	return tool_args(argc, argv, 1, 1);
}

static int buffers_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	uint64_t client = 0;
	int ret;

	ret = options_read(argc, argv, &client);
	if (ret)
		return ret;
	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	ret = buffers_show(ctl, argv[optind], client);
	pinpool_ctl_close(ctl);
	return ret;
}

const struct command cmd_buffers = {
	.name = "buffers",
	.args = "[--client <id>] <pool>",
	.summary = "Show what isn't free in a pool, and who has it",
	.help = "Each client's buffers by their offsets, then those that shares have, then the\n"
		"quarantine. A buffer that several have is there several times. Needs\n"
		"CAP_SYS_ADMIN.\n"
		"\n"
		"  -c, --client <id>  What this client has; `pinpool clients` shows the ids\n"
		"\n"
		"STATE        shared: it was exported; readonly: the client may only read it;\n"
		"             quarantined: it was freed, but is pinned\n",
	.run = buffers_run,
};
