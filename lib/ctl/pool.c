// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * One pool: look at it, make, change and delete it
 */
#include <string.h>

#include "private.h"

/* The size of struct pinpool_ctl_pool in its first version */
#define POOL_SIZE_0	END_OF(struct pinpool_ctl_pool, stats)

#define SETTABLE	((PINPOOL_CTL_HAS_ID - 1) | PINPOOL_CTL_HAS_BASE | \
			 PINPOOL_CTL_HAS_ALIGN | PINPOOL_CTL_HAS_REGION | \
			 PINPOOL_CTL_HAS_KEEP | PINPOOL_CTL_HAS_FD | PINPOOL_CTL_HAS_TELL_BUS)
#define KNOWN		(PINPOOL_CTL_HAS_CHUNKS * 2 - 1)

static int pool_read(const struct nlmsghdr *nlh, void *arg)
{
	struct pinpool_ctl_pool *pool = arg;

	memset(pool, 0, sizeof(*pool));
	return ppctl_parse(&ppctl_pool_set, nlh, pool, &pool->has);
}

/* Finish a request that is answered by one pool */
static int pool_ask(struct pinpool_ctl *ctl, void *out, size_t size)
{
	struct pinpool_ctl_pool pool = { 0 };
	int err;

	err = ppctl_ask(ctl, &ppctl_pool_set, pool_read, &pool);
	if (err)
		return err;
	if (!*pool.name)
		return ppctl_fail(ctl, -EPROTO, NULL);
	ppctl_give(out, size, &pool, sizeof(pool));
	return 0;
}

int pinpool_ctl_pool_get(struct pinpool_ctl *ctl, const char *name,
			 struct pinpool_ctl_pool *pool, size_t size)
{
	struct nlmsghdr *nlh;

	if (size < POOL_SIZE_0)
		return ppctl_fail(ctl, -EINVAL, NULL);
	nlh = ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_POOL_GET, 0);
	if (!ppctl_put_name(nlh, PINPOOL_A_POOL_NAME, name))
		return ppctl_fail(ctl, -EINVAL, NULL);
	return pool_ask(ctl, pool, size);
}

/* Take what the caller has. The rest of a larger struct must be empty */
static int pool_take(struct pinpool_ctl_pool *pool, const void *from, size_t size)
{
	const char *rest = from;
	size_t i;

	if (size < POOL_SIZE_0)
		return -EINVAL;
	memset(pool, 0, sizeof(*pool));
	memcpy(pool, from, size < sizeof(*pool) ? size : sizeof(*pool));
	if (!memchr(pool->name, 0, sizeof(pool->name)) ||
	    !memchr(pool->region, 0, sizeof(pool->region)))
		return -EINVAL;
	for (i = sizeof(*pool); i < size; i++)
		if (rest[i])
			return -E2BIG;
	return pool->has & ~(uint64_t)KNOWN ? -E2BIG : 0;
}

/* Send what the caller has for a pool */
static int pool_send(struct pinpool_ctl *ctl, uint8_t cmd, struct pinpool_ctl_pool *pool,
		     size_t size)
{
	struct pinpool_ctl_pool in;
	struct nlmsghdr *nlh;
	int err;

	err = pool_take(&in, pool, size);
	if (err)
		return ppctl_fail(ctl, err, NULL);
	nlh = ppctl_begin(ctl, ctl->family, cmd, 0);
	if (!ppctl_put_name(nlh, PINPOOL_A_POOL_NAME, in.name) ||
	    !ppctl_put(nlh, &ppctl_pool_set, &in, in.has & SETTABLE))
		return ppctl_fail(ctl, -EINVAL, NULL);
	return pool_ask(ctl, pool, size);
}

int pinpool_ctl_pool_new(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, size_t size)
{
	return pool_send(ctl, PINPOOL_NL_CMD_POOL_NEW, pool, size);
}

int pinpool_ctl_pool_set(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, size_t size)
{
	return pool_send(ctl, PINPOOL_NL_CMD_POOL_SET, pool, size);
}

int pinpool_ctl_pool_del(struct pinpool_ctl *ctl, const char *name, bool force)
{
	struct nlmsghdr *nlh;

	nlh = ppctl_begin(ctl, ctl->family, PINPOOL_NL_CMD_POOL_DEL, 0);
	if (!ppctl_put_name(nlh, PINPOOL_A_POOL_NAME, name) ||
	    (force && !mnl_attr_put_check(nlh, REQUEST_SIZE, PINPOOL_A_POOL_FORCE, 0, NULL)))
		return ppctl_fail(ctl, -EINVAL, NULL);
	return ppctl_ask(ctl, &ppctl_pool_set, NULL, NULL);
}
