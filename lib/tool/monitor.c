// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool monitor: what happens, as it happens
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "json.h"
#include "text.h"
#include "tool.h"

static const char *event_name(uint32_t type)
{
	switch (type) {
	case PINPOOL_NL_CMD_POOL_NEW_NTF:
		return "pool-new";
	case PINPOOL_NL_CMD_POOL_SET_NTF:
		return "pool-set";
	case PINPOOL_NL_CMD_POOL_DEL_NTF:
		return "pool-del";
	case PINPOOL_NL_CMD_WATERMARK_NTF:
		return "watermark";
	case PINPOOL_NL_CMD_EXHAUSTED_NTF:
		return "exhausted";
	case PINPOOL_NL_CMD_QUARANTINE_NTF:
		return "quarantine";
	case PINPOOL_NL_CMD_CLIENT_DIED_NTF:
		return "client-died";
	case PINPOOL_NL_CMD_PROGRESS_NTF:
		return "progress";
	default:
		return "unknown";
	}
}

static const char *level_name(uint32_t level)
{
	return level == PINPOOL_LEVEL_HIGH ? "high" : "low";
}

static void died_json(const struct pinpool_ctl_event *e)
{
	json_u64("client", e->client);
	json_u64("pid", e->pid);
	json_string("comm", e->comm);
	json_u64("uid", e->uid);
	if (e->signal)
		json_u64("signal", e->signal);
	else
		json_null("signal");
	json_u64("bytes", e->bytes);
	json_u64("buffers", e->buffers);
}

/* What an event has besides its name and its pool */
static void details_json(struct pinpool_ctl *ctl, const struct pinpool_ctl_event *e)
{
	struct pinpool_ctl_pool pool;

	switch (e->type) {
	case PINPOOL_NL_CMD_WATERMARK_NTF:
		json_string("level", level_name(e->level));
		json_u64("capacity", e->capacity);
		json_u64("free", e->free);
		break;
	case PINPOOL_NL_CMD_EXHAUSTED_NTF:
		json_u64("wanted", e->wanted);
		json_u64("free", e->free);
		json_u64("largest_free", e->largest_free);
		json_u64("failures", e->failures);
		break;
	case PINPOOL_NL_CMD_QUARANTINE_NTF:
		json_u64("quarantined", e->quarantined);
		json_u64("entered", e->entered);
		json_u64("left", e->left);
		break;
	case PINPOOL_NL_CMD_CLIENT_DIED_NTF:
		died_json(e);
		break;
	case PINPOOL_NL_CMD_PROGRESS_NTF:
		json_u64("capacity", e->capacity);
		json_u64("done", e->done);
		break;
	default:
		if (!pinpool_ctl_event_pool(ctl, &pool, sizeof(pool)))
			pool_json("now", &pool);
	}
}

static void died_print(const struct pinpool_ctl_event *e)
{
	printf("%s, pid %u of uid %u", text_printable(e->comm).s, e->pid, e->uid);
	if (e->signal)
		printf(", by %s", strsignal(e->signal));
	printf(": %s in %s buffer%s came back", text_size(e->bytes).s,
	       text_number(e->buffers).s, e->buffers == 1 ? "" : "s");
}

static void pool_print(struct pinpool_ctl *ctl)
{
	struct pinpool_ctl_pool pool;

	if (pinpool_ctl_event_pool(ctl, &pool, sizeof(pool)))
		return;
	printf("%s, %s free", text_size(pool.capacity).s, text_size(pool.stats.free).s);
}

static void details_print(struct pinpool_ctl *ctl, const struct pinpool_ctl_event *e)
{
	switch (e->type) {
	case PINPOOL_NL_CMD_WATERMARK_NTF:
		printf("%s: %s of %s free", level_name(e->level), text_size(e->free).s,
		       text_size(e->capacity).s);
		break;
	case PINPOOL_NL_CMD_EXHAUSTED_NTF:
		printf("no %s: %s free, %s in a piece; failures %s", text_size(e->wanted).s,
		       text_size(e->free).s, text_size(e->largest_free).s,
		       text_number(e->failures).s);
		break;
	case PINPOOL_NL_CMD_QUARANTINE_NTF:
		printf("%s; so far %s in, %s out", text_size(e->quarantined).s,
		       text_size(e->entered).s, text_size(e->left).s);
		break;
	case PINPOOL_NL_CMD_CLIENT_DIED_NTF:
		died_print(e);
		break;
	case PINPOOL_NL_CMD_PROGRESS_NTF:
		printf("%s of %s ready (%s)", text_size(e->done).s, text_size(e->capacity).s,
		       text_percent(e->done, e->capacity).s);
		break;
	default:
		pool_print(ctl);
	}
}

