// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Making pools of memory that the process has
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pinpool.h"
#include "private.h"

int pinpool_register(const char *name, void *address, uint64_t length,
		     uint64_t granule, mode_t mode, enum pinpool_zero zero)
{
	struct pinpool_register arg = {
		.size = sizeof(arg),
		.address = (uintptr_t)address,
		.length = length,
		.granule = granule,
		.mode = mode,
		.zero = zero,
	};
	int fd, ret;

	if (strlen(name) >= sizeof(arg.name))
		return -ENAMETOOLONG;
	memcpy(arg.name, name, strlen(name));

	fd = open(PINPOOL_CONTROL, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = pinpool_command(fd, PINPOOL_IOC_REGISTER, &arg);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}
