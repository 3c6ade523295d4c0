/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control plane in the hands of tests: requests of any shape by libmnl, and what
 * comes of them
 */
#ifndef PINPOOL_TEST_NETLINK_H
#define PINPOOL_TEST_NETLINK_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/pinpool_netlink.h>

/* More than any set of the family has */
#define NL_ATTRS	32

/* Long enough for any machine; no test that passes waits so long */
#define NL_SOON_MS	20000

/* A socket, and what its last request came to */
struct nl {
	struct mnl_socket *sock;
	unsigned int seq;
	uint16_t family;
	uint32_t events;
	uint32_t clients;
	char request[8192];
	char reply[65536];
	char error[256];	/* The kernel's words, or "" */
	int bad_offset;		/* Of the attribute that is wrong, or -1 */
	int missing;		/* The type of the one that is missing, or -1 */
	bool interrupted;	/* There was a change during the dump */
	bool at_end;		/* The error came at the end of a dump */
};

typedef void (*nl_reply_fn)(const struct nlmsghdr *msg, void *data);

static inline uint8_t nl_cmd(const struct nlmsghdr *msg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);

	return genl->cmd;
}

static inline void nl_nest(const struct nlattr *nest, const struct nlattr **attrs)
{
	const struct nlattr *attr;

	memset(attrs, 0, NL_ATTRS * sizeof(*attrs));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) < NL_ATTRS)
			attrs[mnl_attr_get_type(attr)] = attr;
}

static inline void nl_attrs(const struct nlmsghdr *msg, const struct nlattr **attrs)
{
	const struct nlattr *attr;

	memset(attrs, 0, NL_ATTRS * sizeof(*attrs));
	mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) < NL_ATTRS)
			attrs[mnl_attr_get_type(attr)] = attr;
}

/* The value of a number; all bits set if there is none */
static inline uint64_t nl_u64(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == 8 ? mnl_attr_get_u64(attr) : ~0ULL;
}

static inline uint32_t nl_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == 4 ? mnl_attr_get_u32(attr) : ~0U;
}

static inline const char *nl_string(const struct nlattr *attr)
{
	return attr ? mnl_attr_get_str(attr) : "";
}

/* A request to @family that attributes can be put behind */
static inline struct nlmsghdr *nl_message(struct nl *nl, uint16_t family, uint8_t cmd,
					  uint16_t flags)
{
	struct nlmsghdr *msg;
	struct genlmsghdr *genl;

	memset(nl->request, 0, sizeof(nl->request));
	msg = mnl_nlmsg_put_header(nl->request);
	msg->nlmsg_type = family;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	msg->nlmsg_seq = ++nl->seq;
	genl = mnl_nlmsg_put_extra_header(msg, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = PINPOOL_FAMILY_VERSION;
	return msg;
}

static inline struct nlmsghdr *nl_request(struct nl *nl, uint8_t cmd)
{
	return nl_message(nl, nl->family, cmd, 0);
}

static inline struct nlmsghdr *nl_dump(struct nl *nl, uint8_t cmd)
{
	return nl_message(nl, nl->family, cmd, NLM_F_DUMP);
}

/* What an error has to say besides its number */
static inline void nl_extack(struct nl *nl, const struct nlmsghdr *msg)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(msg);
	unsigned int skip = sizeof(*err);
	const struct nlattr *attr;

	/* At the end of a dump there is but the number. */
	if (msg->nlmsg_type == NLMSG_DONE)
		skip = sizeof(int);
	else if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&err->msg);
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, msg, skip) {
		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			snprintf(nl->error, sizeof(nl->error), "%s", mnl_attr_get_str(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			nl->bad_offset = mnl_attr_get_u32(attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			nl->missing = mnl_attr_get_u32(attr);
			break;
		}
	}
}

/* Which attribute the error is about: its type, as far as one can tell, or -1 */
static inline int nl_bad_attr(const struct nl *nl)
{
	const struct nlattr *attr;

	if (nl->missing >= 0)
		return nl->missing;
	if (nl->bad_offset < 0)
		return -1;
	attr = (const struct nlattr *)(nl->request + nl->bad_offset);
	return attr->nla_type & NLA_TYPE_MASK;
}

/* Returns 1 at the end, with *@err */
static inline int nl_receive(struct nl *nl, nl_reply_fn fn, void *data, int *err)
{
	int left = mnl_socket_recvfrom(nl->sock, nl->reply, sizeof(nl->reply));
	struct nlmsghdr *msg = (struct nlmsghdr *)nl->reply;

	if (left < 0) {
		*err = -errno;
		return 1;
	}
	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left)) {
		if (msg->nlmsg_seq != nl->seq)
			continue;
		nl->interrupted |= !!(msg->nlmsg_flags & NLM_F_DUMP_INTR);
		if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE) {
			*err = *(int *)mnl_nlmsg_get_payload(msg);
			nl->at_end = msg->nlmsg_type == NLMSG_DONE;
			nl_extack(nl, msg);
			return 1;
		}
		if (fn)
			fn(msg, data);
	}
	return 0;
}

