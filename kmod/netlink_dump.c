// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps of clients, and of what they have
 *
 * A dump is made of messages as large as a reader's buffer. Between two of them
 * everything can change; where it goes on is known by numbers that only grow: the
 * ids of pools, clients and shares, and offsets.
 */
#include "pinpool.h"
#include "compat.h"
#include "netlink.h"

#include <linux/atomic.h>

/* How often clients came and went, in all pools */
static atomic_t members_changes = ATOMIC_INIT(1);

/**
 * pinpool_netlink_members_changed() - A client came or went
 *
 * Context: Any.
 */
void pinpool_netlink_members_changed(void)
{
	atomic_inc(&members_changes);
}

static void *dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &pinpool_nl_family, NLM_F_MULTI, cmd);
}

static int dump_end(struct sk_buff *skb, struct netlink_callback *cb, void *head, int err)
{
	if (err) {
		genlmsg_cancel(skb, head);
		return err;
	}
	genl_dump_check_consistent(cb, head);
	genlmsg_end(skb, head);
	return 0;
}

/**
 * struct clients_ctx - How far a dump of clients is
 * @checked: The request is good
 * @pool: The id of the last pool that is done
 * @client: The id of the last client of the next pool that is done
 */
struct clients_ctx {
	bool checked;
	u32 pool;
	u64 client;
};

static int dump_clients(struct sk_buff *skb, struct netlink_callback *cb,
			struct pinpool_pool *pool, struct clients_ctx *ctx)
{
	const struct pinpool_client *client;
	void *head;
	int err = 0;

	mutex_lock(&pool->members_lock);
	list_for_each_entry(client, &pool->client_list, link) {
		if (client->id <= ctx->client)
			continue;
		head = dump_put(skb, cb, PINPOOL_NL_CMD_CLIENT_GET);
		err = head ? dump_end(skb, cb, head, pinpool_fill_client(skb, client)) :
			     -EMSGSIZE;
		if (err)
			break;
		ctx->client = client->id;
	}
	mutex_unlock(&pool->members_lock);
	return err;
}

/*
 * What is wrong with a dump is told when it starts, where errors can name an
 * attribute. Kernels that have no place for words there get them in the first answer.
 */
static int client_get_check(struct netlink_callback *cb)
{
	const struct nlattr *name = genl_info_dump(cb)->attrs[PINPOOL_A_CLIENT_POOL];
	struct pinpool_pool *pool;
	int err;

	BUILD_BUG_ON(sizeof(struct clients_ctx) > sizeof(cb->ctx));
	err = pinpool_netlink_admin(cb->skb, cb->extack);
	if (err || !name)
		return err;
	pool = pinpool_netlink_find(name, cb->extack);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	put_device(&pool->dev);
	return 0;
}

int pinpool_nl_client_get_start(struct netlink_callback *cb)
{
	struct clients_ctx *ctx = (void *)cb->ctx;

	if (!cb->extack)
		return 0;
	ctx->checked = true;
	return client_get_check(cb);
}

int pinpool_nl_client_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *name = genl_info_dump(cb)->attrs[PINPOOL_A_CLIENT_POOL];
	struct clients_ctx *ctx = (void *)cb->ctx;
	struct pinpool_pool *pool;
	u32 seq;
	int err;

	err = ctx->checked ? 0 : client_get_check(cb);
	if (err)
		return err;
	ctx->checked = true;
	for (;;) {
		pool = pinpool_registry_next(ctx->pool, &seq);
		/* At the end, too: the pool where it stopped may be gone. */
		cb->seq = seq + atomic_read(&members_changes);
		if (!pool)
			break;
		if (!name || !nla_strcmp(name, pool->config.name))
			err = dump_clients(skb, cb, pool, ctx);
		if (!err)
			*ctx = (struct clients_ctx) { .checked = true, .pool = pool->id };
		put_device(&pool->dev);
		if (err)
			break;
	}
	return skb->len;
}

/**
 * struct buffers_ctx - How far a dump of buffers is
 * @stage: What comes next
 * @pool: The id of the pool, once the request is known to be good
 * @at: The id of the client, or of the last share
 * @offset: Where the next buffer lies, or behind that
 */
struct buffers_ctx {
	enum {
		STAGE_CLIENTS,
		STAGE_SHARES,
		STAGE_QUARANTINE,
		STAGE_DONE,
	} stage;
	u32 pool;
	u64 at;
	u64 offset;
};

static int put_buffer(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct pinpool_pool *pool, const struct pinpool_told *told)
{
	void *head = dump_put(skb, cb, PINPOOL_NL_CMD_BUFFER_GET);
	int err = 0;

	if (!head)
		return -EMSGSIZE;
	if (nla_put_string(skb, PINPOOL_A_BUFFER_POOL, pool->config.name) ||
	    (told->client && pinpool_put_u64(skb, PINPOOL_A_BUFFER_CLIENT, told->client)) ||
	    pinpool_put_u64(skb, PINPOOL_A_BUFFER_HANDLE, told->handle) ||
	    pinpool_put_u64(skb, PINPOOL_A_BUFFER_OFFSET, told->offset) ||
	    pinpool_put_u64(skb, PINPOOL_A_BUFFER_LENGTH, told->length) ||
	    pinpool_put_u64(skb, PINPOOL_A_BUFFER_EXTENT, told->extent) ||
	    nla_put_u32(skb, PINPOOL_A_BUFFER_STATE, told->state))
		err = -EMSGSIZE;
	return dump_end(skb, cb, head, err);
}

