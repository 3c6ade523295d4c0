/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the control plane share
 *
 * netlink.c has the family and the commands for pools, netlink_parse.c reads what is
 * asked for, netlink_fill.c writes what is told, netlink_dump.c walks clients and
 * buffers, netlink_event.c tells those who listen.
 * netlink_policy.[ch] are generated from the specification.
 */
#ifndef _PINPOOL_NETLINK_H
#define _PINPOOL_NETLINK_H

#include <net/genetlink.h>

#include <linux/pinpool_netlink.h>

#include "compat.h"
#include "netlink_policy.h"

struct pinpool_client;
struct pinpool_config;
struct pinpool_pool;
struct pinpool_settings;

/**
 * struct pinpool_died - A client that is gone, and what it still held
 * @client: Its id
 * @pid: Of the process that opened it, or 0
 * @comm: Of that process
 * @uid: The user
 * @signal: What killed the process that closed it last, or 0
 * @bytes: In extents of the buffers
 * @buffers: How many
 */
struct pinpool_died {
	u64 client;
	u32 pid;
	char comm[TASK_COMM_LEN];
	u32 uid;
	u32 signal;
	u64 bytes;
	u64 buffers;
};

/* Padding has this number in all sets. */
static inline int pinpool_put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, PINPOOL_A_POOL_PAD);
}

/* netlink.c */
extern struct genl_family pinpool_nl_family;
int pinpool_netlink_init(void);
void pinpool_netlink_exit(void);
int pinpool_netlink_refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
			   int err, const char *why);
int pinpool_netlink_admin(struct sk_buff *skb, struct netlink_ext_ack *extack);
struct pinpool_pool *pinpool_netlink_find(const struct nlattr *name,
					  struct netlink_ext_ack *extack);

/* netlink_parse.c */
int pinpool_parse_config(struct nlattr **attrs, struct netlink_ext_ack *extack,
			 struct pinpool_config *config);
int pinpool_parse_capacity(const struct nlattr *attr, struct netlink_ext_ack *extack,
			   u64 granule, u64 *capacity);
int pinpool_parse_settings(struct nlattr **attrs, struct netlink_ext_ack *extack,
			   u64 capacity, struct pinpool_settings *settings);

/* netlink_fill.c */
int pinpool_fill_pool(struct sk_buff *skb, struct pinpool_pool *pool, bool admin);
int pinpool_fill_stats(struct sk_buff *skb, struct pinpool_pool *pool);
int pinpool_fill_client(struct sk_buff *skb, const struct pinpool_client *client);

/* netlink_dump.c */
void pinpool_netlink_members_changed(void);

/* netlink_event.c */
bool pinpool_netlink_listens(unsigned int group);
void pinpool_netlink_pool(struct pinpool_pool *pool, u8 cmd);
void pinpool_netlink_progress(const struct pinpool_pool *pool, u64 capacity, u64 done);
void pinpool_netlink_watermark(struct pinpool_pool *pool, enum pinpool_level level);
void pinpool_netlink_exhausted(struct pinpool_pool *pool, u64 wanted);
void pinpool_netlink_quarantine(struct pinpool_pool *pool);
void pinpool_netlink_died(const struct pinpool_pool *pool, const struct pinpool_died *died);

#endif /* _PINPOOL_NETLINK_H */
