// SPDX-License-Identifier: GPL-2.0
/*
 * Test glue for programs that open and map a file which they are given as memory
 * (fio's --mem=mmapshared:, perftest's --mmap=), and know nothing of pools: an
 * open file of a pool has no memory before it allocated some
 *
 *	PINPOOL_PRELOAD_SIZE=16M LD_PRELOAD=preload.so ib_write_bw --mmap=/dev/pinpool/x
 *
 * gives each file that the program opens in /dev/pinpool one buffer of that size,
 * and lets its mappings begin where that buffer does. All else is passed through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/pinpool.h>

static uint64_t buffer_size(void)
{
	static const char units[] = "KMG";
	const char *text = getenv("PINPOOL_PRELOAD_SIZE");
	const char *unit;
	uint64_t size;
	char *end;

	if (!text)
		return 0;
	size = strtoull(text, &end, 0);
	unit = *end ? strchr(units, *end) : NULL;
	return unit ? size << 10 * (unit - units + 1) : size;
}

/* Returns @fd, or -1 where there is no room. */
static int give_buffer(const char *path, int fd, int flags)
{
	struct pinpool_alloc alloc = { .size = sizeof(alloc), .length = buffer_size() };
	int err;

	if (fd < 0 || !alloc.length || (flags & O_ACCMODE) == O_RDONLY ||
	    strncmp(path, "/dev/pinpool/", strlen("/dev/pinpool/")))
		return fd;
	if (!ioctl(fd, PINPOOL_IOC_ALLOC, &alloc))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int open_file(int dir, const char *path, int flags, mode_t mode)
{
	return give_buffer(path, syscall(SYS_openat, dir, path, flags, mode), flags);
}

static bool has_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (has_mode(flags))
		mode = va_arg(args, mode_t);
	va_end(args);
	return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (has_mode(flags))
		mode = va_arg(args, mode_t);
	va_end(args);
	return open_file(dir, path, flags, mode);
}

/* Where @fd's only buffer begins, or 0 where it isn't a pool's */
static uint64_t buffer_offset(int fd)
{
	struct pinpool_query query = {
		.size = sizeof(query), .flags = PINPOOL_QUERY_OFFSET | PINPOOL_QUERY_NEXT,
	};
	int err = errno;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISCHR(st.st_mode) || !buffer_size() ||
	    ioctl(fd, PINPOOL_IOC_QUERY, &query))
		query.offset = 0;
	errno = err;
	return query.offset;
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	if (!(flags & MAP_ANONYMOUS))
		offset += buffer_offset(fd);
	return (void *)syscall(SYS_mmap, address, length, prot, flags, fd, offset);
}

/* The names that programs call them by when they were built otherwise */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));
void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset)
	__attribute__((alias("mmap")));
