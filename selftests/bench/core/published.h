/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What others have published: see published.tsv
 */
#ifndef PUBLISHED_H
#define PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

/* Fractions of the region, nanoseconds; NAN: not published */
struct published {
	double min;
	double avg;
	double p99;
	double p90;
	double ns;
};

bool published_load(const char *path);
struct published published_find(const char *section, uint64_t size, const char *which);

#endif /* PUBLISHED_H */
