// SPDX-License-Identifier: GPL-2.0
/*
 * A map in characters
 *
 * With colours, cells that are all of one client have the client's colour, and the
 * first of them its letter. What is mixed is shaded: in the colour of most of it, on
 * that of most of the rest. Without colours all cells are letters, and those of what
 * is mixed are small.
 */
#include <errno.h>
#include <stdlib.h>

#include "grid.h"
#include "map.h"
#include "text.h"
#include "tool.h"

/* As many rows as a terminal has place for beside a legend */
#define MAP_ROWS	16

/* Columns for the offset of a row */
#define LABEL_WIDTH	11

/* Offsets are told at every so many cells */
#define TICK		16

struct picture {
	struct grid grid;
	bool colours;
	bool utf8;
};

static char key_letter(enum map_key key, bool mixed)
{
	static const char whole[] = { '.', '=', '#', '@' };
	static const char most[] = { ':', '-', '+', 'o' };

	if (key >= KEY_CLIENT)
		return (mixed ? 'a' : 'A') + key - KEY_CLIENT;
	return mixed ? most[key] : whole[key];
}

static enum colour key_colour(enum map_key key)
{
	static const enum colour others[] = {
		COLOUR_NONE, COLOUR_WHITE, COLOUR_RED, COLOUR_BRIGHT(COLOUR_BLACK),
	};
	static const enum colour clients[] = {
		COLOUR_GREEN, COLOUR_YELLOW, COLOUR_CYAN, COLOUR_MAGENTA, COLOUR_BLUE,
		COLOUR_BRIGHT(COLOUR_GREEN), COLOUR_BRIGHT(COLOUR_YELLOW),
		COLOUR_BRIGHT(COLOUR_CYAN), COLOUR_BRIGHT(COLOUR_MAGENTA),
		COLOUR_BRIGHT(COLOUR_BLUE),
	};

	if (key < KEY_CLIENT)
		return others[key];
	return clients[(key - KEY_CLIENT) % ARRAY_SIZE(clients)];
}

static struct paint key_paint(const struct picture *p, enum map_key key)
{
	struct paint paint = { .fg = COLOUR_BLACK, .bg = key_colour(key) };

	if (!p->colours)
		return paint_none;
	return key == KEY_FREE ? paint_dim : paint;
}

static const char *shade(const struct map_cell *cell)
{
	if (cell->key == KEY_FREE || cell->parts < 4)
		return "░";
	return cell->parts < 6 ? "▒" : "▓";
}

static void mixed_draw(struct picture *p, int row, int column, const struct map_cell *cell)
{
	struct paint paint = { .fg = key_colour(cell->key), .bg = key_colour(cell->second) };
	char letter[] = { key_letter(cell->key, true), 0 };

	/* Nothing has no colour: what little there is in it shows. */
	if (cell->key == KEY_FREE)
		paint = (struct paint){ .fg = key_colour(cell->second) };
	if (p->colours && p->utf8)
		grid_glyph(&p->grid, row, column, paint, shade(cell));
	else
		grid_glyph(&p->grid, row, column,
			   p->colours ? (struct paint){ .fg = paint.fg } : paint_none, letter);
}

/* @first: the cell before is none of the same */
static void whole_draw(struct picture *p, int row, int column, enum map_key key, bool first)
{
	char letter[] = { key_letter(key, false), 0 };
	const char *glyph = letter;

	if (key == KEY_FREE && p->utf8)
		glyph = "·";
	else if (key != KEY_FREE && p->colours && !first)
		glyph = " ";
	grid_glyph(&p->grid, row, column, key_paint(p, key), glyph);
}

static void cells_draw(struct picture *p, int row, const struct map_cells *cells)
{
	const struct map_cell *cell, *last;
	unsigned int i, column;

	for (i = 0; i < cells->count; i++) {
		column = i % cells->row;
		cell = &cells->cells[i];
		last = column ? cell - 1 : NULL;
		if (!column)
			grid_right(&p->grid, row + i / cells->row, LABEL_WIDTH - 1, paint_dim, "%s",
				   text_size(i * cells->bytes).s);
		if (cell->mixed)
			mixed_draw(p, row + i / cells->row, LABEL_WIDTH + column, cell);
		else
			whole_draw(p, row + i / cells->row, LABEL_WIDTH + column, cell->key,
				   !last || last->mixed || last->key != cell->key);
	}
}

static void scale_draw(struct picture *p, int row, const struct map_cells *cells)
{
	unsigned int i;

	for (i = TICK; i + TICK / 2 <= cells->row && i < cells->count; i += TICK)
		grid_text(&p->grid, row, LABEL_WIDTH + i, paint_dim, "+%s",
			  text_size(i * cells->bytes).s);
}

static void client_draw(struct picture *p, int row, const struct map_client *client,
			enum map_key key)
{
	struct grid *grid = &p->grid;

