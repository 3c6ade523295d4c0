/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef ROWS_H
#define ROWS_H

#include <stddef.h>

#include "contest.h"

#define MAX_ROWS	80

size_t rows_make(struct row *rows, bool quick);

#endif /* ROWS_H */
