// SPDX-License-Identifier: GPL-2.0
/*
 * What workers do over netlink
 */
#include "fuzz.h"
#include "../netlink.h"

static struct nl nl;

static void put_pool(struct nlmsghdr *msg, const struct fz_mailbox *box)
{
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, box->pool);
}

static int pool_new(const struct fz_mailbox *box)
{
	struct nlmsghdr *msg = nl_request(&nl, PINPOOL_NL_CMD_POOL_NEW);

	put_pool(msg, box);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, box->op.arg[1]);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, box->op.arg[2]);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_ZERO, box->op.arg[3]);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, box->op.arg[4]);
	return nl_talk(&nl, msg, NULL, NULL);
}

static void told_client(const struct nlmsghdr *msg, struct fz_told *told)
{
	const struct nlattr *attrs[NL_ATTRS];

	nl_attrs(msg, attrs);
	*told = (struct fz_told) {
		.client = nl_u64(attrs[PINPOOL_A_CLIENT_ID]),
		.handle = nl_u64(attrs[PINPOOL_A_CLIENT_BUFFERS]),
		.length = nl_u64(attrs[PINPOOL_A_CLIENT_REQUESTED]),
		.extent = nl_u64(attrs[PINPOOL_A_CLIENT_USED]),
		.state = nl_u64(attrs[PINPOOL_A_CLIENT_SHARES]),
	};
}

static void told_buffer(const struct nlmsghdr *msg, struct fz_told *told)
{
	const struct nlattr *attrs[NL_ATTRS];

	nl_attrs(msg, attrs);
	*told = (struct fz_told) {
		.client = attrs[PINPOOL_A_BUFFER_CLIENT] ?
			  nl_u64(attrs[PINPOOL_A_BUFFER_CLIENT]) : 0,
		.handle = nl_u64(attrs[PINPOOL_A_BUFFER_HANDLE]),
		.offset = nl_u64(attrs[PINPOOL_A_BUFFER_OFFSET]),
		.length = nl_u64(attrs[PINPOOL_A_BUFFER_LENGTH]),
		.extent = nl_u64(attrs[PINPOOL_A_BUFFER_EXTENT]),
		.state = nl_u32(attrs[PINPOOL_A_BUFFER_STATE]),
	};
}

static void dump_reply(const struct nlmsghdr *msg, void *data)
{
	struct fz_mailbox *box = data;

	if (box->done >= FZ_TOLD)
		return;
	if (nl_cmd(msg) == PINPOOL_NL_CMD_CLIENT_GET)
		told_client(msg, &box->told[box->done++]);
	else if (nl_cmd(msg) == PINPOOL_NL_CMD_BUFFER_GET)
		told_buffer(msg, &box->told[box->done++]);
}

static int dump(struct fz_mailbox *box)
{
	struct nlmsghdr *msg;

	switch (box->op.arg[1] % 3) {
	case 0:
		msg = nl_dump(&nl, PINPOOL_NL_CMD_POOL_GET);
		break;
	case 1:
		msg = nl_dump(&nl, PINPOOL_NL_CMD_CLIENT_GET);
		mnl_attr_put_strz(msg, PINPOOL_A_CLIENT_POOL, box->pool);
		break;
	default:
		msg = nl_dump(&nl, PINPOOL_NL_CMD_BUFFER_GET);
		mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, box->pool);
	}
	return nl_talk(&nl, msg, dump_reply, box);
}

void fz_do_netlink(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	const uint64_t *arg = box->op.arg;

	box->ret = nl.sock ? 0 : nl_open(&nl);
	if (box->ret)
		return;
	switch (box->op.kind) {
	case FZ_POOL_NEW:
		box->ret = pool_new(box);
		break;
	case FZ_POOL_SET:
		box->ret = nl_set_capacity(&nl, box->pool, arg[1]);
		break;
	case FZ_POOL_LIMIT:
		box->ret = nl_set_limit(&nl, box->pool, PINPOOL_A_LIMITS_CLIENT_BYTES + arg[1] % 5,
					arg[2]);
		break;
	case FZ_POOL_MARKS:
		box->ret = nl_set_watermarks(&nl, box->pool, arg[1], arg[2]);
		break;
	case FZ_POOL_DEL:
		box->ret = nl_pool_del(&nl, box->pool, arg[1] % 2);
		break;
	default:
		box->ret = dump(box);
	}
}
