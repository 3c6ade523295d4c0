// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool info: what a pool is
 */
#include <stdio.h>

#include "json.h"
#include "pools.h"
#include "text.h"
#include "tool.h"

static void info_json(const struct pinpool_info *info)
{
	json_begin(NULL, '{');
	json_string("name", info->name);
	json_u64("capacity", info->capacity);
	json_u64("granule", info->granule);
	json_string("backing", backing_name(info->backing));
	json_string("zero", zero_name(info->zero));
	if (info->node < 0)
		json_null("numa_node");
	else
		json_u64("numa_node", info->node);
	json_u64("max_array", info->max_array);
	json_u64("features", info->features);
	json_string("longterm", longterm_name(info->longterm));
	json_u64("base", info->base);
	json_u64("chunks", info->chunks);
	json_u64("chunk_min", info->chunk_min);
	json_u64("chunk_max", info->chunk_max);
	json_u64("nodes", info->nodes);
	json_end();
}

static const char *zero_meaning(const struct pinpool_info *info)
{
	switch (info->zero) {
	case PINPOOL_ZERO_OWNER:
		return " (when memory goes to another client)";
	case PINPOOL_ZERO_ALWAYS:
		return " (at every allocation)";
	case PINPOOL_ZERO_NEVER:
		return " (clients can see each other's old data)";
	default:
		return "";
	}
}

static void features_print(const struct pinpool_info *info)
{
	static const char *const names[] = { "wait", "populate", "share", "scatter", "huge",
					     "at", "resize" };
	uint64_t features = info->features;
	size_t i;

	fputs("features  ", stdout);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (features >> i & 1)
			printf(" %s", names[i]);
		features &= ~(1ULL << i);
	}
	/* Of a newer module */
	if (features)
		printf(" %#llx", (unsigned long long)features);
	puts(info->features ? "" : " none");
}

static void info_print(const char *pool, const struct pinpool_info *info)
{
	struct node_owner owner;
	struct stat st;

	printf("name       %s\n", info->name);
	printf("capacity   %s\n", text_size(info->capacity).s);
	printf("granule    %s\n", text_size(info->granule).s);
	printf("backing    %s\n", backing_name(info->backing));
	printf("zeroed     %s%s\n", zero_name(info->zero), zero_meaning(info));
	printf("NUMA node  %s\n",
	       info->node < 0 ? "any" : text_number(info->node).s);
	if (info->chunks)
		chunks_print("chunks     ", info->chunks, info->chunk_min, info->chunk_max,
			     info->nodes);
	printf("long pins  %s\n", longterm_text(info->longterm));
	if (info->base)
		printf("base       0x%llx\n", (unsigned long long)info->base);
	printf("max array  %u\n", info->max_array);
	features_print(info);
	if (!pools_stat(pool, &st)) {
		pools_owner(&st, &owner);
		printf("access     %s %s:%s\n", owner.mode, owner.user,
		       owner.group);
	}
}

static int info_run(int argc, char **argv)
{
	struct pool_state state;
	int ret;

	ret = tool_parse(argc, argv, 1, 1);
	if (ret)
		return ret;

	ret = pools_read(argv[optind], &state);
	if (ret) {
		error_open(argv[optind], ret);
		return TOOL_FAILED;
	}
	if (json_output)
		info_json(&state.info);
	else
		info_print(argv[optind], &state.info);
	return TOOL_OK;
}

const struct command cmd_info = {
	.name = "info",
	.args = "<pool>",
	.summary = "Show what a pool is",
	.help = "<pool> is a pool's name, or the path of its node.\n",
	.run = info_run,
};
