/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Who takes part in any case, and a wrapper
 */
#ifndef PEERS_H
#define PEERS_H

#include "bench_peer.h"

extern const struct bench_peer null_peer;
extern const struct bench_peer offset_alloc_peer;

#define SCATTER_EXTENTS	4

/* Makes a peer scatter whatever it allocates, see peer_scatter.c. */
void *scatter_create(const struct bench_peer *peer, uint64_t capacity, uint64_t max_live);
extern const struct bench_peer scatter_peer;

#endif /* PEERS_H */