/* Send a request; @fn gets each message that answers it. Returns 0 or a negative errno */
static inline int nl_talk(struct nl *nl, struct nlmsghdr *msg, nl_reply_fn fn, void *data)
{
	int err = 0;

	nl->error[0] = '\0';
	nl->bad_offset = -1;
	nl->missing = -1;
	nl->interrupted = false;
	if (mnl_socket_sendto(nl->sock, msg, msg->nlmsg_len) < 0)
		return -errno;
	while (!nl_receive(nl, fn, data, &err))
		;
	return err;
}

static inline void nl_family_reply(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS], *group[NL_ATTRS];
	const struct nlattr *nest;
	struct nl *nl = data;

	nl_attrs(msg, attrs);
	nl->family = mnl_attr_get_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	if (!attrs[CTRL_ATTR_MCAST_GROUPS])
		return;
	mnl_attr_for_each_nested(nest, attrs[CTRL_ATTR_MCAST_GROUPS]) {
		nl_nest(nest, group);
		if (!strcmp(nl_string(group[CTRL_ATTR_MCAST_GRP_NAME]), PINPOOL_MCGRP_EVENTS))
			nl->events = nl_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
		else
			nl->clients = nl_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static inline void nl_close(struct nl *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
}

/* Returns 0, or -ENOENT if there is no such family */
static inline int nl_open(struct nl *nl)
{
	static const int options[] = {
		NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK,
	};
	struct nlmsghdr *msg;
	int one = 1;
	size_t i;
	int err;

	memset(nl, 0, sizeof(*nl));
	nl->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl->sock)
		return -errno;
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (mnl_socket_setsockopt(nl->sock, options[i], &one, sizeof(one)) < 0)
			return -errno;
	msg = nl_message(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(msg, CTRL_ATTR_FAMILY_NAME, PINPOOL_FAMILY_NAME);
	err = nl_talk(nl, msg, nl_family_reply, nl);
	if (err)
		nl_close(nl);
	return err;
}

static inline int nl_listen(struct nl *nl, uint32_t group)
{
	return mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP, &group,
				     sizeof(group)) < 0 ? -errno : 0;
}

/*
 * The next event of a kind, whatever comes before it, or of any kind where @cmd is 0:
 * its message, until the next call; NULL if there is none for @timeout_ms
 */
static inline const struct nlmsghdr *nl_event(struct nl *nl, uint8_t cmd, int timeout_ms)
{
	struct pollfd pollfd = { .fd = mnl_socket_get_fd(nl->sock), .events = POLLIN };
	const struct nlmsghdr *msg = (struct nlmsghdr *)nl->reply;

	while (poll(&pollfd, 1, timeout_ms) == 1) {
		if (mnl_socket_recvfrom(nl->sock, nl->reply, sizeof(nl->reply)) < 0)
			return NULL;
		if (!cmd || nl_cmd(msg) == cmd)
			return msg;
	}
	return NULL;
}

/* A pool of all defaults but for its mode */
static inline int nl_pool_new(struct nl *nl, const char *name, uint64_t capacity, uint32_t mode)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_MODE, mode);
	return nl_talk(nl, msg, NULL, NULL);
}

static inline int nl_pool_del(struct nl *nl, const char *name, bool force)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_DEL);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	if (force)
		mnl_attr_put(msg, PINPOOL_A_POOL_FORCE, 0, NULL);
	return nl_talk(nl, msg, NULL, NULL);
}

static inline int nl_set_capacity(struct nl *nl, const char *name, uint64_t capacity)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_SET);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	return nl_talk(nl, msg, NULL, NULL);
}

/* @limit: PINPOOL_A_LIMITS_* */
static inline int nl_set_limit(struct nl *nl, const char *name, uint16_t limit, uint64_t value)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_SET);
	struct nlattr *nest;

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	nest = mnl_attr_nest_start(msg, PINPOOL_A_POOL_LIMITS);
	mnl_attr_put_u64(msg, limit, value);
	mnl_attr_nest_end(msg, nest);
	return nl_talk(nl, msg, NULL, NULL);
}

static inline int nl_set_watermarks(struct nl *nl, const char *name, uint64_t low,
				    uint64_t high)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_SET);
	struct nlattr *nest;

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	nest = mnl_attr_nest_start(msg, PINPOOL_A_POOL_WATERMARKS);
	mnl_attr_put_u64(msg, PINPOOL_A_WATERMARKS_LOW, low);
	mnl_attr_put_u64(msg, PINPOOL_A_WATERMARKS_HIGH, high);
	mnl_attr_nest_end(msg, nest);
	return nl_talk(nl, msg, NULL, NULL);
}

struct nl_number {
	uint16_t type;
	uint64_t value;
};

static inline void nl_stat_reply(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS], *stats[NL_ATTRS];
	struct nl_number *number = data;

	nl_attrs(msg, attrs);
	nl_nest(attrs[PINPOOL_A_POOL_STATS], stats);
	number->value = nl_u64(stats[number->type]);
}

/* PINPOOL_A_STATS_* of a pool; all bits set if it has none */
static inline uint64_t nl_stat(struct nl *nl, const char *name, uint16_t type)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_GET);
	struct nl_number number = { .type = type, .value = ~0ULL };

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	return nl_talk(nl, msg, nl_stat_reply, &number) ? ~0ULL : number.value;
}

#endif /* PINPOOL_TEST_NETLINK_H */
