// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Lists of pools, clients and buffers
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* How often a list is read that changes all the time */
#define ATTEMPTS	5

/**
 * struct list - A list that is being read
 * @set: What its items are made of
 * @known: The size of an item here
 * @size: The size of an item for the caller
 * @items: The items
 * @count: How many there are
 * @room: How many there is room for
 */
struct list {
	const struct ppctl_set *set;
	size_t known;
	size_t size;
	char *items;
	size_t count;
	size_t room;
};

static int list_grow(struct list *list)
{
	size_t room = list->room ? 2 * list->room : 16;
	char *items;

	items = reallocarray(list->items, room, list->size);
	if (!items)
		return -ENOMEM;
	list->items = items;
	list->room = room;
	return 0;
}

static int item_read(const struct nlmsghdr *nlh, void *arg)
{
	union {
		struct pinpool_ctl_pool pool;
		struct pinpool_ctl_client client;
		struct pinpool_ctl_buffer buffer;
	} item;
	struct list *list = arg;
	int err;

	memset(&item, 0, sizeof(item));
	err = ppctl_parse(list->set, nlh, &item,
			  list->set == &ppctl_pool_set ? &item.pool.has : NULL);
	if (!err && list->count == list->room)
		err = list_grow(list);
	if (err)
		return err;
	ppctl_give(list->items + list->count * list->size, list->size, &item, list->known);
	list->count++;
	return 0;
}

/* Read what the request asks for that was begun */
static ssize_t list_read(struct pinpool_ctl *ctl, struct list *list, void *items)
{
	int attempts = 0, err;

	do {
		list->count = 0;
		err = ppctl_ask(ctl, list->set, item_read, list);
	} while (!err && ctl->torn && ++attempts < ATTEMPTS);
	if (err || !list->count) {
		free(list->items);
		list->items = NULL;
	}
	if (err)
		return err;
	memcpy(items, &list->items, sizeof(list->items));
	return list->count;
}

ssize_t pinpool_ctl_pools(struct pinpool_ctl *ctl, struct pinpool_ctl_pool **pools,
			  size_t size)
{
	struct list list = {
		.set = &ppctl_pool_set,
		.known = sizeof(**pools),
		.size = size,
	};

	if (size < END_OF(struct pinpool_ctl_pool, stats))
		return ppctl_fail(ctl, -EINVAL, NULL);
	ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_POOL_GET, NLM_F_DUMP);
	return list_read(ctl, &list, pools);
}

ssize_t pinpool_ctl_clients(struct pinpool_ctl *ctl, const char *pool,
			    struct pinpool_ctl_client **clients, size_t size)
{
	struct list list = {
		.set = &ppctl_client_set,
		.known = sizeof(**clients),
		.size = size,
	};
	struct nlmsghdr *nlh;

	if (size < END_OF(struct pinpool_ctl_client, shares))
		return ppctl_fail(ctl, -EINVAL, NULL);
	nlh = ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_CLIENT_GET, NLM_F_DUMP);
	if (pool && !ppctl_put_name(nlh, PINPOOL_A_CLIENT_POOL, pool))
		return ppctl_fail(ctl, -EINVAL, NULL);
	return list_read(ctl, &list, clients);
}

ssize_t pinpool_ctl_buffers(struct pinpool_ctl *ctl, const char *pool, uint64_t client,
			    struct pinpool_ctl_buffer **buffers, size_t size)
{
	struct list list = {
		.set = &ppctl_buffer_set,
		.known = sizeof(**buffers),
		.size = size,
	};
	struct nlmsghdr *nlh;

	if (size < END_OF(struct pinpool_ctl_buffer, reserved))
		return ppctl_fail(ctl, -EINVAL, NULL);
	nlh = ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_BUFFER_GET, NLM_F_DUMP);
	if (!ppctl_put_name(nlh, PINPOOL_A_BUFFER_POOL, pool) ||
	    (client && !mnl_attr_put_u64_check(nlh, REQUEST_SIZE, PINPOOL_A_BUFFER_CLIENT,
					       client)))
		return ppctl_fail(ctl, -EINVAL, NULL);
	return list_read(ctl, &list, buffers);
}

bool pinpool_ctl_torn(const struct pinpool_ctl *ctl)
{
	return ctl->torn;
}
