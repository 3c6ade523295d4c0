// SPDX-License-Identifier: GPL-2.0
/* A reader: gets blocks out of the store's pool straight into its own */
#include "kv.h"
#include "show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct reader {
	struct pinpool *pool;
	struct verbs verbs;
	struct kv_catalog catalog;
	double transfer_time;
};

static void join_store(struct reader *reader, const struct sockaddr_in *store)
{
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct verbs_address own;
	int err;

	if (sock < 0 || connect(sock, (const struct sockaddr *)store, sizeof(*store)))
		die("the store", errno);
	err = verbs_open(&reader->verbs, verbs_devices() - 1);
	if (!err)
		err = verbs_address(&reader->verbs, &own);
	if (err)
		die("RDMA device of the reader", err);
	if (!kv_send(sock, &own, sizeof(own)) ||
	    !kv_receive(sock, &reader->catalog, sizeof(reader->catalog)))
		die("the store's catalog", EPIPE);
	err = verbs_connect(&reader->verbs, &reader->catalog.store);
	if (err)
		die("connecting to the store", err);
	/* The socket stays open: by it the store knows that there is a reader. */
}

/* Returns 0, -EILSEQ for a wrong checksum, or the status of a failed transfer. */
static int read_block(struct reader *reader, const struct kv_block *block)
{
	struct pinpool_buf buf;
	struct ibv_mr *mr;
	double start;
	void *data;
	int err;

	err = pinpool_alloc(reader->pool, block->size, 0, &buf);
	if (err)
		die("a buffer of the reader", err);
	data = pinpool_ptr(reader->pool, &buf);
	mr = ibv_reg_mr(reader->verbs.pd, data, block->size, IBV_ACCESS_LOCAL_WRITE);
	if (!mr)
		die("ibv_reg_mr", errno);
	start = seconds();
	err = verbs_transfer(&reader->verbs, IBV_WR_RDMA_READ, mr, data, &block->place,
			     block->size);
	reader->transfer_time += seconds() - start;
	if (!err && kv_checksum(data, block->size) != block->checksum)
		err = -EILSEQ;
	ibv_dereg_mr(mr);
	pinpool_free(reader->pool, buf.handle);
	return err;
}

/* Returns how many were wrong. */
static int read_kind(struct reader *reader, const struct kv_kind *kind,
		     const struct kv_block *blocks, int loud)
{
	double mib = kind->size * kind->count / MIB;
	unsigned int i;
	int bad = 0;

	reader->transfer_time = 0;
	for (i = 0; i < kind->count; i++)
		bad += !!read_block(reader, &blocks[i]);
	if (loud)
		printf("   %10.1f KiB %7u %8.1f %8.1f   %u of %u\n", kind->size / 1024.0,
		       kind->count, mib, mib / reader->transfer_time, kind->count - bad,
		       kind->count);
	return bad;
}

void kv_reader(const char *pool, const struct sockaddr_in *store, int loud, int director)
{
	static struct reader reader;
	const struct kv_block *block = reader.catalog.blocks;
	int i, bad = 0, err;

	reader.pool = open_pool(pool);
	join_store(&reader, store);
	if (loud)
		printf("       block size  blocks      MiB    MiB/s   right checksums\n");
	for (i = 0; i < KV_KINDS; i++) {
		bad += read_kind(&reader, &kv_kinds[i], block, loud);
		block += kv_kinds[i].count;
	}
	fflush(stdout);
	kv_send(director, &bad, sizeof(bad));
	do {
		err = read_block(&reader, &reader.catalog.blocks[KV_BLOCKS - 1]);
		kv_send(director, &err, sizeof(err));
	} while (!err);
	verbs_close(&reader.verbs);
	pinpool_close(reader.pool);
}
