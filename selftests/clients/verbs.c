// SPDX-License-Identifier: GPL-2.0
/*
 * A thin layer over libibverbs, for RoCE with IPv4 addresses
 */
#include "verbs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PORT		1
/* 4.096 us << 16 is 0.27 s: the guest may be slow, and the peer may be dead */
#define ACK_TIMEOUT	16
/* 7 is for ever, to soft-RoCE */
#define RETRIES		6
#define RIGHTS		(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)

int verbs_devices(void)
{
	struct ibv_device **list;
	int count = 0;

	list = ibv_get_device_list(&count);
	if (list)
		ibv_free_device_list(list);
	return count;
}

static struct ibv_context *open_device(int device)
{
	struct ibv_context *context = NULL;
	struct ibv_device **list;
	int count;

	list = ibv_get_device_list(&count);
	if (!list)
		return NULL;
	if (device < count)
		context = ibv_open_device(list[device]);
	else
		errno = ENODEV;
	ibv_free_device_list(list);
	return context;
}

static bool is_ipv4(const union ibv_gid *gid)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(gid->raw, prefix, sizeof(prefix));
}

static int find_gid(const struct verbs *v, int entries)
{
	union ibv_gid gid;
	int i;

	for (i = 0; i < entries; i++)
		if (!ibv_query_gid(v->context, PORT, i, &gid) && is_ipv4(&gid))
			return i;
	return -1;
}

static int create(struct verbs *v, int device)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = 1, .max_recv_wr = 1,
			.max_send_sge = 1, .max_recv_sge = 1,
		},
	};
	struct ibv_port_attr port;

	v->context = open_device(device);
	if (!v->context || ibv_query_port(v->context, PORT, &port))
		return -errno;
	v->max_length = port.max_msg_sz;
	v->gid_index = find_gid(v, port.gid_tbl_len);
	if (v->gid_index < 0)
		return -EADDRNOTAVAIL;
	v->pd = ibv_alloc_pd(v->context);
	if (!v->pd)
		return -errno;
	v->channel = ibv_create_comp_channel(v->context);
	if (!v->channel)
		return -errno;
	v->cq = ibv_create_cq(v->context, 1, NULL, v->channel, 0);
	if (!v->cq)
		return -errno;
	init.send_cq = v->cq;
	init.recv_cq = v->cq;
	v->qp = ibv_create_qp(v->pd, &init);
	return v->qp ? 0 : -errno;
}

int verbs_open(struct verbs *v, int device)
{
	int err;

	*v = (struct verbs){};
	err = create(v, device);
	if (err)
		verbs_close(v);
	return err;
}

void verbs_close(struct verbs *v)
{
	if (v->qp)
		ibv_destroy_qp(v->qp);
	if (v->cq)
		ibv_destroy_cq(v->cq);
	if (v->channel)
		ibv_destroy_comp_channel(v->channel);
	if (v->pd)
		ibv_dealloc_pd(v->pd);
	if (v->context)
		ibv_close_device(v->context);
}

int verbs_address(const struct verbs *v, struct verbs_address *address)
{
	address->qp_num = v->qp->qp_num;
	return ibv_query_gid(v->context, PORT, v->gid_index, &address->gid) ? -EIO : 0;
}

int verbs_connect(struct verbs *v, const struct verbs_address *peer)
{
	struct ibv_qp_attr attr = {
		.port_num = PORT,
		.qp_access_flags = RIGHTS,
		.path_mtu = IBV_MTU_4096,
		.dest_qp_num = peer->qp_num,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 1,
		.ah_attr = {
			.is_global = 1,
			.port_num = PORT,
			.grh = {
				.dgid = peer->gid,
				.sgid_index = v->gid_index,
				.hop_limit = 1,
			},
		},
		.timeout = ACK_TIMEOUT,
		.retry_cnt = RETRIES,
		.max_rd_atomic = 1,
	};
	int err;

	/* Whatever became of an earlier connection */
	attr.qp_state = IBV_QPS_RESET;
	err = ibv_modify_qp(v->qp, &attr, IBV_QP_STATE);
	if (err)
		return -err;
	attr.qp_state = IBV_QPS_INIT;
	err = ibv_modify_qp(v->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			    IBV_QP_ACCESS_FLAGS);
	if (err)
		return -err;
	attr.qp_state = IBV_QPS_RTR;
	err = ibv_modify_qp(v->qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
			    IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			    IBV_QP_MIN_RNR_TIMER);
	if (err)
		return -err;
	attr.qp_state = IBV_QPS_RTS;
	return -ibv_modify_qp(v->qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			      IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

/* For the end of the one transfer that is under way */
static int wait_completion(struct verbs *v)
{
	struct ibv_cq *cq;
	struct ibv_wc wc;
	void *cookie;
	int got;

	if (ibv_get_cq_event(v->channel, &cq, &cookie))
		return -errno;
	ibv_ack_cq_events(cq, 1);
	got = ibv_poll_cq(v->cq, 1, &wc);
	return got == 1 ? (int)wc.status : -EIO;
}

int verbs_transfer(struct verbs *v, enum ibv_wr_opcode opcode, const struct ibv_mr *mr,
		   void *local, const struct verbs_remote *remote, size_t length)
{
	struct ibv_sge sge = { .addr = (uintptr_t)local, .lkey = mr->lkey };
	struct ibv_send_wr wr = {
		.opcode = opcode, .send_flags = IBV_SEND_SIGNALED, .sg_list = &sge, .num_sge = 1,
		.wr.rdma = { .remote_addr = remote->address, .rkey = remote->rkey },
	};
	struct ibv_send_wr *bad;
	int err = 0;

	while (length && !err) {
		sge.length = length < v->max_length ? length : v->max_length;
		err = -ibv_req_notify_cq(v->cq, 0);
		if (!err)
			err = -ibv_post_send(v->qp, &wr, &bad);
		if (!err)
			err = wait_completion(v);
		sge.addr += sge.length;
		wr.wr.rdma.remote_addr += sge.length;
		length -= sge.length;
	}
	return err;
}
