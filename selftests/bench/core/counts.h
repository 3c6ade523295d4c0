/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Instructions per operation, as an earlier run under valgrind has found
 */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdbool.h>
#include <stdint.h>

bool counts_load(const char *path);
double counts_find(const char *section, uint64_t size, const char *peer);

#endif /* COUNTS_H */
