/* SPDX-License-Identifier: GPL-2.0 */
/* What the demos have in common: how they tell a person what they find */
#ifndef SHOW_H
#define SHOW_H

#include <stdbool.h>

#include "pinpool.h"

#define MIB	(1024.0 * 1024)

/* End the program for want of something; @err is an errno, of either sign */
__attribute__((noreturn))
void die(const char *what, int err);

/* A line of output: what held, or didn't */
__attribute__((format(printf, 2, 3)))
void verdict(bool ok, const char *format, ...);

/* Those of another process, who printed them */
void count_failures(int count);

/* The last line of output. Returns the program's exit status. */
int conclusion(void);

double seconds(void);

struct pinpool *open_pool(const char *name);
struct pinpool_stats get_stats(struct pinpool *pool);

/* Take the whole pool and look for anything that others left in it */
void successor(struct pinpool *pool);

#endif /* SHOW_H */
