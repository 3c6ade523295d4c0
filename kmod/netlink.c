// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family, and its commands for pools; uapi/netlink/pinpool.yaml
 * is its specification
 */
#include "pinpool.h"
#include "compat.h"
#include "netlink.h"

#include <linux/capability.h>
#include <linux/module.h>

static const struct genl_multicast_group mcgrps[] = {
	[PINPOOL_NLGRP_EVENTS] = { .name = PINPOOL_MCGRP_EVENTS },
	/* Tells of other people's processes. */
	[PINPOOL_NLGRP_CLIENTS] = {
		.name = PINPOOL_MCGRP_CLIENTS,
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/* Memory belongs to no network namespace: it is there in the initial one only. */
struct genl_family pinpool_nl_family __ro_after_init = {
	.name = PINPOOL_FAMILY_NAME,
	.version = PINPOOL_FAMILY_VERSION,
	.module = THIS_MODULE,
	/* Collecting memory takes long, and shall not keep other families waiting. */
	.parallel_ops = true,
	.mcgrps = mcgrps,
	.n_mcgrps = ARRAY_SIZE(mcgrps),
};

/**
 * pinpool_netlink_refuse() - Tell why something is refused
 * @extack: Where to tell
 * @attr: What is wrong, or NULL
 * @err: The error
 * @why: A constant
 *
 * Context: Any.
 * Return: @err
 */
int pinpool_netlink_refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
			   int err, const char *why)
{
	if (extack) {
		extack->_msg = why;
		extack->bad_attr = attr;
	}
	return err;
}

/**
 * pinpool_netlink_admin() - May whoever asks this do, or see, everything?
 * @skb: The request
 * @extack: Where to tell if not
 *
 * Context: Any.
 * Return: 0 or -EPERM
 */
int pinpool_netlink_admin(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	return pinpool_netlink_refuse(extack, NULL, -EPERM,
				      "Needs CAP_SYS_ADMIN in the initial user namespace");
}

static int no_such_pool(const struct nlattr *name, struct netlink_ext_ack *extack)
{
	return pinpool_netlink_refuse(extack, name, -ENOENT, "There is no pool of this name");
}

/**
 * pinpool_netlink_find() - The pool that somebody asks for
 * @name: Its name
 * @extack: Where to tell that there is none
 *
 * Context: May sleep.
 * Return: The pool, with a reference that is the caller's, or an ERR_PTR of -ENOENT
 */
struct pinpool_pool *pinpool_netlink_find(const struct nlattr *name,
					  struct netlink_ext_ack *extack)
{
	struct pinpool_pool *pool = pinpool_registry_find(nla_data(name));

	return pool ?: ERR_PTR(no_such_pool(name, extack));
}

/* May whoever sent this see everything? */
static bool is_admin(struct sk_buff *skb)
{
	return netlink_capable(skb, CAP_SYS_ADMIN);
}

static struct pinpool_pool *find(struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, PINPOOL_A_POOL_NAME))
		return ERR_PTR(pinpool_netlink_refuse(info->extack, NULL, -EINVAL,
						      "Which pool? Its name is missing"));
	return pinpool_netlink_find(info->attrs[PINPOOL_A_POOL_NAME], info->extack);
}

/**
 * struct reply - The answer to a command
 * @skb: The message
 * @head: Its header
 */
struct reply {
	struct sk_buff *skb;
	void *head;
};

static int reply_new(struct reply *reply, const struct genl_info *info)
{
	reply->skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply->skb)
		return -ENOMEM;
	/* There is always room for this. */
	reply->head = genlmsg_put(reply->skb, info->snd_portid, info->snd_seq,
				  &pinpool_nl_family, 0, info->genlhdr->cmd);
	return 0;
}

/* @err: of what was to be told, and then there is nothing to tell */
static int reply_send(struct reply *reply, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(reply->skb);
		/* Netlink answers nothing at all to EINTR. */
		if (err == -EINTR)
			return pinpool_netlink_refuse(info->extack, NULL, -ECANCELED,
						      "There was a signal");
		return err;
	}
	genlmsg_end(reply->skb, reply->head);
	return genlmsg_reply(reply->skb, info);
}

int pinpool_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pinpool_pool *pool = find(info);
	struct reply reply;
	int err;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = reply_new(&reply, info);
	if (!err)
		err = reply_send(&reply, info, pinpool_fill_pool(reply.skb, pool, is_admin(skb)));
	put_device(&pool->dev);
	return err;
}

int pinpool_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pinpool_pool *pool = find(info);
	struct reply reply;
	int err;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = reply_new(&reply, info);
	if (!err)
		err = reply_send(&reply, info, pinpool_fill_stats(reply.skb, pool));
	put_device(&pool->dev);
	return err;
}

int pinpool_nl_pool_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *name = genl_info_dump(cb)->attrs[PINPOOL_A_POOL_NAME];
	struct pinpool_pool *pool;
	void *head;
	int err;

	/* The id of the last one told */
	while ((pool = pinpool_registry_next(cb->args[0], &cb->seq))) {
		err = 0;
		if (!name || !nla_strcmp(name, pool->config.name)) {
			head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					   &pinpool_nl_family, NLM_F_MULTI,
					   PINPOOL_NL_CMD_POOL_GET);
			err = head ? pinpool_fill_pool(skb, pool, is_admin(cb->skb)) : -EMSGSIZE;
			if (!err) {
				genl_dump_check_consistent(cb, head);
				genlmsg_end(skb, head);
			} else if (head) {
				genlmsg_cancel(skb, head);
			}
		}
		if (!err)
			cb->args[0] = pool->id;
		put_device(&pool->dev);
		if (err)
			break;
	}
	return skb->len;
}

