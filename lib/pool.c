// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Opening and closing pools
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pinpool.h"
#include "private.h"

_Static_assert(offsetof(struct pinpool, window) == 0, "pinpool_ptr()");

#define OPEN_FLAGS	(PINPOOL_RDONLY | PINPOOL_NO_WINDOW)

static int window_map(struct pinpool *pool, unsigned int flags, uint32_t backing)
{
	int prot = PROT_READ | PROT_WRITE;
	void *window;
	int mode;

	if (flags & PINPOOL_NO_WINDOW)
		return 0;
	/* As mmap() has it, unless so much would not fit anyway */
	if (backing == PINPOOL_BACKING_NONE)
		return -ENODEV;
	if (pool->capacity > SIZE_MAX)
		return -EOVERFLOW;

	mode = fcntl(pool->fd, F_GETFL);
	if (mode < 0)
		return -errno;
	if ((flags & PINPOOL_RDONLY) || (mode & O_ACCMODE) == O_RDONLY)
		prot = PROT_READ;

	window = mmap(NULL, pool->capacity, prot, MAP_SHARED, pool->fd, 0);
	if (window != MAP_FAILED) {
		pool->window = window;
		return 0;
	}
	/* A pool larger than the address space is no shortage of memory */
	if (errno == ENOMEM && pool->capacity > SIZE_MAX / 4)
		return -EOVERFLOW;
	return -errno;
}

int pinpool_open_fd(int fd, unsigned int flags, struct pinpool **pool)
{
	struct pinpool_info info = { .size = sizeof(info) };
	struct pinpool *p;
	int ret;

	if (flags & ~OPEN_FLAGS)
		return -EOPNOTSUPP;
	ret = pinpool_command(fd, PINPOOL_IOC_INFO, &info);
	if (ret)
		return ret;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fd = fd;
	p->capacity = info.capacity;
	p->granule = info.granule;
	p->max_array = info.max_array;

	ret = window_map(p, flags, info.backing);
	if (ret) {
		free(p);
		return ret;
	}
	*pool = p;
	return 0;
}

/* The path of a node, in @path unless @name is one already */
static const char *node_path(const char *name, char *path, size_t size)
{
	if (strchr(name, '/'))
		return name;
	if (snprintf(path, size, "%s/%s", PINPOOL_DIR, name) >= (int)size)
		return NULL;
	return path;
}

int pinpool_open(const char *name, unsigned int flags, struct pinpool **pool)
{
	char buf[sizeof(PINPOOL_DIR) + PINPOOL_NAME_SIZE];
	const char *path;
	int fd, ret;

	if (flags & ~OPEN_FLAGS)
		return -EOPNOTSUPP;
	if (!*name)
		return -EINVAL;
	path = node_path(name, buf, sizeof(buf));
	if (!path)
		return -ENAMETOOLONG;

	fd = open(path, (flags & PINPOOL_RDONLY ? O_RDONLY : O_RDWR) |
			O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = pinpool_open_fd(fd, flags, pool);
	if (ret)
		close(fd);
	return ret;
}

void pinpool_close(struct pinpool *pool)
{
	if (!pool)
		return;
	if (pool->window)
		munmap(pool->window, pool->capacity);
	close(pool->fd);
	free(pool);
}

int pinpool_fd(const struct pinpool *pool)
{
	return pool->fd;
}

void *pinpool_window(const struct pinpool *pool)
{
	return pool->window;
}

uint64_t pinpool_capacity(const struct pinpool *pool)
{
	return pool->capacity;
}

uint64_t pinpool_granule(const struct pinpool *pool)
{
	return pool->granule;
}

int64_t pinpool_offset(const struct pinpool *pool, const void *ptr)
{
	uintptr_t window = (uintptr_t)pool->window;
	uintptr_t address = (uintptr_t)ptr;

	if (!window || address < window || address - window >= pool->capacity)
		return -ERANGE;
	return address - window;
}
