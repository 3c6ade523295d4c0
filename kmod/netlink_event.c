// SPDX-License-Identifier: GPL-2.0
/*
 * Telling those who listen
 *
 * What can't be told for want of memory is an overrun to them, as is what their
 * sockets have no room for: they have to look for themselves.
 */
#include "pinpool.h"
#include "netlink.h"

/**
 * pinpool_netlink_listens() - Does anybody listen?
 * @group: To this group
 *
 * Context: Any.
 * Return: True if so
 */
bool pinpool_netlink_listens(unsigned int group)
{
	return genl_has_listeners(&pinpool_nl_family, &init_net, group);
}

/* A message to a group, or NULL */
static struct sk_buff *event_new(unsigned int group, u8 cmd, void **head)
{
	struct sk_buff *skb;

	if (!pinpool_netlink_listens(group))
		return NULL;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb) {
		genl_set_err(&pinpool_nl_family, &init_net, 0, group, -ENOBUFS);
		return NULL;
	}
	*head = genlmsg_put(skb, 0, 0, &pinpool_nl_family, 0, cmd);
	return skb;
}

static void event_send(struct sk_buff *skb, unsigned int group, void *head, int err)
{
	/* All of them fit. */
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	genlmsg_multicast(&pinpool_nl_family, skb, 0, group, GFP_KERNEL);
}

/* What all events but those of pools themselves begin with */
static int put_pool(struct sk_buff *skb, const struct pinpool_pool *pool)
{
	return nla_put_string(skb, PINPOOL_A_EVENT_POOL, pool->config.name) ?:
	       nla_put_u32(skb, PINPOOL_A_EVENT_POOL_ID, pool->id);
}

/**
 * pinpool_netlink_pool() - There is a pool, it was changed, or it is gone
 * @pool: The pool
 * @cmd: PINPOOL_NL_CMD_POOL_*_NTF
 *
 * Context: May sleep.
 */
void pinpool_netlink_pool(struct pinpool_pool *pool, u8 cmd)
{
	struct sk_buff *skb;
	void *head;

	skb = event_new(PINPOOL_NLGRP_EVENTS, cmd, &head);
	if (skb)
		event_send(skb, PINPOOL_NLGRP_EVENTS, head,
			   pinpool_fill_pool(skb, pool, false));
}

/**
 * pinpool_netlink_progress() - Memory is being got ready
 * @pool: For this pool, which nobody may know yet
 * @capacity: What it will have, in bytes
 * @done: How many of them are ready
 *
 * Context: May sleep.
 */
void pinpool_netlink_progress(const struct pinpool_pool *pool, u64 capacity, u64 done)
{
	struct sk_buff *skb;
	void *head;
	int err;

	skb = event_new(PINPOOL_NLGRP_EVENTS, PINPOOL_NL_CMD_PROGRESS_NTF, &head);
	if (!skb)
		return;
	err = put_pool(skb, pool) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_CAPACITY, capacity) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_DONE, done);
	event_send(skb, PINPOOL_NLGRP_EVENTS, head, err);
}

/**
 * pinpool_netlink_watermark() - A pool crossed a watermark
 * @pool: The pool
 * @level: Which
 *
 * Context: May sleep.
 */
void pinpool_netlink_watermark(struct pinpool_pool *pool, enum pinpool_level level)
{
	struct pinpool_stats stats;
	struct sk_buff *skb;
	void *head;
	int err;

	skb = event_new(PINPOOL_NLGRP_EVENTS, PINPOOL_NL_CMD_WATERMARK_NTF, &head);
	if (!skb)
		return;
	pinpool_pool_stats(pool, NULL, &stats);
	err = put_pool(skb, pool) ?:
	      nla_put_u32(skb, PINPOOL_A_EVENT_LEVEL, level) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_CAPACITY, stats.capacity) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_FREE, stats.free);
	event_send(skb, PINPOOL_NLGRP_EVENTS, head, err);
}

/**
 * pinpool_netlink_exhausted() - A pool had no space
 * @pool: The pool
 * @wanted: For so many bytes
 *
 * Context: May sleep.
 */
void pinpool_netlink_exhausted(struct pinpool_pool *pool, u64 wanted)
{
	struct pinpool_stats stats;
	struct sk_buff *skb;
	void *head;
	int err;

	skb = event_new(PINPOOL_NLGRP_EVENTS, PINPOOL_NL_CMD_EXHAUSTED_NTF, &head);
	if (!skb)
		return;
	pinpool_pool_stats(pool, NULL, &stats);
	err = put_pool(skb, pool) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_WANTED, wanted) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_FREE, stats.free) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_LARGEST_FREE, stats.largest_free) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_FAILURES, stats.failures);
	event_send(skb, PINPOOL_NLGRP_EVENTS, head, err);
}

/**
 * pinpool_netlink_quarantine() - Something went into quarantine or came back
 * @pool: The pool
 *
 * Context: May sleep.
 */
void pinpool_netlink_quarantine(struct pinpool_pool *pool)
{
	u64 quarantined, entered;
	struct sk_buff *skb;
	void *head;
	int err;

	skb = event_new(PINPOOL_NLGRP_EVENTS, PINPOOL_NL_CMD_QUARANTINE_NTF, &head);
	if (!skb)
		return;
	spin_lock(&pool->lock);
	quarantined = pool->quarantined;
	entered = pool->quarantine_entered;
	spin_unlock(&pool->lock);
	err = put_pool(skb, pool) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_QUARANTINED, quarantined) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_ENTERED, entered) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_LEFT, entered - quarantined);
	event_send(skb, PINPOOL_NLGRP_EVENTS, head, err);
}

/**
 * pinpool_netlink_died() - A client is gone that still held buffers
 * @pool: The pool
 * @died: The client
 *
 * Context: May sleep.
 */
void pinpool_netlink_died(const struct pinpool_pool *pool, const struct pinpool_died *died)
{
	struct sk_buff *skb;
	void *head;
	int err;

	skb = event_new(PINPOOL_NLGRP_CLIENTS, PINPOOL_NL_CMD_CLIENT_DIED_NTF, &head);
	if (!skb)
		return;
	err = put_pool(skb, pool) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_CLIENT, died->client) ?:
	      nla_put_u32(skb, PINPOOL_A_EVENT_PID, died->pid) ?:
	      nla_put_string(skb, PINPOOL_A_EVENT_COMM, died->comm) ?:
	      nla_put_u32(skb, PINPOOL_A_EVENT_UID, died->uid) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_BYTES, died->bytes) ?:
	      pinpool_put_u64(skb, PINPOOL_A_EVENT_BUFFERS, died->buffers);
	if (!err && died->signal)
		err = nla_put_u32(skb, PINPOOL_A_EVENT_SIGNAL, died->signal);
	event_send(skb, PINPOOL_NLGRP_CLIENTS, head, err);
}
