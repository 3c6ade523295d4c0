// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	uapi/netlink/pinpool.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_policy.h"

#include <uapi/linux/pinpool_netlink.h>
#include <linux/pinpool.h>
#include <linux/pinpool.h>
#include <linux/pinpool.h>

/* Common nested types */
const struct nla_policy pinpool_limits_nl_policy[PINPOOL_A_LIMITS_CLIENT_SHARES + 1] = {
	[PINPOOL_A_LIMITS_CLIENT_BYTES] = { .type = NLA_U64, },
	[PINPOOL_A_LIMITS_CLIENT_BUFFERS] = { .type = NLA_U64, },
	[PINPOOL_A_LIMITS_UID_BYTES] = { .type = NLA_U64, },
	[PINPOOL_A_LIMITS_UID_BUFFERS] = { .type = NLA_U64, },
	[PINPOOL_A_LIMITS_CLIENT_SHARES] = { .type = NLA_U64, },
};

const struct nla_policy pinpool_watermarks_nl_policy[PINPOOL_A_WATERMARKS_HIGH_PERCENT + 1] = {
	[PINPOOL_A_WATERMARKS_LOW] = { .type = NLA_U64, },
	[PINPOOL_A_WATERMARKS_HIGH] = { .type = NLA_U64, },
	[PINPOOL_A_WATERMARKS_LOW_PERCENT] = NLA_POLICY_MAX(NLA_U32, 100),
	[PINPOOL_A_WATERMARKS_HIGH_PERCENT] = NLA_POLICY_MAX(NLA_U32, 100),
};

/* PINPOOL_NL_CMD_POOL_GET - do */
static const struct nla_policy pinpool_pool_get_do_nl_policy[PINPOOL_A_POOL_NAME + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
};

/* PINPOOL_NL_CMD_POOL_GET - dump */
static const struct nla_policy pinpool_pool_get_dump_nl_policy[PINPOOL_A_POOL_NAME + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
};

/* PINPOOL_NL_CMD_POOL_NEW - do */
static const struct nla_policy pinpool_pool_new_nl_policy[PINPOOL_A_POOL_TELL_BUS + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
	[PINPOOL_A_POOL_CAPACITY] = { .type = NLA_U64, },
	[PINPOOL_A_POOL_GRANULE] = { .type = NLA_U64, },
	[PINPOOL_A_POOL_BACKING] = NLA_POLICY_MAX(NLA_U32, 6),
	[PINPOOL_A_POOL_ZERO] = NLA_POLICY_MAX(NLA_U32, 2),
	[PINPOOL_A_POOL_NODE] = { .type = NLA_S32, },
	[PINPOOL_A_POOL_MODE] = NLA_POLICY_MAX(NLA_U32, 438),
	[PINPOOL_A_POOL_LIMITS] = NLA_POLICY_NESTED(pinpool_limits_nl_policy),
	[PINPOOL_A_POOL_WATERMARKS] = NLA_POLICY_NESTED(pinpool_watermarks_nl_policy),
	[PINPOOL_A_POOL_BASE] = { .type = NLA_U64, },
	[PINPOOL_A_POOL_ALIGN] = { .type = NLA_U64, },
	[PINPOOL_A_POOL_REGION] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_REGION, },
	[PINPOOL_A_POOL_KEEP] = { .type = NLA_FLAG, },
	[PINPOOL_A_POOL_FD] = { .type = NLA_U32, },
	[PINPOOL_A_POOL_TELL_BUS] = { .type = NLA_FLAG, },
};

/* PINPOOL_NL_CMD_POOL_SET - do */
static const struct nla_policy pinpool_pool_set_nl_policy[PINPOOL_A_POOL_WATERMARKS + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
	[PINPOOL_A_POOL_CAPACITY] = { .type = NLA_U64, },
	[PINPOOL_A_POOL_LIMITS] = NLA_POLICY_NESTED(pinpool_limits_nl_policy),
	[PINPOOL_A_POOL_WATERMARKS] = NLA_POLICY_NESTED(pinpool_watermarks_nl_policy),
};

/* PINPOOL_NL_CMD_POOL_DEL - do */
static const struct nla_policy pinpool_pool_del_nl_policy[PINPOOL_A_POOL_FORCE + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
	[PINPOOL_A_POOL_FORCE] = { .type = NLA_FLAG, },
};

/* PINPOOL_NL_CMD_CLIENT_GET - dump */
static const struct nla_policy pinpool_client_get_nl_policy[PINPOOL_A_CLIENT_POOL + 1] = {
	[PINPOOL_A_CLIENT_POOL] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
};

/* PINPOOL_NL_CMD_BUFFER_GET - dump */
static const struct nla_policy pinpool_buffer_get_nl_policy[PINPOOL_A_BUFFER_CLIENT + 1] = {
	[PINPOOL_A_BUFFER_POOL] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
	[PINPOOL_A_BUFFER_CLIENT] = { .type = NLA_U64, },
};

/* PINPOOL_NL_CMD_STATS_GET - do */
static const struct nla_policy pinpool_stats_get_nl_policy[PINPOOL_A_POOL_NAME + 1] = {
	[PINPOOL_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = PINPOOL_MAX_NAME, },
};

/* Ops table for pinpool */
const struct genl_split_ops pinpool_nl_ops[8] = {
	{
		.cmd		= PINPOOL_NL_CMD_POOL_GET,
		.doit		= pinpool_nl_pool_get_doit,
		.policy		= pinpool_pool_get_do_nl_policy,
		.maxattr	= PINPOOL_A_POOL_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PINPOOL_NL_CMD_POOL_GET,
		.dumpit		= pinpool_nl_pool_get_dumpit,
		.policy		= pinpool_pool_get_dump_nl_policy,
		.maxattr	= PINPOOL_A_POOL_NAME,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PINPOOL_NL_CMD_POOL_NEW,
		.doit		= pinpool_nl_pool_new_doit,
		.policy		= pinpool_pool_new_nl_policy,
		.maxattr	= PINPOOL_A_POOL_TELL_BUS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PINPOOL_NL_CMD_POOL_SET,
		.doit		= pinpool_nl_pool_set_doit,
		.policy		= pinpool_pool_set_nl_policy,
		.maxattr	= PINPOOL_A_POOL_WATERMARKS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PINPOOL_NL_CMD_POOL_DEL,
		.doit		= pinpool_nl_pool_del_doit,
		.policy		= pinpool_pool_del_nl_policy,
		.maxattr	= PINPOOL_A_POOL_FORCE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= PINPOOL_NL_CMD_CLIENT_GET,
		.start		= pinpool_nl_client_get_start,
		.dumpit		= pinpool_nl_client_get_dumpit,
		.policy		= pinpool_client_get_nl_policy,
		.maxattr	= PINPOOL_A_CLIENT_POOL,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PINPOOL_NL_CMD_BUFFER_GET,
		.start		= pinpool_nl_buffer_get_start,
		.dumpit		= pinpool_nl_buffer_get_dumpit,
		.policy		= pinpool_buffer_get_nl_policy,
		.maxattr	= PINPOOL_A_BUFFER_CLIENT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= PINPOOL_NL_CMD_STATS_GET,
		.doit		= pinpool_nl_stats_get_doit,
		.policy		= pinpool_stats_get_nl_policy,
		.maxattr	= PINPOOL_A_POOL_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
};
