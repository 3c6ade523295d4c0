// SPDX-License-Identifier: GPL-2.0
/*
 * A map as an SVG of its own: rows of cells, drawn as one path for each colour
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "map.h"
#include "text.h"
#include "tool.h"

/* A power of two, so that rows start at round offsets */
#define ROW_CELLS	512
#define MAP_ROWS	16

/* In pixels */
#define LEFT		96
#define TOP		64
#define MAP_WIDTH	896
#define ROW_HEIGHT	18
#define ROW_STEP	22
#define LINE_STEP	18
#define LETTER_WIDTH	12

/* How much of a cell its colour tells of */
enum {
	WHOLE,
	MOST,
	LITTLE,
	NR_SHADES,
};

struct svg {
	const struct map *map;
	const struct map_cells *cells;
	double cell_width;
};

static const char *key_colour(enum map_key key)
{
	static const char *const others[] = { "#f0f0f0", "#37474f", "#d32f2f", "#9e9e9e" };
	/* Neither grey nor red, which are taken */
	static const char *const clients[] = {
		"#1f77b4", "#ff9f1c", "#2ca02c", "#9467bd", "#17becf", "#8c564b",
		"#e377c2", "#bcbd22", "#3f51b5", "#009688",
	};

	if (key < KEY_CLIENT)
		return others[key];
	return clients[(key - KEY_CLIENT) % ARRAY_SIZE(clients)];
}

/* Text of others, which may be anything */
static void put_text(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			putchar('?');
		else if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
			printf("&#%d;", *text);
		else
			putchar(*text);
	}
}

static void text_at(int x, int y, const char *anchor, const char *text)
{
	printf("<text x=\"%d\" y=\"%d\"%s>", x, y, anchor);
	put_text(text);
	puts("</text>");
}

#define LEFTWARD	""
#define RIGHTWARD	" text-anchor=\"end\""

/* What colour a cell has, and how much of it */
static enum map_key cell_key(const struct map_cell *cell, int *shade)
{
	if (!cell->mixed) {
		*shade = WHOLE;
		return cell->key;
	}
	/* What little there is in a free cell is to be seen. */
	*shade = cell->key == KEY_FREE ? LITTLE : MOST;
	return cell->key == KEY_FREE ? cell->second : cell->key;
}

/* How many cells from @i on look like it, up to the end of its row */
static unsigned int run_length(const struct map_cells *cells, unsigned int i)
{
	unsigned int end = (i / cells->row + 1) * cells->row;
	unsigned int first = i;
	int shade, other;
	enum map_key key;

	if (end > cells->count)
		end = cells->count;
	key = cell_key(&cells->cells[i], &shade);
	while (++i < end)
		if (cell_key(&cells->cells[i], &other) != key || other != shade)
			break;
	return i - first;
}

static void path_print(const struct svg *svg, enum map_key key, int shade)
{
	static const char *const opacity[] = { "", " opacity=\".6\"", " opacity=\".3\"" };
	const struct map_cells *cells = svg->cells;
	bool begun = false;
	unsigned int i, n;
	int of;

	for (i = 0; i < cells->count; i += n) {
		n = run_length(cells, i);
		if (cell_key(&cells->cells[i], &of) != key || of != shade)
			continue;
		if (!begun)
			printf("<path stroke=\"%s\"%s d=\"", key_colour(key), opacity[shade]);
		begun = true;
		printf("M%u %uh%u", i % cells->row, i / cells->row * ROW_STEP + ROW_HEIGHT / 2, n);
	}
	if (begun)
		puts("\"/>");
}

static void letters_print(const struct svg *svg)
{
	const struct map_cells *cells = svg->cells;
	unsigned int i, n;
	int shade;

	puts("<g fill=\"#fff\" text-anchor=\"middle\">");
	for (i = 0; i < cells->count; i += n) {
		enum map_key key = cell_key(&cells->cells[i], &shade);

		n = run_length(cells, i);
		if (key < KEY_CLIENT || shade != WHOLE || n * svg->cell_width < LETTER_WIDTH)
			continue;
		printf("<text x=\"%.0f\" y=\"%d\">%c</text>\n",
		       LEFT + (i % cells->row + n / 2.0) * svg->cell_width,
		       TOP + i / cells->row * ROW_STEP + ROW_HEIGHT - 5, 'A' + key - KEY_CLIENT);
	}
	puts("</g>");
}

static unsigned int rows(const struct svg *svg)
{
	return (svg->cells->count - 1) / svg->cells->row + 1;
}

static void cells_print(const struct svg *svg)
{
	enum map_key key;
	int shade;

	printf("<g transform=\"translate(%d %d) scale(%g 1)\" stroke-width=\"%d\" shape-rendering=\"crispEdges\">\n",
	       LEFT, TOP, svg->cell_width, ROW_HEIGHT);
	for (key = 0; key < NR_KEYS; key++)
		for (shade = 0; shade < NR_SHADES; shade++)
			path_print(svg, key, shade);
	puts("</g>");
}

