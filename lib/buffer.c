// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Allocating and freeing buffers
 */
#include <stddef.h>
#include <time.h>

#include "pinpool.h"
#include "private.h"

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* CLOCK_MONOTONIC; 0 for no time at all */
static uint64_t deadline_of(int64_t timeout_ns)
{
	struct timespec now;

	if (!timeout_ns)
		return 0;
	if (timeout_ns < 0)
		return UINT64_MAX;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec + timeout_ns;
}

static uint64_t window_of(const struct pinpool *pool, unsigned int flags)
{
	return flags & PINPOOL_ALLOC_POPULATE ? (uintptr_t)pool->window : 0;
}

int pinpool_alloc_timed(struct pinpool *pool, uint64_t length, uint64_t align,
			unsigned int flags, int64_t timeout_ns,
			struct pinpool_buf *buf)
{
	struct pinpool_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.length = length,
		.align = align,
		.deadline_ns = deadline_of(timeout_ns),
		.window = window_of(pool, flags),
	};
	int ret = pinpool_command(pool->fd, PINPOOL_IOC_ALLOC, &arg);

	if (ret)
		return ret;
	/* Member by member: the caller's struct may be of another version */
	buf->length = length;
	buf->align = align;
	buf->offset = arg.offset;
	buf->handle = arg.handle;
	return 0;
}

int pinpool_alloc(struct pinpool *pool, uint64_t length, uint64_t align,
		  struct pinpool_buf *buf)
{
	return pinpool_alloc_timed(pool, length, align, 0, 0, buf);
}

static ssize_t alloc_chunk(struct pinpool *pool, void *bufs, size_t count,
			   size_t buf_size, unsigned int flags)
{
	struct pinpool_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.bufs = (uintptr_t)bufs,
		.count = count,
		.buf_size = buf_size,
		.window = window_of(pool, flags),
	};
	int ret = pinpool_command(pool->fd, PINPOOL_IOC_ALLOC, &arg);

	return ret ? ret : (ssize_t)arg.done;
}

ssize_t pinpool_alloc_array(struct pinpool *pool, struct pinpool_buf *bufs,
			    size_t count, size_t buf_size, unsigned int flags)
{
	char *next = (char *)bufs;
	size_t made = 0;

	if (!buf_size || buf_size > UINT32_MAX ||
	    count > PTRDIFF_MAX / buf_size)
		return -EINVAL;
	if (count > pool->max_array && !(flags & PINPOOL_ALLOC_PARTIAL))
		return -EINVAL;

	while (made < count) {
		size_t want = min_size(count - made, pool->max_array);
		ssize_t got = alloc_chunk(pool, next, want, buf_size, flags);

		if (got < 0)
			return made ? (ssize_t)made : got;
		made += got;
		next += got * buf_size;
		if ((size_t)got < want)
			break;
	}
	return made;
}

ssize_t pinpool_alloc_scatter(struct pinpool *pool, uint64_t length,
			      struct pinpool_buf *bufs, size_t count, size_t buf_size,
			      unsigned int flags, int64_t timeout_ns)
{
	struct pinpool_alloc arg = {
		.size = sizeof(arg),
		.flags = flags | PINPOOL_ALLOC_SCATTER,
		.length = length,
		.bufs = (uintptr_t)bufs,
		.count = min_size(count, UINT32_MAX),
		.buf_size = min_size(buf_size, UINT32_MAX),
		.deadline_ns = deadline_of(timeout_ns),
		.window = window_of(pool, flags),
	};
	int ret = pinpool_command(pool->fd, PINPOOL_IOC_ALLOC, &arg);

	return ret ? ret : (ssize_t)arg.done;
}

int pinpool_free(struct pinpool *pool, uint64_t handle)
{
	struct pinpool_free arg = {
		.size = sizeof(arg),
		.handle = handle,
	};

	return pinpool_command(pool->fd, PINPOOL_IOC_FREE, &arg);
}

int pinpool_resize(struct pinpool *pool, uint64_t handle, uint64_t length)
{
	struct pinpool_resize arg = {
		.size = sizeof(arg),
		.handle = handle,
		.length = length,
	};

	return pinpool_command(pool->fd, PINPOOL_IOC_RESIZE, &arg);
}

int pinpool_free_array(struct pinpool *pool, const uint64_t *handles,
		       size_t count, size_t *done)
{
	size_t freed = 0;
	int ret = 0;

	while (!ret && freed < count) {
		struct pinpool_free arg = {
			.size = sizeof(arg),
			.handles = (uintptr_t)(handles + freed),
			.count = min_size(count - freed, pool->max_array),
		};

		ret = pinpool_command(pool->fd, PINPOOL_IOC_FREE, &arg);
		freed += arg.done;
	}
	if (done)
		*done = freed;
	return ret;
}
