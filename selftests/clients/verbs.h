/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test needs of RDMA: two connected endpoints, and one-sided transfers
 * that are waited for
 */
#ifndef VERBS_H
#define VERBS_H

#include <infiniband/verbs.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct verbs - One end of a reliable connection
 * @context: The device
 * @channel: Tells when a transfer has ended
 * @max_length: The longest message of the device
 * @gid_index: Of the address that others reach the device by
 */
struct verbs {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	uint32_t max_length;
	int gid_index;
};

/* What the other end has to know */
struct verbs_address {
	union ibv_gid gid;
	uint32_t qp_num;
};

/* How many RDMA devices there are */
int verbs_devices(void);

/**
 * verbs_open() - Make an endpoint that is not connected yet
 * @v: out: The endpoint
 * @device: Which device, from 0
 *
 * Not to be passed on by fork(): the process that calls it must use it.
 * Returns 0 or a negative errno.
 */
int verbs_open(struct verbs *v, int device);
void verbs_close(struct verbs *v);

/* Once both ends know the other's address. Ends the connection that there was. */
int verbs_address(const struct verbs *v, struct verbs_address *address);
int verbs_connect(struct verbs *v, const struct verbs_address *peer);

/* A place in the peer's memory */
struct verbs_remote {
	uint64_t address;
	uint32_t rkey;
};

/**
 * verbs_transfer() - Write to a peer's memory, or read from it, and wait
 * @v: The endpoint, connected
 * @opcode: IBV_WR_RDMA_WRITE or IBV_WR_RDMA_READ
 * @mr: Of the local memory
 * @local: Within @mr
 * @remote: The peer's
 * @length: Bytes; more than a message can have are sent in several
 *
 * Returns 0, the enum ibv_wc_status with which it failed, or a negative errno.
 * After a failure the endpoint must be connected anew.
 */
int verbs_transfer(struct verbs *v, enum ibv_wr_opcode opcode, const struct ibv_mr *mr,
		   void *local, const struct verbs_remote *remote, size_t length);

#endif /* VERBS_H */