/* What a client has, from ctx->offset on */
static int dump_holds(struct sk_buff *skb, struct netlink_callback *cb,
		      struct pinpool_client *client, struct buffers_ctx *ctx)
{
	const struct pinpool_buffer *buffer;
	const struct pinpool_hold *hold;
	struct pinpool_told told;
	int err = 0;

	down_read(&client->lock);
	while (!err && (hold = pinpool_hold_find(client, ctx->offset, true))) {
		buffer = hold->buffer;
		told = (struct pinpool_told) {
			.client = client->id,
			.handle = buffer->handle,
			.offset = buffer->offset,
			.length = buffer->length,
			.extent = pinpool_buffer_extent(buffer),
			.state = (buffer->shared ? PINPOOL_BUFFER_STATE_SHARED : 0) |
				 (hold->readonly ? PINPOOL_BUFFER_STATE_READONLY : 0),
		};
		err = put_buffer(skb, cb, client->pool, &told);
		if (!err)
			ctx->offset = told.offset + told.extent;
	}
	up_read(&client->lock);
	return err;
}

/* @only: This client, or 0 for all */
static int dump_all_holds(struct sk_buff *skb, struct netlink_callback *cb,
			  struct pinpool_pool *pool, struct buffers_ctx *ctx, u64 only)
{
	struct pinpool_client *client;
	int err = 0;

	mutex_lock(&pool->members_lock);
	list_for_each_entry(client, &pool->client_list, link) {
		if (client->id < ctx->at || (only && client->id != only))
			continue;
		/* The one where it stopped may be gone. */
		if (client->id != ctx->at)
			ctx->offset = 0;
		ctx->at = client->id;
		err = dump_holds(skb, cb, client, ctx);
		if (err)
			break;
		ctx->at = client->id + 1;
		ctx->offset = 0;
	}
	mutex_unlock(&pool->members_lock);
	return err;
}

static int dump_shares(struct sk_buff *skb, struct netlink_callback *cb,
		       struct pinpool_pool *pool, struct buffers_ctx *ctx)
{
	struct pinpool_told told;
	u64 id = ctx->at;
	int err = 0;

	mutex_lock(&pool->members_lock);
	while (!err && pinpool_dmabuf_tell(pool, &id, &told)) {
		err = put_buffer(skb, cb, pool, &told);
		if (!err)
			ctx->at = id;
	}
	mutex_unlock(&pool->members_lock);
	return err;
}

/* @only: What this client may have again, or 0 for all */
static int dump_quarantine(struct sk_buff *skb, struct netlink_callback *cb,
			   struct pinpool_pool *pool, struct buffers_ctx *ctx, u64 only)
{
	struct pinpool_told told;
	int err = 0;

	while (!err && pinpool_quarantine_tell(pool, ctx->offset, &told)) {
		if (!only || told.client == only)
			err = put_buffer(skb, cb, pool, &told);
		if (!err)
			ctx->offset = told.offset + told.extent;
		cond_resched();
	}
	return err;
}

static int dump_stage(struct sk_buff *skb, struct netlink_callback *cb,
		      struct pinpool_pool *pool, struct buffers_ctx *ctx, u64 only)
{
	switch (ctx->stage) {
	case STAGE_CLIENTS:
		return dump_all_holds(skb, cb, pool, ctx, only);
	case STAGE_SHARES:
		return only ? 0 : dump_shares(skb, cb, pool, ctx);
	case STAGE_QUARANTINE:
		return dump_quarantine(skb, cb, pool, ctx, only);
	default:
		return 0;
	}
}

static int buffer_get_check(struct netlink_callback *cb)
{
	const struct nlattr *name = genl_info_dump(cb)->attrs[PINPOOL_A_BUFFER_POOL];
	struct buffers_ctx *ctx = (void *)cb->ctx;
	struct pinpool_pool *pool;
	int err;

	BUILD_BUG_ON(sizeof(*ctx) > sizeof(cb->ctx));
	err = pinpool_netlink_admin(cb->skb, cb->extack);
	if (err)
		return err;
	if (!name) {
		NL_SET_ERR_ATTR_MISS(cb->extack, NULL, PINPOOL_A_BUFFER_POOL);
		return pinpool_netlink_refuse(cb->extack, NULL, -EINVAL,
					      "Which pool? Its name is missing");
	}
	pool = pinpool_netlink_find(name, cb->extack);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	ctx->pool = pool->id;
	put_device(&pool->dev);
	return 0;
}

int pinpool_nl_buffer_get_start(struct netlink_callback *cb)
{
	return cb->extack ? buffer_get_check(cb) : 0;
}

int pinpool_nl_buffer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *client = genl_info_dump(cb)->attrs[PINPOOL_A_BUFFER_CLIENT];
	struct buffers_ctx *ctx = (void *)cb->ctx;
	u64 only = client ? nla_get_u64(client) : 0;
	struct pinpool_pool *pool;
	u32 seq;
	int err;

	err = ctx->pool ? 0 : buffer_get_check(cb);
	if (err)
		return err;
	/* It may have been deleted. */
	pool = pinpool_registry_next(ctx->pool - 1, &seq);
	if (pool && pool->id != ctx->pool) {
		put_device(&pool->dev);
		pool = NULL;
	}
	if (!pool)
		return -ENOENT;
	/* 0 would be no number to compare with. */
	cb->seq = (READ_ONCE(pool->changes) + atomic_read(&pool->hold_changes)) ?: 1;
	while (ctx->stage < STAGE_DONE) {
		err = dump_stage(skb, cb, pool, ctx, only);
		if (err)
			break;
		ctx->stage++;
		ctx->at = 0;
		ctx->offset = 0;
	}
	put_device(&pool->dev);
	return skb->len;
}
