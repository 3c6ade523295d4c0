// SPDX-License-Identifier: GPL-2.0
/* The store: blocks of random bytes in a pool, each of them a memory region */
#include "kv.h"
#include "show.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kv_catalog catalog;

static void fill(uint64_t *words, size_t length, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	/* The whole pages behind it are the store's, too. */
	for (i = 0; i < (length + 7) / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
}

static void make_block(struct pinpool *pool, const struct verbs *verbs, uint64_t size,
		       unsigned int key)
{
	struct pinpool_buf buf;
	struct ibv_mr *mr;
	char *data;
	int err;

	err = pinpool_alloc(pool, size, 0, &buf);
	if (err)
		die("a block for the store", err);
	data = pinpool_ptr(pool, &buf);
	fill((uint64_t *)data, size, key);
	mr = ibv_reg_mr(verbs->pd, data, size, IBV_ACCESS_REMOTE_READ);
	if (!mr)
		die("ibv_reg_mr", errno);
	catalog.blocks[key] = (struct kv_block){
		.place = { .address = (uintptr_t)data, .rkey = mr->rkey },
		.size = size,
		.checksum = kv_checksum(data, size),
	};
}

static void serve(struct verbs *verbs, int sock)
{
	struct verbs_address reader;
	char end;

	if (!kv_receive(sock, &reader, sizeof(reader)) || verbs_connect(verbs, &reader) ||
	    !kv_send(sock, &catalog, sizeof(catalog)))
		return;
	/* All else is between the reader and the RDMA device. */
	kv_receive(sock, &end, sizeof(end));
}

void kv_store(const char *pool_name, int listener, int director)
{
	struct pinpool *pool = open_pool(pool_name);
	unsigned int kind, i, key = 0;
	struct verbs verbs;
	int err, sock;

	err = verbs_open(&verbs, 0);
	if (!err)
		err = verbs_address(&verbs, &catalog.store);
	if (err)
		die("RDMA device of the store", err);
	for (kind = 0; kind < KV_KINDS; kind++)
		for (i = 0; i < kv_kinds[kind].count; i++)
			make_block(pool, &verbs, kv_kinds[kind].size, key++);
	kv_send(director, &(int){ 0 }, sizeof(int));
	for (;;) {
		sock = accept(listener, NULL, NULL);
		if (sock < 0)
			die("accept", errno);
		serve(&verbs, sock);
		close(sock);
	}
}
