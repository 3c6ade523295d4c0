/* SPDX-License-Identifier: GPL-2.0 */
/* The store of blocks, its readers, and what they tell each other */
#ifndef KV_H
#define KV_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "../clients/verbs.h"

struct kv_kind {
	uint64_t size;
	unsigned int count;
};

#define KV_KINDS	5
#define KV_BLOCKS	362	/* of all kinds, in the order of their kinds */

extern const struct kv_kind kv_kinds[KV_KINDS];

/**
 * struct kv_block - What the store publishes of a block; its key is its index
 * @place: Where to read it by RDMA
 * @size: In bytes
 * @checksum: CRC-32
 */
struct kv_block {
	struct verbs_remote place;
	uint64_t size;
	uint32_t checksum;
};

/* What the store tells who gave it his verbs_address */
struct kv_catalog {
	struct verbs_address store;
	struct kv_block blocks[KV_BLOCKS];
};

uint32_t kv_checksum(const void *data, size_t length);

/* Whole messages or none; whether they got through */
int kv_send(int fd, const void *message, size_t length);
int kv_receive(int fd, void *message, size_t length);

/**
 * kv_store() - Be a store: never returns
 * @pool: Where its blocks are
 * @listener: A socket; one reader at a time is served
 * @director: Gets an int, 0, when all blocks are there
 */
__attribute__((noreturn))
void kv_store(const char *pool, int listener, int director);

/**
 * kv_reader() - Read all blocks once, then the largest again and again
 * @pool: Where it reads them to
 * @store: The store's address
 * @loud: Print a table
 * @director: Gets an int, how many blocks were wrong; then 0 for each more that
 *            was read; then, when the store is gone, an enum ibv_wc_status
 *
 * Returns once the store is gone, with nothing left of what it had in the pool.
 */
void kv_reader(const char *pool, const struct sockaddr_in *store, int loud, int director);

#endif /* KV_H */
