/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A rectangle of characters with colours, drawn in any order and printed once
 */
#ifndef PINPOOL_TOOL_GRID_H
#define PINPOOL_TOOL_GRID_H

#include <stdbool.h>
#include <stdio.h>

/* Those that every terminal has, as its user has chosen them */
enum colour {
	COLOUR_NONE,
	COLOUR_BLACK,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
	COLOUR_MAGENTA,
	COLOUR_CYAN,
	COLOUR_WHITE,
};

#define COLOUR_BRIGHT(colour)	((colour) + COLOUR_WHITE)

/**
 * struct paint - How a character looks
 * @fg: Its colour
 * @bg: What is behind it
 * @bold: Whether it is bold
 */
struct paint {
	unsigned char fg;
	unsigned char bg;
	bool bold;
};

extern const struct paint paint_none;
extern const struct paint paint_bold;
extern const struct paint paint_dim;
extern const struct paint paint_bad;
extern const struct paint paint_good;

struct grid_cell {
	char glyph[4];
	struct paint paint;
};

/**
 * struct grid - The rectangle
 * @width: Columns; what is drawn behind the last is not there
 * @rows: As many as were drawn on
 * @failed: Out of memory, so that rows are missing
 */
struct grid {
	int width;
	int rows;
	bool failed;
	int room;
	struct grid_cell *cells;
};

void grid_init(struct grid *grid, int width);
void grid_free(struct grid *grid);
void grid_glyph(struct grid *grid, int row, int column, struct paint paint, const char *glyph);
int grid_text(struct grid *grid, int row, int column, struct paint paint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
int grid_right(struct grid *grid, int row, int column, struct paint paint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void grid_print(const struct grid *grid, FILE *file, bool colours, const char *end);

#endif /* PINPOOL_TOOL_GRID_H */
