// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool map: what a pool's memory is used for, from end to end
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "map.h"
#include "term.h"
#include "text.h"
#include "tool.h"

#define WIDTH_MIN	32
#define WIDTH_MAX	1000

enum {
	OPT_SVG = 256,
	OPT_WIDTH,
	OPT_COLOR,
};

static const struct option options[] = {
	{ "svg", no_argument, NULL, OPT_SVG },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "color", required_argument, NULL, OPT_COLOR },
	TOOL_LONG_OPTIONS,
	{ }
};

struct map_config {
	bool svg;
	int width;
	bool colours;
};

static int width_set(struct map_config *config, const char *value)
{
	uint64_t width;

	if (parse_number(value, &width) || width < WIDTH_MIN || width > WIDTH_MAX)
		return usage_error("--width is a number of columns, %d to %d: %s", WIDTH_MIN,
				   WIDTH_MAX, value);
	config->width = width;
	return 0;
}

static int color_set(struct map_config *config, const char *value)
{
	if (!strcmp(value, "always"))
		config->colours = true;
	else if (!strcmp(value, "never"))
		config->colours = false;
	else if (strcmp(value, "auto"))
		return usage_error("--color is auto, always or never: %s", value);
	return 0;
}

static int options_read(int argc, char **argv, struct map_config *config)
{
	int opt, ret = 0;

	optind = 0;
	while (!ret && (opt = getopt_long(argc, argv, TOOL_SHORT_OPTIONS, options, NULL)) != -1) {
		switch (opt) {
		case OPT_SVG:
			config->svg = true;
			break;
		case OPT_WIDTH:
			ret = width_set(config, optarg);
			break;
		case OPT_COLOR:
			ret = color_set(config, optarg);
			break;
		default:
			ret = tool_option(opt, argv);
		}
	}
	if (!ret)
		ret = tool_args(argc, argv, 1, 1);
	if (!ret && config->svg && json_output)
		ret = usage_error("--svg or --json, not both");
	return ret;
}

static void client_json(const struct map_client *client)
{
	json_begin(NULL, '{');
	json_u64("id", client->id);
	if (client->pid)
		json_u64("pid", client->pid);
	else
		json_null("pid");
	json_string("comm", client->comm);
	json_u64("used", client->bytes);
	json_u64("buffers", client->buffers);
	json_u64("quarantined", client->quarantined);
	json_end();
}

static const char *use_name(enum map_key key)
{
	switch (key) {
	case KEY_FREE:
		return "free";
	case KEY_SHARED:
		return "shared";
	case KEY_QUARANTINED:
		return "quarantined";
	default:
		return "used";
	}
}

static void extent_json(const struct map *map, const struct map_extent *extent)
{
	const struct map_buffer *buffer = map->buffers + extent->first;
	unsigned int i;

	json_begin(NULL, '{');
	json_u64("offset", extent->start);
	json_u64("bytes", extent->end - extent->start);
	json_string("use", use_name(extent->key));
	json_begin("clients", '[');
	for (i = 0; i < extent->count; i++)
		if (buffer[i].client)
			json_u64(NULL, buffer[i].client);
	json_end();
	json_end();
}

static void map_json(const struct map *map)
{
	unsigned int i;

	json_begin(NULL, '{');
	json_string("name", map->name);
	json_u64("capacity", map->capacity);
	json_u64("granule", map->granule);
	json_u64("used", map->used);
	json_u64("free", map->free);
	json_u64("quarantined", map->quarantined);
	json_u64("largest_free", map->largest_free);
	json_double("fragmentation", map_fragmentation(map));
	json_begin("clients", '[');
	for (i = 0; i < map->nr_clients; i++)
		client_json(&map->clients[i]);
	json_end();
	json_begin("extents", '[');
	for (i = 0; i < map->nr_extents; i++)
		extent_json(map, &map->extents[i]);
	json_end();
	json_end();
}

static int map_print(const struct map *map, const struct map_config *config)
{
	if (config->svg)
		return map_print_svg(map);
	if (!json_output)
		return map_print_text(map, config->width, config->colours, term_utf8());
	map_json(map);
	return 0;
}

static int map_run(int argc, char **argv)
{
	struct map_config config = { .width = term_width(), .colours = term_colours() };
	struct map map = { };
	int ret;

	if (config.width < WIDTH_MIN)
		config.width = WIDTH_MIN;
	ret = options_read(argc, argv, &config);
	if (ret)
		return ret;
	ret = map_read(&map, argv[optind]);
	if (!ret && (map_arrange(&map) || map_print(&map, &config))) {
		error("out of memory");
		ret = TOOL_FAILED;
	}
	map_free(&map);
	return ret;
}

const struct command cmd_map = {
	.name = "map",
	.args = "[--svg] [--width <n>] [--color=auto|always|never] <pool>",
	.summary = "Show what a pool's memory is used for, from end to end",
	.help = "Each cell is a piece of the pool, and looks like most of what is there: a\n"
		"client, which has a letter and a colour, memory that several share, the\n"
		"quarantine, or nothing. It takes CAP_SYS_ADMIN.\n"
		"\n"
		"  --svg           The same as an image, for a file\n"
		"  --width <n>     Columns (those of the terminal, or else 80)\n"
		"  --color=<when>  auto, always or never; auto is on a terminal, and without\n"
		"                  NO_COLOR\n",
	.run = map_run,
};