/* Tell why a pool can't be made that could be. @why: if the backing knows */
static void add_failed(struct genl_info *info, const struct pinpool_config *config, int err,
		       const char *why)
{
	const struct pinpool_backing_ops *backing = pinpool_backing_get(config->backing);
	struct nlattr **attrs = info->attrs;

	switch (err) {
	case -EEXIST:
		pinpool_netlink_refuse(info->extack, attrs[PINPOOL_A_POOL_NAME], err,
				       "There is a pool of this name already");
		break;
	case -ENOMEM:
		pinpool_netlink_refuse(info->extack, attrs[PINPOOL_A_POOL_CAPACITY], err,
				       why ?: "Not so much memory to be had");
		break;
	case -ENOSPC:
		pinpool_netlink_refuse(info->extack, NULL, err,
				       "There are as many pools as there can be; delete one");
		break;
	default:
		pinpool_netlink_refuse(info->extack,
				       attrs[PINPOOL_A_POOL_REGION] ?: attrs[backing->attr],
				       err, why ?: "The pool can't be made");
	}
}

int pinpool_nl_pool_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pinpool_settings settings = { };
	struct pinpool_config config;
	struct pinpool_pool *pool;
	const char *why = NULL;
	struct reply reply;
	int err;

	err = pinpool_netlink_admin(skb, info->extack);
	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, PINPOOL_A_POOL_NAME) ||
	    GENL_REQ_ATTR_CHECK(info, PINPOOL_A_POOL_CAPACITY))
		return pinpool_netlink_refuse(info->extack, NULL, -EINVAL,
					      "A new pool needs a name and a capacity");
	err = pinpool_parse_config(info->attrs, info->extack, &config) ?:
	      pinpool_parse_settings(info->attrs, info->extack, config.capacity, &settings);
	if (err)
		return err;
	/* So that what was done can be told */
	err = reply_new(&reply, info);
	if (err)
		return err;
	pool = pinpool_registry_add(&config, &settings, &why);
	if (IS_ERR(pool)) {
		add_failed(info, &config, PTR_ERR(pool), why);
		return reply_send(&reply, info, PTR_ERR(pool));
	}
	err = reply_send(&reply, info, pinpool_fill_pool(reply.skb, pool, true));
	put_device(&pool->dev);
	return err;
}

static const char *resize_error(const struct pinpool_pool *pool, int err)
{
	switch (err) {
	case -EBUSY:
		return "What lies beyond this capacity is in use or in quarantine";
	case -ENOMEM:
		return "Not so much memory to be had";
	case -ERANGE:
		return "That is more than this machine has";
	case -EOPNOTSUPP:
		return pool->backing->fixed ?: "Pools of this backing can't grow or shrink";
	default:
		return "Can't grow or shrink";
	}
}

static int pool_set(struct pinpool_pool *pool, struct genl_info *info)
{
	const struct nlattr *wanted = info->attrs[PINPOOL_A_POOL_CAPACITY];
	struct pinpool_settings settings = pool->settings;
	u64 capacity = pool->config.capacity;
	int err;

	lockdep_assert_held(&pool->set_lock);
	/* Deleted since it was found */
	if (pool->dead)
		return no_such_pool(info->attrs[PINPOOL_A_POOL_NAME], info->extack);
	if (wanted)
		err = pinpool_parse_capacity(wanted, info->extack, pool->config.granule,
					     &capacity);
	else
		err = 0;
	if (!err)
		err = pinpool_parse_settings(info->attrs, info->extack, capacity, &settings);
	if (err)
		return err;
	err = pinpool_resize(pool, capacity);
	if (err)
		return pinpool_netlink_refuse(info->extack, wanted, err,
					      resize_error(pool, err));
	pinpool_quota_set(pool, &settings);
	return 0;
}

int pinpool_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pinpool_pool *pool;
	struct reply reply;
	int err;

	err = pinpool_netlink_admin(skb, info->extack);
	if (err)
		return err;
	pool = find(info);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = reply_new(&reply, info);
	if (err)
		goto out;
	mutex_lock(&pool->set_lock);
	err = pool_set(pool, info);
	if (!err)
		pinpool_registry_changed(pool);
	err = reply_send(&reply, info, err ?: pinpool_fill_pool(reply.skb, pool, true));
	mutex_unlock(&pool->set_lock);
out:
	put_device(&pool->dev);
	return err;
}

int pinpool_nl_pool_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pinpool_pool *pool;
	int err;

	err = pinpool_netlink_admin(skb, info->extack);
	if (err)
		return err;
	pool = find(info);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = pinpool_registry_delete(pool, info->attrs[PINPOOL_A_POOL_FORCE]);
	put_device(&pool->dev);
	if (err == -EBUSY)
		return pinpool_netlink_refuse(info->extack, info->attrs[PINPOOL_A_POOL_NAME], err,
					      "Somebody has it open, or a share of it; force takes it from them");
	return err ? no_such_pool(info->attrs[PINPOOL_A_POOL_NAME], info->extack) : 0;
}

/**
 * pinpool_netlink_init() - Be there for commands
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno
 */
int __init pinpool_netlink_init(void)
{
	pinpool_genl_set_ops(&pinpool_nl_family, pinpool_nl_ops, ARRAY_SIZE(pinpool_nl_ops));
	return genl_register_family(&pinpool_nl_family);
}

/**
 * pinpool_netlink_exit() - Undo pinpool_netlink_init()
 *
 * Context: May sleep. There are no pools. Waits for commands that are being served.
 */
void pinpool_netlink_exit(void)
{
	genl_unregister_family(&pinpool_nl_family);
}
