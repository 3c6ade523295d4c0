// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Asking about buffers and pools
 */
#include <stddef.h>
#include <string.h>

#include "pinpool.h"
#include "private.h"

/* The first version of struct pinpool_query; the kernel takes no less */
#define QUERY_SIZE_1	(offsetof(struct pinpool_query, extent) + sizeof(__u64))

/* The head that every argument struct begins with */
struct head {
	__u32 size;
	__u32 flags;
};

static int arg_init(void *arg, size_t size, unsigned int flags)
{
	struct head head = { .size = size, .flags = flags };

	if (size < sizeof(head) || size > UINT32_MAX)
		return -EINVAL;
	memset(arg, 0, size);
	memcpy(arg, &head, sizeof(head));
	return 0;
}

static int query_init(struct pinpool_query *query, size_t size,
		      unsigned int flags)
{
	if (size < QUERY_SIZE_1)
		return -EINVAL;
	return arg_init(query, size, flags);
}

static int query_offset(struct pinpool *pool, uint64_t offset,
			struct pinpool_query *query, size_t size,
			unsigned int flags)
{
	int ret = query_init(query, size, PINPOOL_QUERY_OFFSET | flags);

	if (ret)
		return ret;
	query->offset = offset;
	return pinpool_command(pool->fd, PINPOOL_IOC_QUERY, query);
}

int pinpool_query(struct pinpool *pool, uint64_t handle,
		  struct pinpool_query *query, size_t size)
{
	int ret = query_init(query, size, 0);

	if (ret)
		return ret;
	query->handle = handle;
	return pinpool_command(pool->fd, PINPOOL_IOC_QUERY, query);
}

int pinpool_find(struct pinpool *pool, uint64_t offset,
		 struct pinpool_query *query, size_t size)
{
	return query_offset(pool, offset, query, size, 0);
}

int pinpool_next(struct pinpool *pool, struct pinpool_query *query,
		 size_t size)
{
	if (size < QUERY_SIZE_1)
		return -EINVAL;
	return query_offset(pool, query->offset + query->extent, query, size,
			    PINPOOL_QUERY_NEXT);
}

int pinpool_info(struct pinpool *pool, struct pinpool_info *info, size_t size)
{
	int ret = arg_init(info, size, 0);

	return ret ? ret : pinpool_command(pool->fd, PINPOOL_IOC_INFO, info);
}

int pinpool_stats(struct pinpool *pool, struct pinpool_stats *stats,
		  size_t size)
{
	int ret = arg_init(stats, size, 0);

	return ret ? ret : pinpool_command(pool->fd, PINPOOL_IOC_STATS, stats);
}
