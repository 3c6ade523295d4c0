/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of pools of registered memory share
 */
#ifndef PINPOOL_TEST_USER_H
#define PINPOOL_TEST_USER_H

#include "pinpool_test.h"

#define CONTROL	"/dev/pinpool-control"
#define NAME	"user-test"
#define NODE	"/dev/pinpool/" NAME

/* An open file of the control node, or -1 */
static inline int user_control(void)
{
	return open(CONTROL, O_RDWR | O_CLOEXEC);
}

static inline struct pinpool_register user_request(const char *name, const void *address,
						   size_t length)
{
	struct pinpool_register reg = {
		.size = sizeof(reg), .address = (uintptr_t)address, .length = length,
	};

	snprintf(reg.name, sizeof(reg.name), "%s", name);
	return reg;
}

static inline int user_register(int fd, const char *name, const void *address, size_t length)
{
	struct pinpool_register reg = user_request(name, address, length);

	return pp_ioctl(fd, PINPOOL_IOC_REGISTER, &reg);
}

/* How much of this process's memory is pinned, in bytes */
static inline size_t user_pinned(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = -1UL;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * KIB;
}

#endif /* PINPOOL_TEST_USER_H */