	whole_draw(p, row, 0, key, true);
	grid_right(grid, row, 10, paint_none, "%llu", (unsigned long long)client->id);
	if (client->pid)
		grid_right(grid, row, 19, paint_none, "%u", client->pid);
	else
		grid_right(grid, row, 19, paint_none, "-");
	grid_text(grid, row, 21, paint_none, "%.16s", client->comm);
	grid_right(grid, row, 49, paint_none, "%s", text_size(client->bytes).s);
	grid_right(grid, row, 58, paint_none, "%llu", (unsigned long long)client->buffers);
	grid_right(grid, row, 71, paint_none, "%s", text_size(client->quarantined).s);
}

/* Those without a letter, in one line */
static void others_draw(struct picture *p, int row, const struct map *map)
{
	uint64_t bytes = 0, buffers = 0, quarantined = 0;
	struct grid *grid = &p->grid;
	unsigned int i;

	for (i = MAP_LETTERS; i < map->nr_clients; i++) {
		bytes += map->clients[i].bytes;
		buffers += map->clients[i].buffers;
		quarantined += map->clients[i].quarantined;
	}
	whole_draw(p, row, 0, KEY_OTHERS, true);
	grid_text(grid, row, 3, paint_none, "%u others", map->nr_clients - MAP_LETTERS);
	grid_right(grid, row, 49, paint_none, "%s", text_size(bytes).s);
	grid_right(grid, row, 58, paint_none, "%llu", (unsigned long long)buffers);
	grid_right(grid, row, 71, paint_none, "%s", text_size(quarantined).s);
}

static int clients_draw(struct picture *p, int row, const struct map *map)
{
	struct grid *grid = &p->grid;
	unsigned int i;

	if (!map->nr_clients)
		return row;
	grid_right(grid, row, 10, paint_bold, "CLIENT");
	grid_right(grid, row, 19, paint_bold, "PID");
	grid_text(grid, row, 21, paint_bold, "COMMAND");
	grid_right(grid, row, 49, paint_bold, "BYTES");
	grid_right(grid, row, 58, paint_bold, "BUFFERS");
	grid_right(grid, row, 71, paint_bold, "QUARANTINED");
	row++;
	for (i = 0; i < map->nr_clients && i < MAP_LETTERS; i++)
		client_draw(p, row++, &map->clients[i], KEY_CLIENT + i);
	if (map->nr_clients > MAP_LETTERS)
		others_draw(p, row++, map);
	return row + 1;
}

static int key_draw(struct picture *p, int row, int column, enum map_key key, const char *name)
{
	whole_draw(p, row, column, key, true);
	return grid_text(&p->grid, row, column + 2, paint_none, "%s   ", name);
}

static int keys_draw(struct picture *p, int row)
{
	int column = 0;

	column = key_draw(p, row, column, KEY_SHARED, "shared");
	column = key_draw(p, row, column, KEY_QUARANTINED, "quarantined");
	column = key_draw(p, row, column, KEY_FREE, "free");
	if (p->colours && p->utf8) {
		grid_glyph(&p->grid, row, column, paint_none, "▒");
		grid_text(&p->grid, row, column + 2, paint_none, "mixed");
	} else {
		grid_text(&p->grid, row, column, paint_none,
			  "a b - + : not all of the cell");
	}
	return row + 1;
}

static void totals_draw(struct picture *p, int row, const struct map *map)
{
	struct grid *grid = &p->grid;

	grid_text(grid, row, 0, paint_none, "used %s (%s), quarantined %s, free %s",
		  text_size(map->used).s, text_percent(map->used, map->capacity).s,
		  text_size(map->quarantined).s, text_size(map->free).s);
	grid_text(grid, row + 1, 0, paint_none, "largest free %s, fragmentation %.1f %%",
		  text_size(map->largest_free).s, 100 * map_fragmentation(map));
}

static void picture_draw(struct picture *p, const struct map *map, const struct map_cells *cells)
{
	int column, row;

	column = grid_text(&p->grid, 0, 0, paint_bold, "%s", map->name);
	grid_text(&p->grid, 0, column, paint_none, "  %s, each cell %s",
		  text_size(map->capacity).s, text_size(cells->bytes).s);
	scale_draw(p, 1, cells);
	cells_draw(p, 2, cells);
	row = 2 + (cells->count - 1) / cells->row + 2;
	row = clients_draw(p, row, map);
	row = keys_draw(p, row);
	totals_draw(p, row, map);
}

/* Returns 0 or -ENOMEM */
int map_print_text(const struct map *map, int width, bool colours, bool utf8)
{
	struct picture p = { .colours = colours, .utf8 = utf8 };
	struct map_cells cells;
	int ret;

	ret = map_divide(map, (width - LABEL_WIDTH) / TICK * TICK, MAP_ROWS, &cells);
	if (ret)
		return ret;
	grid_init(&p.grid, width);
	picture_draw(&p, map, &cells);
	if (p.grid.failed)
		ret = -ENOMEM;
	else
		grid_print(&p.grid, stdout, colours, "\n");
	grid_free(&p.grid);
	free(cells.cells);
	return ret;
}
