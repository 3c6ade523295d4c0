// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool stat: how full pools are
 */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "pinpool.h"
#include "pools.h"
#include "text.h"
#include "tool.h"

/**
 * struct more - What the node doesn't tell, but netlink does
 * @known: It did
 * @refusals: Allocations and imports that a limit refused
 * @bins: Free extents by their sizes
 */
struct more {
	bool known;
	uint64_t refusals;
	struct pinpool_ctl_bins bins;
};

/* Not all have the family: other network namespaces have not. */
static void more_read(struct pinpool_ctl *ctl, const char *name, struct more *more)
{
	struct pinpool_ctl_pool pool;

	more->known = ctl && !pinpool_ctl_stats(ctl, name, &pool, sizeof(pool), &more->bins);
	if (more->known)
		more->refusals = pool.stats.refusals;
}

static void more_json(const struct more *more)
{
	uint32_t i;

	json_u64("refusals", more->refusals);
	json_begin("bins", '[');
	for (i = 0; i < more->bins.count; i++) {
		json_begin(NULL, '{');
		json_u64("min", more->bins.bin[i].min);
		json_u64("extents", more->bins.bin[i].extents);
		json_end();
	}
	json_end();
}

static void stat_json(const struct pool_state *state, const struct more *more)
{
	const struct pinpool_stats *s = &state->stats;

	json_begin(NULL, '{');
	json_string("name", state->info.name);
	json_u64("capacity", s->capacity);
	json_u64("used", s->used);
	json_u64("free", s->free);
	json_u64("quarantined", s->quarantined);
	json_u64("requested", s->requested);
	json_u64("largest_free", s->largest_free);
	json_u64("peak", s->peak);
	json_double("fragmentation", stats_fragmentation(s));
	json_u64("buffers", s->buffers);
	json_u64("free_extents", s->free_extents);
	json_u64("quarantined_extents", s->quarantined_extents);
	json_u64("clients", s->clients);
	json_u64("allocs", s->allocs);
	json_u64("frees", s->frees);
	json_u64("failures", s->failures);
	json_u64("shares", s->shares);
	json_u64("waiters", s->waiters);
	if (more->known)
		more_json(more);
	json_end();
}

/* Takes the place of a pool among others */
static void json_error(const char *name, int err)
{
	json_begin(NULL, '{');
	json_string("name", name);
	json_string("error", error_open_reason(err));
	json_end();
}

static void line_print(const char *what, uint64_t bytes, uint64_t whole,
		       const char *rest)
{
	printf("  %-13s  %10s  %7s%s%s\n", what, text_size(bytes).s,
	       text_percent(bytes, whole).s, *rest ? "  " : "", rest);
}

static void counted_print(const char *what, uint64_t bytes, uint64_t whole,
			  uint64_t count, const char *thing)
{
	char rest[64];

	snprintf(rest, sizeof(rest), "in %llu %s%s", (unsigned long long)count,
		 thing, count == 1 ? "" : "s");
	line_print(what, bytes, whole, rest);
}

static void number_print(const char *what, uint64_t number)
{
	printf("  %-13s  %10llu\n", what, (unsigned long long)number);
}

static void more_print(const struct more *more)
{
	uint32_t i;

	number_print("refusals", more->refusals);
	for (i = 0; i < more->bins.count; i++)
		printf("  %-13s  %10s+  %6s\n", i ? "" : "free extents",
		       text_size(more->bins.bin[i].min).s,
		       text_number(more->bins.bin[i].extents).s);
}

static void stat_print(const struct pool_state *state, const struct more *more)
{
	const struct pinpool_stats *s = &state->stats;

	style_begin(STYLE_BOLD);
	fputs(state->info.name, stdout);
	style_end(STYLE_BOLD);
	printf("\n  %-13s  %10s\n", "capacity", text_size(s->capacity).s);
	counted_print("used", s->used, s->capacity, s->buffers, "buffer");
	counted_print("free", s->free, s->capacity, s->free_extents, "extent");
	counted_print("quarantined", s->quarantined, s->capacity,
		      s->quarantined_extents, "extent");
	line_print("peak", s->peak, s->capacity, "");
	line_print("largest free", s->largest_free, s->free, "of free");
	line_print("rounding", s->used - s->requested, s->used, "of used");
	printf("  %-13s  %10s  %5.1f %%\n", "fragmentation", "",
	       100 * stats_fragmentation(s));
	number_print("clients", s->clients);
	number_print("shares", s->shares);
	number_print("waiting", s->waiters);
	number_print("allocations", s->allocs);
	number_print("frees", s->frees);
	number_print("failures", s->failures);
	if (more->known)
		more_print(more);
}

static void stat_show(const struct pool_state *state, const struct more *more)
{
	if (json_output)
		stat_json(state, more);
	else
		stat_print(state, more);
}

static int stat_one(struct pinpool_ctl *ctl, const char *pool)
{
	struct pool_state state;
	struct more more;
	int ret;

	ret = pools_read(pool, &state);
	if (ret) {
		error_open(pool, ret);
		return TOOL_FAILED;
	}
	more_read(ctl, state.info.name, &more);
	stat_show(&state, &more);
	return TOOL_OK;
}

static int stat_names(struct pinpool_ctl *ctl, char **names)
{
	struct pool_state state;
	struct more more;
	int ret, code = TOOL_OK;
	bool first = true;

	for (; *names; names++) {
		ret = pools_read(*names, &state);
		if (ret) {
			error_open(*names, ret);
			if (json_output)
				json_error(*names, ret);
			code = TOOL_FAILED;
			continue;
		}
		if (!first && !json_output)
			putchar('\n');
		first = false;
		more_read(ctl, state.info.name, &more);
		stat_show(&state, &more);
	}
	return code;
}

static int stat_all(struct pinpool_ctl *ctl)
{
	char **names;
	int ret;

	ret = pools_names(&names);
	if (ret) {
		error("%s: %s", PINPOOL_DIR, strerror(-ret));
		return TOOL_FAILED;
	}
	if (json_output) {
		json_begin(NULL, '{');
		json_begin("pools", '[');
	}
	ret = stat_names(ctl, names);
	if (json_output) {
		json_end();
		json_end();
	} else if (!*names) {
		pools_print_none();
	}
	pools_names_free(names);
	return ret;
}

static int stat_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	int ret;

	ret = tool_parse(argc, argv, 0, 1);
	if (ret)
		return ret;
	ctl = pinpool_ctl_open();
	ret = optind < argc ? stat_one(ctl, argv[optind]) : stat_all(ctl);
	pinpool_ctl_close(ctl);
	return ret;
}

const struct command cmd_stat = {
	.name = "stat",
	.args = "[<pool>]",
	.summary = "Show how full a pool is, or all pools",
	.help = "<pool> is a pool's name, or the path of its node.\n"
		"\n"
		"peak           the most that was ever used and quarantined\n"
		"rounding       what rounding buffers up to granules costs\n"
		"fragmentation  1 - largest free extent / all that is free\n"
		"clients        open files of the pool, without this command\n"
		"shares         buffers' dma-bufs that somebody has\n"
		"waiting        allocations that wait for space\n"
		"failures       allocations refused because nothing fitted\n"
		"refusals       allocations and imports refused because of a limit\n"
		"free extents   how many there are of a size to twice that\n",
	.run = stat_run,
};
