/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The whole terminal, as long as it is open; given back as it was
 */
#ifndef PINPOOL_TOOL_SCREEN_H
#define PINPOOL_TOOL_SCREEN_H

#include "grid.h"

/* What screen_wait() returns but for a key */
enum {
	SCREEN_TIMEOUT = -1,
	SCREEN_RESIZED = -2,
	SCREEN_READABLE = -3,	/* The caller's descriptor */
	SCREEN_ENDED = -4,	/* By a signal, or the terminal is gone */
};

int screen_open(void);
void screen_close(void);
void screen_die(void);
void screen_size(int *rows, int *columns);
void screen_show(const struct grid *grid, bool colours);
int screen_wait(int fd, int milliseconds);

#endif /* PINPOOL_TOOL_SCREEN_H */