/* @name alone for what is no event of a pool */
static void line_begin(const char *name, enum style style)
{
	struct timespec now;
	struct tm tm;
	char text[16];

	clock_gettime(CLOCK_REALTIME, &now);
	if (json_output) {
		json_begin(NULL, '{');
		json_double("time", now.tv_sec + now.tv_nsec / 1e9);
		json_string("event", name);
		return;
	}
	localtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%03ld ", text, now.tv_nsec / 1000000);
	style_begin(style);
	fputs(name, stdout);
	style_end(style);
}

/* Whoever reads it wants it now */
static void line_end(void)
{
	if (json_output)
		json_end();
	else
		putchar('\n');
	fflush(stdout);
}

static void event_show(struct pinpool_ctl *ctl, const struct pinpool_ctl_event *e)
{
	bool bad = e->type == PINPOOL_NL_CMD_EXHAUSTED_NTF ||
		   e->type == PINPOOL_NL_CMD_CLIENT_DIED_NTF;

	line_begin(event_name(e->type), bad ? STYLE_BAD : STYLE_BOLD);
	if (json_output) {
		json_string("pool", e->pool);
		json_u64("pool_id", e->pool_id);
		details_json(ctl, e);
	} else {
		printf(" %s ", e->pool);
		details_print(ctl, e);
	}
	line_end();
}

static void overrun_show(void)
{
	line_begin("overrun", STYLE_BAD);
	if (!json_output)
		fputs(" events were lost: look with `pinpool show`", stdout);
	line_end();
}

/* Returns only when something is wrong: an exit code */
static int watch(struct pinpool_ctl *ctl, const char *pool)
{
	struct pinpool_ctl_event event;
	int ret;

	while (!ferror(stdout)) {
		ret = pinpool_ctl_event(ctl, &event, sizeof(event), -1);
		if (ret == -ENOBUFS) {
			overrun_show();
		} else if (ret && ret != -EINTR) {
			control_error(ctl, NULL, ret);
			return TOOL_FAILED;
		} else if (!ret && (!pool || !strcmp(pool, event.pool))) {
			event_show(ctl, &event);
		}
	}
	return TOOL_FAILED;
}

static int subscribe(struct pinpool_ctl *ctl)
{
	int ret;

	ret = pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS | PINPOOL_CTL_CLIENTS);
	if (ret == -EPERM) {
		error("clients that die are shown to those with CAP_SYS_ADMIN; everything else is shown");
		ret = pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS);
	}
	if (ret)
		control_error(ctl, NULL, ret);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static int monitor_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	int ret;

	ret = tool_parse(argc, argv, 0, 1);
	if (ret)
		return ret;
	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	json_on_one_line();
	ret = subscribe(ctl);
	if (!ret)
		ret = watch(ctl, optind < argc ? argv[optind] : NULL);
	pinpool_ctl_close(ctl);
	return ret;
}

const struct command cmd_monitor = {
	.name = "monitor",
	.args = "[<pool>]",
	.summary = "Show what happens to a pool, or to all, until interrupted",
	.help = "One line an event; with --json an object a line. The pool need not be there\n"
		"yet. Without CAP_SYS_ADMIN all but clients that die.\n"
		"\n"
		"pool-new, pool-set, pool-del  a pool was made, changed, deleted\n"
		"progress                      memory for a pool is being made ready\n"
		"watermark                     what isn't free crossed one\n"
		"exhausted                     an allocation found no space\n"
		"quarantine                    pinned memory was freed, or let go\n"
		"client-died                   a client ended that still held buffers\n"
		"overrun                       events were lost\n",
	.run = monitor_run,
};
