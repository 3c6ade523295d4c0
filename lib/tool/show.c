// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool show: what pools are, and how they are set
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "json.h"
#include "pools.h"
#include "text.h"
#include "tool.h"

static void limits_json(const struct pinpool_ctl_limits *limits)
{
	json_begin("limits", '{');
	json_u64("client_bytes", limits->client_bytes);
	json_u64("client_buffers", limits->client_buffers);
	json_u64("client_shares", limits->client_shares);
	json_u64("uid_bytes", limits->uid_bytes);
	json_u64("uid_buffers", limits->uid_buffers);
	json_end();
}

/* Percent are null where the mark was set in bytes */
static void watermarks_json(const struct pinpool_ctl_pool *pool)
{
	const struct pinpool_ctl_watermarks *marks = &pool->watermarks;

	json_begin("watermarks", '{');
	json_u64("low", marks->low);
	json_u64("high", marks->high);
	if (pool->has & PINPOOL_CTL_HAS_LOW_PERCENT)
		json_u64("low_percent", marks->low_percent);
	else
		json_null("low_percent");
	if (pool->has & PINPOOL_CTL_HAS_HIGH_PERCENT)
		json_u64("high_percent", marks->high_percent);
	else
		json_null("high_percent");
	json_end();
}

static void stats_json(const struct pinpool_ctl_stats *stats)
{
	json_begin("stats", '{');
	json_u64("used", stats->used);
	json_u64("free", stats->free);
	json_u64("quarantined", stats->quarantined);
	json_u64("requested", stats->requested);
	json_u64("largest_free", stats->largest_free);
	json_u64("peak", stats->peak);
	json_double("fragmentation", stats->fragmentation / 1e6);
	json_u64("buffers", stats->buffers);
	json_u64("free_extents", stats->free_extents);
	json_u64("quarantined_extents", stats->quarantined_extents);
	json_u64("clients", stats->clients);
	json_u64("shares", stats->shares);
	json_u64("waiters", stats->waiters);
	json_u64("allocs", stats->allocs);
	json_u64("frees", stats->frees);
	json_u64("failures", stats->failures);
	json_u64("refusals", stats->refusals);
	json_end();
}

static void u64_or_null(const char *key, uint64_t value, bool there)
{
	if (there)
		json_u64(key, value);
	else
		json_null(key);
}

/* What is null isn't there, or not for the caller to see. */
static void backing_json(const struct pinpool_ctl_pool *pool)
{
	bool chunks = pool->has & PINPOOL_CTL_HAS_CHUNKS;

	json_string("longterm", longterm_name(pool->longterm));
	u64_or_null("chunks", pool->chunks, chunks);
	u64_or_null("chunk_min", pool->chunk_min, chunks);
	u64_or_null("chunk_max", pool->chunk_max, chunks);
	u64_or_null("nodes", pool->nodes, chunks);
	u64_or_null("base", pool->base, pool->has & PINPOOL_CTL_HAS_BASE);
	u64_or_null("align", pool->align, pool->has & PINPOOL_CTL_HAS_ALIGN);
	if (pool->has & PINPOOL_CTL_HAS_REGION)
		json_string("region", pool->region);
	else
		json_null("region");
	json_bool("keep", pool->keep);
	u64_or_null("bus_address", pool->bus_address,
		    pool->has & PINPOOL_CTL_HAS_BUS_ADDRESS);
}

/* A pool with all that is known of it */
void pool_json(const char *key, const struct pinpool_ctl_pool *pool)
{
	char mode[16];

	snprintf(mode, sizeof(mode), "%04o", pool->mode);
	json_begin(key, '{');
	json_string("name", pool->name);
	json_u64("id", pool->id);
	json_u64("capacity", pool->capacity);
	json_u64("granule", pool->granule);
	json_string("backing", backing_name(pool->backing));
	json_string("zero", zero_name(pool->zero));
	if (pool->node < 0)
		json_null("numa_node");
	else
		json_u64("numa_node", pool->node);
	json_string("mode", mode);
	json_u64("features", pool->features);
	backing_json(pool);
	limits_json(&pool->limits);
	watermarks_json(pool);
	stats_json(&pool->stats);
	json_end();
}

/* One limit of a line, if there is one */
static void limit_print(const char *who, const char *value, const char *what, bool *any)
{
	printf("%s%s %s%s", *any ? ", " : "", who, value, what);
	*any = true;
}

static void limits_print(const struct pinpool_ctl_limits *limits)
{
	bool any = false;

	fputs("  limits: ", stdout);
	if (limits->client_bytes)
		limit_print("client", text_size(limits->client_bytes).s, "", &any);
	if (limits->client_buffers)
		limit_print("client", text_number(limits->client_buffers).s, " buffers", &any);
	if (limits->client_shares)
		limit_print("client", text_number(limits->client_shares).s, " shares", &any);
	if (limits->uid_bytes)
		limit_print("user", text_size(limits->uid_bytes).s, "", &any);
	if (limits->uid_buffers)
		limit_print("user", text_number(limits->uid_buffers).s, " buffers", &any);
	puts(any ? "" : "none");
}

static void mark_print(const char *what, uint64_t bytes, bool in_percent, uint32_t percent)
{
	printf("%s%s", what, text_size(bytes).s);
	if (in_percent)
		printf(" (%u %%)", percent);
}

