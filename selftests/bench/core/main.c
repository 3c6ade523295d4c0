// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The benchmark of the offset allocator: see README.md
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counts.h"
#include "peers.h"
#include "published.h"
#include "rows.h"
#include "table.h"

static struct entrants entrants = {
	.peers = {
		[NULL_ENTRANT] = &null_peer,
		[OURS] = &offset_alloc_peer,
	},
	.nr = 2,
};

static const char usage[] =
	"usage: bench_core [-c] [-q] [-d FILE] [-i FILE] [-t FILE] [-p PEER.so]... [SECTION [SIZE]]\n"
	"  -c  count instructions: to be run under callgrind\n"
	"  -q  quick: a tenth of the operations\n"
	"  -d  write the figures to FILE, as tab-separated values\n"
	"  -i  read counted instructions from FILE\n"
	"  -t  read published figures from FILE\n"
	"  -p  one more allocator\n";

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_core: %s: %s\n", what, why);
	exit(2);
}

static void load_peer(const char *path)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct bench_peer *peer;

	if (!object)
		die(path, dlerror());
	peer = dlsym(object, "bench_peer");
	if (!peer)
		die(path, "no symbol bench_peer");
	if (entrants.nr == MAX_ENTRANTS)
		die(path, "too many peers");
	entrants.peers[entrants.nr++] = peer;
}

static void progress(const struct row *row, size_t done, size_t nr)
{
	static const char *section;

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[Kbench-core: %zu of %zu: %s %" PRIu64 "\r", done + 1, nr,
			row->section, row->size);
	else if (section != row->section)
		fprintf(stderr, "bench-core: %zu of %zu: %s\n", done + 1, nr, row->section);
	section = row->section;
}

/* Only the rows that were asked for */
static size_t choose(struct row *rows, size_t nr, const char *section, const char *size)
{
	size_t i, kept = 0;

	for (i = 0; i < nr; i++) {
		if ((!section || !strcmp(section, rows[i].section)) &&
		    (!size || strtoull(size, NULL, 0) == rows[i].size))
			rows[kept++] = rows[i];
	}
	return kept;
}

static void run(const struct row *rows, size_t nr, FILE *data)
{
	static struct outcome outcomes[MAX_ROWS];
	size_t first = 0, i;

	for (i = 0; i < nr; i++) {
		progress(&rows[i], i, nr);
		outcomes[i].row = &rows[i];
		measure_row(&rows[i], &entrants, outcomes[i].results);
		if (data)
			table_data(data, &outcomes[i], &entrants);
		if (i + 1 < nr && !strcmp(rows[i].section, rows[i + 1].section))
			continue;
		table_section(outcomes + first, i + 1 - first, &entrants);
		first = i + 1;
	}
	summary(outcomes, nr, &entrants);
}

int main(int argc, char **argv)
{
	static struct row rows[MAX_ROWS];
	bool count = false, quick = false;
	FILE *data = NULL;
	size_t nr, i;
	int option;

	while ((option = getopt(argc, argv, "cqd:i:t:p:")) != -1) {
		switch (option) {
		case 'c':
			count = true;
			break;
		case 'q':
			quick = true;
			break;
		case 'd':
			data = fopen(optarg, "w");
			if (!data)
				die(optarg, "can't be written");
			break;
		case 'i':
			if (!counts_load(optarg))
				die(optarg, "can't be read");
			break;
		case 't':
			if (!published_load(optarg))
				die(optarg, "can't be read");
			break;
		case 'p':
			load_peer(optarg);
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	nr = rows_make(rows, quick);
	nr = choose(rows, nr, argv[optind], argv[optind] ? argv[optind + 1] : NULL);
	if (!nr)
		die(argv[optind], "no such row");
	if (!count) {
		run(rows, nr, data);
		return data && fclose(data);
	}
	for (i = 0; i < nr; i++) {
		progress(&rows[i], i, nr);
		count_row(&rows[i], &entrants);
	}
	return 0;
}
