/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests with other people's programs share: a second client that takes
 * all of the pool it can get, and so notices who writes to memory that isn't his
 */
#ifndef STRANGER_H
#define STRANGER_H

#include "../pinpool_test.h"

#include <time.h>

#define STRANGER_SEED	1000

/* A client, with all that was free in the pool, filled with a pattern */
struct stranger {
	struct pp_client client;
	struct pinpool_buf bufs[256];
	size_t nr;
	uint64_t total;
	bool dirty;	/* It got memory that didn't hold zeroes. */
};

/* What a buffer of @length bytes has of the pool */
static inline uint64_t pp_extent(const struct pp_client *client, uint64_t length)
{
	return (length + client->granule - 1) & ~(client->granule - 1);
}

static inline bool stranger_takes(struct stranger *stranger)
{
	struct pinpool_stats stats;
	struct pinpool_buf *buf;
	char *memory;

	while (!pp_stats(stranger->client.fd, &stats) && stats.largest_free) {
		buf = &stranger->bufs[stranger->nr];
		if (stranger->nr == ARRAY_LEN(stranger->bufs) ||
		    pp_alloc(stranger->client.fd, stats.largest_free, 0, buf))
			return false;
		memory = stranger->client.window + buf->offset;
		if (!pp_is_zero(memory, buf->length))
			stranger->dirty = true;
		pp_fill(memory, buf->length, STRANGER_SEED + stranger->nr++);
		stranger->total += buf->length;
	}
	return true;
}

static inline bool stranger_comes(struct stranger *stranger)
{
	*stranger = (struct stranger){};
	return pp_client_open(&stranger->client) && stranger_takes(stranger);
}

static inline bool stranger_is_intact(const struct stranger *stranger)
{
	size_t i;

	for (i = 0; i < stranger->nr; i++)
		if (!pp_matches(stranger->client.window + stranger->bufs[i].offset,
				stranger->bufs[i].length, STRANGER_SEED + i))
			return false;
	return true;
}

static inline bool stranger_has_part_of(const struct stranger *stranger,
					const struct pinpool_buf *buf)
{
	size_t i;

	for (i = 0; i < stranger->nr; i++)
		if (stranger->bufs[i].offset < buf->offset + buf->length &&
		    buf->offset < stranger->bufs[i].offset + stranger->bufs[i].length)
			return true;
	return false;
}

/* Whether STATS come to tell of so many quarantined bytes, within some seconds */
static inline bool quarantine_becomes(int fd, uint64_t bytes)
{
	struct pinpool_stats stats;
	int tries = 10000;

	while (!pp_stats(fd, &stats) && stats.quarantined != bytes && tries--)
		usleep(1000);
	if (stats.quarantined == bytes && stats.quarantined_extents == !!bytes)
		return true;
	fprintf(stderr, "# %llu bytes in %llu extents are quarantined, not %llu\n",
		stats.quarantined, stats.quarantined_extents, (unsigned long long)bytes);
	return false;
}

/* Whether @buf, the length of which is its extent, is closed to all but its owner */
static inline bool is_quarantined(int fd, const struct pinpool_buf *buf)
{
	struct pinpool_stats stats;

	return !pp_stats(fd, &stats) && stats.quarantined == buf->length &&
	       stats.quarantined_extents == 1;
}

/*
 * After the pins of the only quarantined buffer are gone: the stranger gets its
 * memory, and zeroes in it.
 */
static inline bool stranger_gets_the_rest(struct stranger *stranger)
{
	return quarantine_becomes(stranger->client.fd, 0) && stranger_takes(stranger) &&
	       stranger->total == stranger->client.capacity && !stranger->dirty;
}

#endif /* STRANGER_H */