static void watermarks_print(const struct pinpool_ctl_pool *pool)
{
	const struct pinpool_ctl_watermarks *marks = &pool->watermarks;

	fputs("  watermarks: ", stdout);
	if (!marks->high) {
		puts("none");
		return;
	}
	mark_print("high ", marks->high, pool->has & PINPOOL_CTL_HAS_HIGH_PERCENT,
		   marks->high_percent);
	/* Without a low one the high one is both. */
	if (marks->low)
		mark_print(", low ", marks->low, pool->has & PINPOOL_CTL_HAS_LOW_PERCENT,
			   marks->low_percent);
	putchar('\n');
}

static void use_print(const struct pinpool_ctl_pool *pool)
{
	const struct pinpool_ctl_stats *stats = &pool->stats;

	printf("  used: %s (%s) in %s buffer%s of %s client%s\n", text_size(stats->used).s,
	       text_percent(stats->used, pool->capacity).s, text_number(stats->buffers).s,
	       stats->buffers == 1 ? "" : "s", text_number(stats->clients).s,
	       stats->clients == 1 ? "" : "s");
	printf("  free: %s (%s), at most %s in a piece\n", text_size(stats->free).s,
	       text_percent(stats->free, pool->capacity).s, text_size(stats->largest_free).s);
	if (stats->quarantined)
		printf("  quarantined: %s (%s)\n", text_size(stats->quarantined).s,
		       text_percent(stats->quarantined, pool->capacity).s);
	if (stats->failures || stats->refusals)
		printf("  failures: %s for want of space, %s because of a limit\n",
		       text_number(stats->failures).s, text_number(stats->refusals).s);
}

static void address_print(const char *what, uint64_t address)
{
	printf("  %s: 0x%llx\n", what, (unsigned long long)address);
}

static void memory_print(const struct pinpool_ctl_pool *pool)
{
	printf("  memory: %s", backing_name(pool->backing));
	if (pool->node >= 0)
		printf(" of NUMA node %d", pool->node);
	if (pool->has & PINPOOL_CTL_HAS_REGION)
		printf(" as %s", text_printable(pool->region).s);
	printf(", zeroed %s%s\n", zero_name(pool->zero), pool->keep ? ", kept" : "");
	if (pool->has & PINPOOL_CTL_HAS_CHUNKS)
		chunks_print("  chunks: ", pool->chunks, pool->chunk_min, pool->chunk_max,
			     pool->nodes);
	printf("  long-term pins: %s\n", longterm_text(pool->longterm));
	if (pool->has & PINPOOL_CTL_HAS_BASE)
		address_print("base", pool->base);
	if (pool->has & PINPOOL_CTL_HAS_ALIGN)
		printf("  alignment: %s\n", text_size(pool->align).s);
	if (pool->has & PINPOOL_CTL_HAS_BUS_ADDRESS)
		address_print("bus address", pool->bus_address);
}

static void pool_print(const struct pinpool_ctl_pool *pool)
{
	fputs("pool: ", stdout);
	style_begin(STYLE_BOLD);
	fputs(pool->name, stdout);
	style_end(STYLE_BOLD);
	printf("\n  capacity: %s, in granules of %s\n", text_size(pool->capacity).s,
	       text_size(pool->granule).s);
	memory_print(pool);
	printf("  mode: %04o\n", pool->mode);
	limits_print(&pool->limits);
	watermarks_print(pool);
	use_print(pool);
}

static int show_one(struct pinpool_ctl *ctl, const char *name)
{
	struct pinpool_ctl_pool pool;
	int ret;

	ret = pinpool_ctl_pool_get(ctl, name, &pool, sizeof(pool));
	if (ret) {
		control_error(ctl, name, ret);
		return TOOL_FAILED;
	}
	if (json_output)
		pool_json(NULL, &pool);
	else
		pool_print(&pool);
	return TOOL_OK;
}

static int by_name(const void *a, const void *b)
{
	const struct pinpool_ctl_pool *pool_a = a, *pool_b = b;

	return strcmp(pool_a->name, pool_b->name);
}

static int show_all(struct pinpool_ctl *ctl)
{
	struct pinpool_ctl_pool *pools;
	ssize_t i, count;

	count = pinpool_ctl_pools(ctl, &pools, sizeof(*pools));
	if (count < 0) {
		control_error(ctl, NULL, count);
		return TOOL_FAILED;
	}
	if (count)
		qsort(pools, count, sizeof(*pools), by_name);
	if (json_output) {
		json_begin(NULL, '{');
		json_begin("pools", '[');
	} else if (!count) {
		pools_print_none();
	}
	for (i = 0; i < count; i++) {
		if (json_output) {
			pool_json(NULL, &pools[i]);
			continue;
		}
		if (i)
			putchar('\n');
		pool_print(&pools[i]);
	}
	if (json_output) {
		json_end();
		json_end();
	}
	free(pools);
	control_warn_torn(ctl);
	return TOOL_OK;
}

static int show_run(int argc, char **argv)
{
	struct pinpool_ctl *ctl;
	int ret;

	ret = tool_parse(argc, argv, 0, 1);
	if (ret)
		return ret;
	ctl = control_open();
	if (!ctl)
		return TOOL_FAILED;
	ret = optind < argc ? show_one(ctl, argv[optind]) : show_all(ctl);
	pinpool_ctl_close(ctl);
	return ret;
}

const struct command cmd_show = {
	.name = "show",
	.args = "[<pool>]",
	.summary = "Show how a pool is set, or all pools",
	.help = "Opens no node, and so needs no permission.\n",
	.run = show_run,
};
