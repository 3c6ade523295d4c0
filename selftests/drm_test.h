/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of dma-bufs share: graphics drivers that give and take them
 */
#ifndef PINPOOL_TEST_DRM_H
#define PINPOOL_TEST_DRM_H

#include "pinpool_test.h"

#include <drm.h>
#include <drm_mode.h>

/* The node of a DRM driver, or -1 */
static inline int drm_open(const char *driver)
{
	struct drm_version version;
	char path[32], name[32];
	int i, fd;

	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		version = (struct drm_version){ .name = name, .name_len = sizeof(name) - 1 };
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver))
			return fd;
		close(fd);
	}
	return -1;
}

static inline int drm_import(int drm, int share, uint32_t *handle)
{
	struct drm_prime_handle prime = { .fd = share };
	int err = pp_ioctl(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

	*handle = prime.handle;
	return err;
}

static inline int drm_close(int drm, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return pp_ioctl(drm, DRM_IOCTL_GEM_CLOSE, &arg);
}

/* A dma-buf of an object, or a negative errno */
static inline int drm_export(int drm, uint32_t handle, uint32_t flags)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC | flags };
	int err = pp_ioctl(drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);

	return err ?: prime.fd;
}

/* One of a new object of a driver */
static inline int drm_new(const char *driver, size_t length, uint32_t flags)
{
	struct drm_mode_create_dumb dumb = { .width = 1024, .height = length / 4096, .bpp = 32 };
	int drm = drm_open(driver);
	int fd = -1;

	if (drm < 0)
		return -1;
	if (!pp_ioctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		fd = drm_export(drm, dumb.handle, flags);
	close(drm);
	return fd;
}

#endif /* PINPOOL_TEST_DRM_H */
