/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	uapi/netlink/pinpool.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_PINPOOL_GEN_H
#define _LINUX_PINPOOL_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/pinpool_netlink.h>
#include <linux/pinpool.h>
#include <linux/pinpool.h>
#include <linux/pinpool.h>

/* Common nested types */
extern const struct nla_policy pinpool_limits_nl_policy[PINPOOL_A_LIMITS_CLIENT_SHARES + 1];
extern const struct nla_policy pinpool_watermarks_nl_policy[PINPOOL_A_WATERMARKS_HIGH_PERCENT + 1];

/* Ops table for pinpool */
extern const struct genl_split_ops pinpool_nl_ops[8];

int pinpool_nl_client_get_start(struct netlink_callback *cb);
int pinpool_nl_buffer_get_start(struct netlink_callback *cb);

int pinpool_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info);
int pinpool_nl_pool_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int pinpool_nl_pool_new_doit(struct sk_buff *skb, struct genl_info *info);
int pinpool_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info);
int pinpool_nl_pool_del_doit(struct sk_buff *skb, struct genl_info *info);
int pinpool_nl_client_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int pinpool_nl_buffer_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int pinpool_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	PINPOOL_NLGRP_EVENTS,
	PINPOOL_NLGRP_CLIENTS,
};

#endif /* _LINUX_PINPOOL_GEN_H */
