/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of the library share
 */
#ifndef PINPOOL_PRIVATE_H
#define PINPOOL_PRIVATE_H

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

/**
 * struct pinpool - An open pool; constant while it is open
 * @window: Start of the window, or NULL. Must stay the first member: binaries
 *          have pinpool_ptr() compiled in
 * @capacity: Bytes in the pool
 * @granule: The smallest extent
 * @max_array: The longest array that one command takes
 * @fd: The file
 */
struct pinpool {
	void *window;
	uint64_t capacity;
	uint64_t granule;
	uint32_t max_array;
	int fd;
};

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static inline int pinpool_command(int fd, unsigned long command, void *arg)
{
	return ioctl(fd, command, arg) < 0 ? -errno : 0;
}

#endif /* PINPOOL_PRIVATE_H */
