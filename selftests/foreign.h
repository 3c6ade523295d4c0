/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dma-bufs of other drivers: each is a descriptor, or -1 if this kernel hasn't such
 */
#ifndef PINPOOL_TEST_FOREIGN_H
#define PINPOOL_TEST_FOREIGN_H

#include "pinpool_test.h"
#include "drm_test.h"
#include "netlink.h"

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

static inline int vgem_new(size_t length)
{
	return drm_new("vgem", length, DRM_RDWR);
}

static inline int udmabuf_new(size_t length)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = length };
	int control = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = -1;

	if (control < 0)
		return -1;
	create.memfd = memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (!ftruncate(create.memfd, length) &&
	    !fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(control, UDMABUF_CREATE, &create);
	close(create.memfd);
	close(control);
	return fd;
}

static inline int heap_new(size_t length)
{
	struct dma_heap_allocation_data data = { .len = length, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int err;

	if (heap < 0)
		return -1;
	err = pp_ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return err ? -1 : (int)data.fd;
}

/* Did POOL_NEW fail as the exporter can't do its part? That of udmabuf can since Linux 6.2. */
static inline bool foreign_cant_map(int err, const struct nl *nl)
{
	return err == -EINVAL && strstr(nl->error, "can't map it for the kernel");
}

#endif /* PINPOOL_TEST_FOREIGN_H */