static void scale_print(const struct svg *svg)
{
	const struct map_cells *cells = svg->cells;
	unsigned int i, step = cells->row / 8 ? cells->row / 8 : 1;
	char text[40];

	for (i = step; i < cells->row; i += step) {
		snprintf(text, sizeof(text), "+%s", text_size(i * cells->bytes).s);
		text_at(LEFT + i * svg->cell_width, TOP - 8, LEFTWARD, text);
	}
	for (i = 0; i < rows(svg); i++)
		text_at(LEFT - 8, TOP + i * ROW_STEP + ROW_HEIGHT - 5, RIGHTWARD,
			text_size(i * cells->row * cells->bytes).s);
}

static void swatch_print(int x, int y, enum map_key key, char letter)
{
	printf("<rect x=\"%d\" y=\"%d\" width=\"16\" height=\"14\" fill=\"%s\"/>\n", x, y - 11,
	       key_colour(key));
	if (letter)
		printf("<text x=\"%d\" y=\"%d\" fill=\"#fff\" text-anchor=\"middle\">%c</text>\n",
		       x + 8, y, letter);
}

static void client_print(int y, const struct map_client *client, int i)
{
	swatch_print(LEFT, y, KEY_CLIENT + i, 'A' + i);
	text_at(LEFT + 110, y, RIGHTWARD, text_number(client->id).s);
	text_at(LEFT + 190, y, RIGHTWARD, client->pid ? text_number(client->pid).s : "-");
	text_at(LEFT + 210, y, LEFTWARD, client->comm);
	text_at(LEFT + 460, y, RIGHTWARD, text_size(client->bytes).s);
	text_at(LEFT + 540, y, RIGHTWARD, text_number(client->buffers).s);
	text_at(LEFT + 660, y, RIGHTWARD, text_size(client->quarantined).s);
}

static int others_print(int y, const struct map *map)
{
	char text[64];

	snprintf(text, sizeof(text), "%u others", map->nr_clients - MAP_LETTERS);
	swatch_print(LEFT, y, KEY_OTHERS, 0);
	text_at(LEFT + 32, y, LEFTWARD, text);
	return y + LINE_STEP;
}

static int clients_print(int y, const struct map *map)
{
	unsigned int i;

	if (!map->nr_clients)
		return y;
	text_at(LEFT + 110, y, RIGHTWARD, "client");
	text_at(LEFT + 190, y, RIGHTWARD, "pid");
	text_at(LEFT + 210, y, LEFTWARD, "command");
	text_at(LEFT + 460, y, RIGHTWARD, "bytes");
	text_at(LEFT + 540, y, RIGHTWARD, "buffers");
	text_at(LEFT + 660, y, RIGHTWARD, "quarantined");
	y += LINE_STEP;
	for (i = 0; i < map->nr_clients && i < MAP_LETTERS; i++, y += LINE_STEP)
		client_print(y, &map->clients[i], i);
	return map->nr_clients > MAP_LETTERS ? others_print(y, map) : y;
}

static void keys_print(int y)
{
	static const struct {
		enum map_key key;
		const char *name;
	} keys[] = {
		{ KEY_SHARED, "shared" }, { KEY_QUARANTINED, "quarantined" }, { KEY_FREE, "free" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		swatch_print(LEFT + 130 * i, y, keys[i].key, 0);
		text_at(LEFT + 130 * i + 24, y, LEFTWARD, keys[i].name);
	}
	text_at(LEFT + 130 * i, y, LEFTWARD, "pale: not all of the cell");
}

static void totals_print(int y, const struct map *map)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "used %s (%s), quarantined %s, free %s, largest free %s, fragmentation %.1f %%",
		 text_size(map->used).s, text_percent(map->used, map->capacity).s,
		 text_size(map->quarantined).s, text_size(map->free).s,
		 text_size(map->largest_free).s, 100 * map_fragmentation(map));
	text_at(LEFT, y, LEFTWARD, text);
}

static void svg_print(const struct svg *svg)
{
	const struct map *map = svg->map;
	unsigned int lines = map->nr_clients;
	int y = TOP + rows(svg) * ROW_STEP + 2 * LINE_STEP;
	char title[128];

	if (lines > MAP_LETTERS)
		lines = MAP_LETTERS + 1;
	snprintf(title, sizeof(title), "Pool %s, %s, each cell %s", map->name,
		 text_size(map->capacity).s, text_size(svg->cells->bytes).s);
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"monospace\" font-size=\"12\">\n<title>",
	       LEFT + MAP_WIDTH + 24, y + (int)(lines + 4) * LINE_STEP);
	put_text(title);
	puts("</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
	text_at(LEFT, 24, " font-size=\"16\" font-weight=\"bold\"", title);
	scale_print(svg);
	cells_print(svg);
	letters_print(svg);
	y = clients_print(y, map);
	keys_print(y + LINE_STEP);
	totals_print(y + 2 * LINE_STEP + LINE_STEP / 2, map);
	puts("</svg>");
}

/* Returns 0 or -ENOMEM */
int map_print_svg(const struct map *map)
{
	struct map_cells cells;
	struct svg svg = { .map = map, .cells = &cells };

	if (map_divide(map, ROW_CELLS, MAP_ROWS, &cells))
		return -ENOMEM;
	if (cells.count < cells.row)
		cells.row = cells.count;
	svg.cell_width = (double)MAP_WIDTH / cells.row;
	svg_print(&svg);
	free(cells.cells);
	return 0;
}
