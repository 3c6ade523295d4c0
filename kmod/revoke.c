// SPDX-License-Identifier: GPL-2.0
/*
 * Taking a pool from its clients, when it is deleted
 *
 * Nobody joins a dead pool any more (pool->members_lock), and nobody gets an extent
 * of it (pool->lock). A client is revoked under its lock: before that its calls and
 * faults run as ever, afterwards it has no buffers and gets none. So what is left
 * are references that others hold: calls that are about to return, and shares, whose
 * buffers drivers may be at work on. With the last of these the memory goes.
 */
#include "pinpool.h"

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>

/* How many holds are taken from a client under one lock */
#define REVOKE_BATCH	64

/* Take some of a client's holds. The import that makes one will find out itself. */
static void take_holds(struct pinpool_client *client, struct list_head *holds)
{
	struct rb_node *node, *next;
	struct pinpool_hold *hold;
	int i = 0;

	down_write(&client->lock);
	client->revoked = true;
	for (node = rb_first(&client->holds); node && i < REVOKE_BATCH; node = next) {
		next = rb_next(node);
		hold = rb_entry(node, struct pinpool_hold, node);
		if (!hold->published)
			continue;
		rb_erase(node, &client->holds);
		list_add_tail(&hold->link, holds);
		i++;
	}
	up_write(&client->lock);
}

static void revoke_client(struct pinpool_client *client)
{
	struct pinpool_hold *hold, *next;
	LIST_HEAD(holds);

	for (;;) {
		take_holds(client, &holds);
		if (list_empty(&holds))
			break;
		list_for_each_entry_safe(hold, next, &holds, link) {
			list_del(&hold->link);
			pinpool_hold_end(client, hold, true);
			cond_resched();
		}
	}
	pinpool_quarantine_close(client);
}

/**
 * pinpool_revoke() - Take a pool from its clients
 * @pool: The pool; it is dead
 *
 * Context: May sleep, and for long: for as long as all its clients' closes take.
 */
void pinpool_revoke(struct pinpool_pool *pool)
{
	struct pinpool_client *client;

	pinpool_wait_end(pool);
	/* Whoever closes his file meanwhile waits: here, he is no longer in the list. */
	mutex_lock(&pool->members_lock);
	list_for_each_entry(client, &pool->client_list, link)
		revoke_client(client);
	pinpool_dmabuf_revoke(pool);
	mutex_unlock(&pool->members_lock);
	pinpool_pool_drain(pool);
}
