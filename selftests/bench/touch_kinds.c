// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of memory that are compared
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/pinpool.h>
#include <linux/udmabuf.h>

#include "touch.h"

#define KIB	1024UL
#define MIB	(1024 * KIB)

#define DMA_HEAP	"/dev/dma_heap/system"
#define UDMABUF		"/dev/udmabuf"

static void *map(const struct kind *kind, size_t size, int flags, int fd, off_t offset)
{
	void *memory;

	if (kind->flags & POPULATE)
		flags |= MAP_POPULATE;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
	if (memory == MAP_FAILED)
		die(kind->name);
	return memory;
}

static void unmap(const struct kind *kind, struct area *area)
{
	(void)kind;
	munmap(area->memory, area->size);
}

static const char *always_there(const struct kind *kind)
{
	(void)kind;
	return NULL;
}

static void nothing(const struct kind *kind)
{
	(void)kind;
}

/* Addresses for areas of huge pages, which not every kernel aligns by itself */
#define ARENA	(64 * MIB)

static char *next_address(size_t size)
{
	static char *arena;
	static size_t used;
	char *address;

	if (!arena) {
		arena = mmap(NULL, ARENA + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (arena == MAP_FAILED)
			die("mmap");
		munmap(arena, ARENA + 2 * MIB);
		arena += -(uintptr_t)arena % (2 * MIB);
	}
	address = arena + used;
	used = (used + size) % ARENA;
	return address;
}

/*
 * Whether huge pages are used must be told after the mapping, and before the first
 * touch: so MAP_POPULATE is too early.
 */
static void map_advised(const struct kind *kind, struct area *area, int flags, int fd)
{
	bool huge = kind->flags & HUGE_PAGES;
	void *address = huge ? next_address(area->size) : NULL;

	area->memory = mmap(address, area->size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (area->memory == MAP_FAILED ||
	    madvise(area->memory, area->size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ||
	    (kind->flags & POPULATE && madvise(area->memory, area->size, MADV_POPULATE_WRITE)))
		die(kind->name);
}

static void anonymous_get(const struct kind *kind, struct area *area)
{
	map_advised(kind, area, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int memfd_new(size_t size, unsigned int flags)
{
	int fd = memfd_create("touch", MFD_CLOEXEC | flags);

	if (fd < 0 || ftruncate(fd, size))
		die("memfd");
	return fd;
}

static void memfd_get(const struct kind *kind, struct area *area)
{
	int fd = memfd_new(area->size, 0);

	map_advised(kind, area, MAP_SHARED, fd);
	close(fd);
}

static const char *hugetlb_begin(const struct kind *kind)
{
	void *memory = mmap(NULL, kind->unit, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED)
		return "huge page set aside";
	munmap(memory, kind->unit);
	return NULL;
}

static void hugetlb_get(const struct kind *kind, struct area *area)
{
	area->memory = map(kind, area->size, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
}

static int heap_fd;

static const char *heap_begin(const struct kind *kind)
{
	(void)kind;
	heap_fd = open(DMA_HEAP, O_RDWR | O_CLOEXEC);
	return heap_fd < 0 ? DMA_HEAP : NULL;
}

static void heap_get(const struct kind *kind, struct area *area)
{
	struct dma_heap_allocation_data data = {
		.len = area->size, .fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (ioctl(heap_fd, DMA_HEAP_IOCTL_ALLOC, &data))
		die(kind->name);
	area->memory = map(kind, area->size, MAP_SHARED, data.fd, 0);
	close(data.fd);
}

static void heap_end(const struct kind *kind)
{
	(void)kind;
	close(heap_fd);
}

static int udmabuf_fd;

static const char *udmabuf_begin(const struct kind *kind)
{
	(void)kind;
	udmabuf_fd = open(UDMABUF, O_RDWR | O_CLOEXEC);
	return udmabuf_fd < 0 ? UDMABUF : NULL;
}

static void udmabuf_get(const struct kind *kind, struct area *area)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = area->size };
	int fd;

	create.memfd = memfd_new(area->size, MFD_ALLOW_SEALING);
	if (fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		die("F_SEAL_SHRINK");
	fd = ioctl(udmabuf_fd, UDMABUF_CREATE, &create);
	if (fd < 0)
		die(kind->name);
	close(create.memfd);
	area->memory = map(kind, area->size, MAP_SHARED, fd, 0);
	close(fd);
}

static void udmabuf_end(const struct kind *kind)
{
	(void)kind;
	close(udmabuf_fd);
}

/* The first is at work. With OTHERS they change places when all was freed. */
static struct pool_client {
	int fd;
	char *window;
	size_t capacity;
} clients[2];
static unsigned int buffers;

static const char *pool_begin(const struct kind *kind)
{
	struct pinpool_info info = { .size = sizeof(info) };
	const struct kind plain = { .name = kind->name };
	struct pool_client *client;
	int i;

	if (access(kind->node, F_OK))
		return kind->node;
	for (i = 0; i < 2; i++) {
		client = &clients[i];
		client->fd = open(kind->node, O_RDWR | O_CLOEXEC);
		if (client->fd < 0)
			die(kind->node);
		if (ioctl(client->fd, PINPOOL_IOC_INFO, &info))
			die("INFO");
		client->capacity = info.capacity;
		client->window = map(&plain, info.capacity, MAP_SHARED, client->fd, 0);
	}
	return NULL;
}

static void pool_end(const struct kind *kind)
{
	int i;

	(void)kind;
	for (i = 0; i < 2; i++) {
		munmap(clients[i].window, clients[i].capacity);
		close(clients[i].fd);
	}
}

static void pool_get(const struct kind *kind, struct area *area)
{
	struct pinpool_alloc alloc = { .size = sizeof(alloc), .length = area->size };

	if (kind->flags & POPULATE && !(kind->flags & NEW_WINDOW)) {
		alloc.flags = PINPOOL_ALLOC_POPULATE;
		alloc.window = (uintptr_t)clients[0].window;
	}
	if (ioctl(clients[0].fd, PINPOOL_IOC_ALLOC, &alloc))
		die("ALLOC");
	buffers++;
	area->handle = alloc.handle;
	if (kind->flags & NEW_WINDOW)
		area->memory = map(kind, area->size, MAP_SHARED, clients[0].fd, alloc.offset);
	else
		area->memory = clients[0].window + alloc.offset;
}

static void pool_take_turns(void)
{
	struct pool_client first = clients[0];

	clients[0] = clients[1];
	clients[1] = first;
}

static void pool_put(const struct kind *kind, struct area *area)
{
	struct pinpool_free free = { .size = sizeof(free), .handle = area->handle };

	if (kind->flags & NEW_WINDOW)
		unmap(kind, area);
	if (ioctl(clients[0].fd, PINPOOL_IOC_FREE, &free))
		die("FREE");
	if (!--buffers && kind->flags & OTHERS)
		pool_take_turns();
}

static const struct kind_ops anonymous = { always_there, anonymous_get, unmap, nothing };
static const struct kind_ops memfd = { always_there, memfd_get, unmap, nothing };
static const struct kind_ops hugetlb = { hugetlb_begin, hugetlb_get, unmap, nothing };
static const struct kind_ops dma_heap = { heap_begin, heap_get, unmap, heap_end };
static const struct kind_ops udmabuf = { udmabuf_begin, udmabuf_get, unmap, udmabuf_end };
static const struct kind_ops pool = { pool_begin, pool_get, pool_put, pool_end };

#define BASE	"/dev/pinpool/base"
#define HUGE	"/dev/pinpool/huge"

/* The first that there is, of an area's size, is what the others are compared to. */
const struct kind kinds[] = {
	{ "hugetlbfs", &hugetlb, NULL, 0, 2 * MIB },
	{ "hugetlbfs, populated", &hugetlb, NULL, POPULATE, 2 * MIB },
	{ "memfd", &memfd, NULL, 0, 4 * KIB },
	{ "memfd, populated", &memfd, NULL, POPULATE, 4 * KIB },
	{ "memfd, huge pages", &memfd, NULL, HUGE_PAGES, 2 * MIB },
	{ "memfd, huge pages, populated", &memfd, NULL, HUGE_PAGES | POPULATE, 2 * MIB },
	{ "anonymous", &anonymous, NULL, 0, 4 * KIB },
	{ "anonymous, populated", &anonymous, NULL, POPULATE, 4 * KIB },
	{ "anonymous, huge pages", &anonymous, NULL, HUGE_PAGES, 2 * MIB },
	{ "anonymous, huge pages, populated", &anonymous, NULL, HUGE_PAGES | POPULATE, 2 * MIB },
	{ "udmabuf", &udmabuf, NULL, 0, 4 * KIB },
	{ "dma-heap", &dma_heap, NULL, 0, 4 * KIB },
	{ "pool", &pool, BASE, 0, 4 * KIB },
	{ "pool, populated", &pool, BASE, POPULATE, 4 * KIB },
	{ "pool, new window", &pool, BASE, NEW_WINDOW, 4 * KIB },
	{ "pool, new window, populated", &pool, BASE, NEW_WINDOW | POPULATE, 4 * KIB },
	{ "pool, of another client", &pool, BASE, OTHERS, 4 * KIB },
	{ "pool, of another client, populated", &pool, BASE, OTHERS | POPULATE, 4 * KIB },
	{ "pool, huge pages", &pool, HUGE, 0, 2 * MIB },
	{ "pool, huge pages, populated", &pool, HUGE, POPULATE, 2 * MIB },
	{ "pool, huge pages, of another client", &pool, HUGE, OTHERS, 2 * MIB },
	{ "pool, huge pages, of another, populated", &pool, HUGE, OTHERS | POPULATE, 2 * MIB },
	{}
};
