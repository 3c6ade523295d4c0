/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk that can be told to stall: transfers that were begun stay in flight until
 * it goes on. It is a device-mapper device on a real one, suspended and resumed.
 */
#ifndef DISK_H
#define DISK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/dm-ioctl.h>
#include <linux/fs.h>

struct disk {
	int control;
	int fd;		/* for direct I/O */
	char name[DM_NAME_LEN];
};

struct disk_call {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char params[256];
};

static inline bool disk_ioctl(const struct disk *disk, unsigned long cmd, struct disk_call *call)
{
	call->head.version[0] = DM_VERSION_MAJOR;
	call->head.data_size = sizeof(*call);
	call->head.data_start = offsetof(struct disk_call, target);
	memcpy(call->head.name, disk->name, sizeof(disk->name));
	if (!ioctl(disk->control, cmd, call))
		return true;
	fprintf(stderr, "# device-mapper command %#lx: %s\n", cmd, strerror(errno));
	return false;
}

static inline bool disk_simple(const struct disk *disk, unsigned long cmd, uint32_t flags)
{
	struct disk_call call = { .head.flags = flags };

	return disk_ioctl(disk, cmd, &call);
}

static inline bool disk_stall(const struct disk *disk)
{
	return disk_simple(disk, DM_DEV_SUSPEND, DM_SUSPEND_FLAG);
}

static inline bool disk_go_on(const struct disk *disk)
{
	return disk_simple(disk, DM_DEV_SUSPEND, 0);
}

static inline void disk_close(struct disk *disk)
{
	if (disk->fd >= 0) {
		/* A transfer that a failed test left behind would wait for ever. */
		disk_go_on(disk);
		close(disk->fd);
	}
	disk_simple(disk, DM_DEV_REMOVE, 0);
	close(disk->control);
}

/* Sectors of a block device, or 0 */
static inline uint64_t disk_sectors(const char *device)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		bytes = 0;
	if (fd >= 0)
		close(fd);
	return bytes >> 9;
}

/* Lay a disk on @device. */
static inline bool disk_open(struct disk *disk, const char *device)
{
	struct disk_call create = {}, load = {
		.head.target_count = 1,
		.target.target_type = "linear",
		.target.length = disk_sectors(device),
	};
	char path[64];

	disk->fd = -1;
	snprintf(disk->name, sizeof(disk->name), "pinpool-%d", getpid());
	snprintf(load.params, sizeof(load.params), "%s 0", device);
	disk->control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (disk->control < 0 || !load.target.length ||
	    !disk_ioctl(disk, DM_DEV_CREATE, &create))
		return false;
	if (disk_ioctl(disk, DM_TABLE_LOAD, &load) && disk_go_on(disk)) {
		snprintf(path, sizeof(path), "/dev/dm-%u", minor(create.head.dev));
		disk->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	}
	return disk->fd >= 0;
}

#endif /* DISK_H */
