/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What `make bench-core` asks of an allocator
 *
 * A shared object that exports one symbol, bench_peer, takes part by
 * `make bench-core PEER=/path/to/peer.so`; README.md has an example.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdint.h>

/**
 * struct bench_peer - An allocator of offsets
 * @name: One word, for the tables
 * @create: Make an allocator that divides [0, @capacity), for up to @max_live
 *          extents at once; NULL if it can't
 * @alloc: Allocate an extent of @size units: its handle, or 0 and nothing changed
 *         where none is free
 * @free: Free the extent that a handle names
 * @scatter: Allocate @size units in up to @max extents: their number and the
 *           handle of each, or -1 and nothing changed; NULL if it never does so
 * @metadata: Bytes of memory that the allocator takes for itself at the moment,
 *            reserved or touched; NULL if unknown
 * @destroy: Free the allocator, which may have extents in use
 *
 * A handle is any 64 bits but 0. All calls come from one thread.
 */
struct bench_peer {
	const char *name;
	void *(*create)(uint64_t capacity, uint64_t max_live);
	uint64_t (*alloc)(void *allocator, uint64_t size);
	void (*free)(void *allocator, uint64_t handle);
	int (*scatter)(void *allocator, uint64_t size, uint64_t *handles, int max);
	uint64_t (*metadata)(void *allocator);
	void (*destroy)(void *allocator);
};

extern const struct bench_peer bench_peer;

#endif /* BENCH_PEER_H */
