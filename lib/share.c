// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Sharing buffers between clients
 */
#include "pinpool.h"
#include "private.h"

int pinpool_export(struct pinpool *pool, uint64_t handle, unsigned int flags)
{
	struct pinpool_export arg = {
		.size = sizeof(arg),
		.flags = flags,
		.handle = handle,
	};
	int ret = pinpool_command(pool->fd, PINPOOL_IOC_EXPORT, &arg);

	return ret ? ret : arg.fd;
}

int pinpool_import(struct pinpool *pool, int fd, unsigned int flags,
		   struct pinpool_buf *buf)
{
	struct pinpool_import arg = {
		.size = sizeof(arg),
		.flags = flags,
		.fd = fd,
	};
	int ret = pinpool_command(pool->fd, PINPOOL_IOC_IMPORT, &arg);

	if (ret)
		return ret;
	/* Member by member: the caller's struct may be of another version */
	buf->length = arg.length;
	buf->align = 0;
	buf->offset = arg.offset;
	buf->handle = arg.handle;
	return 0;
}
