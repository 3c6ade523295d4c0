/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What standard output can show
 */
#ifndef PINPOOL_TOOL_TERM_H
#define PINPOOL_TOOL_TERM_H

#include <stdbool.h>

bool term_colours(void);
bool term_utf8(void);
int term_width(void);
int term_width_or(int otherwise);

#endif /* PINPOOL_TOOL_TERM_H */
