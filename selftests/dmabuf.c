// SPDX-License-Identifier: GPL-2.0
/*
 * Shares in the hands of other drivers: vgem takes a dma-buf as a GPU would, and
 * cirrus one to show it. What isn't loaded is skipped.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"
#include "drm_test.h"
#include "netlink.h"

#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

FIXTURE(dmabuf)
{
	struct pp_client a;
	struct pinpool_buf buf;
	int vgem;
};

FIXTURE_SETUP(dmabuf)
{
	self->vgem = drm_open("vgem");
	if (self->vgem < 0)
		PP_SKIP_SETUP("no vgem");
	ASSERT_TRUE(pp_client_open(&self->a));
	/* Over several chunks, and not to the end of a page */
	ASSERT_EQ(0, pp_alloc(self->a.fd, 5 * MIB + 4096 + 100, 0, &self->buf));
	pp_fill(self->a.window + self->buf.offset, 5 * MIB, 1);
}

FIXTURE_TEARDOWN(dmabuf)
{
	close(self->vgem);
	pp_free(self->a.fd, self->buf.handle);
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

TEST_F(dmabuf, a_driver_that_has_it_holds_it)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	uint32_t handle;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, drm_import(self->vgem, share, &handle));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	close(share);
	EXPECT_EQ(SIGBUS, pp_probe_read(self->a.window + self->buf.offset));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(1, stats.buffers);
	EXPECT_EQ(1, stats.shares);
	EXPECT_EQ(0, stats.client_buffers);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, self->a.capacity, 0, &buf));
	EXPECT_EQ(0, drm_close(self->vgem, handle));
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
}

TEST_F(dmabuf, it_comes_back_when_the_driver_is_closed_by_a_kill)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	struct pinpool_stats stats;
	uint32_t handle;
	int go[2], status;
	char byte;
	pid_t pid;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* An open file of its own: the inherited one stays open elsewhere. */
		int vgem = drm_open("vgem");

		if (drm_import(vgem, share, &handle) || write(go[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(go[0], &byte, 1));
	close(share);
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(1, stats.buffers);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
}

TEST_F(dmabuf, one_for_reading_is_not_given_to_a_device_that_may_write)
{
	int share = pp_export(self->a.fd, self->buf.handle, PINPOOL_SHARE_RDONLY);
	struct utsname uts;
	uint32_t handle;
	int err;

	ASSERT_LE(0, share);
	err = drm_import(self->vgem, share, &handle);
	close(share);
	if (!err)
		drm_close(self->vgem, handle);
	if (!err && !uname(&uts) && atoi(uts.release) >= 7)
		SKIP(return, "the vgem of this kernel maps nothing at import");
	EXPECT_EQ(-EACCES, err);
}

/* A device may have written to it, of which nobody learns. */
TEST_F(dmabuf, what_a_driver_had_is_zeroed_for_its_first_owner_too)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	struct utsname uts;
	struct pinpool_buf buf;
	uint32_t handle;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, drm_import(self->vgem, share, &handle));
	close(share);
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_EQ(0, drm_close(self->vgem, handle));
	ASSERT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	if (!uname(&uts) && atoi(uts.release) >= 7)
		SKIP(return, "the vgem of this kernel maps nothing at import");
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.capacity, 0, &buf));
	EXPECT_TRUE(pp_is_zero(self->a.window + self->buf.offset, 5 * MIB + 4096 + 100));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
}

/*
 * Give vgem a share and map that by vgem's own file, where it lies behind the object
 * that was made before it. Drivers don't tell where, as they would rather not have it
 * mapped so. Returns a negative errno if vgem doesn't take it.
 */
static int import_and_map(int vgem, int share, int prot, char **map)
{
	struct drm_mode_create_dumb dumb = { .width = 1024, .height = 1, .bpp = 32 };
	struct drm_mode_map_dumb where = {};
	uint32_t handle;
	int err;

	err = pp_ioctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	where.handle = dumb.handle;
	if (!err)
		err = pp_ioctl(vgem, DRM_IOCTL_MODE_MAP_DUMB, &where);
	if (!err)
		err = drm_import(vgem, share, &handle);
	if (!err)
		*map = mmap(NULL, 5 * MIB, prot, MAP_SHARED, vgem, where.offset + dumb.size);
	return err;
}

TEST_F(dmabuf, a_driver_maps_it)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	char *map;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, import_and_map(self->vgem, share, PROT_READ | PROT_WRITE, &map));
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(pp_matches(map, 5 * MIB, 1));
	pp_fill(map, 5 * MIB, 2);
	EXPECT_TRUE(pp_matches(self->a.window + self->buf.offset, 5 * MIB, 2));
	/* The mapping alone keeps the buffer. */
	close(share);
	close(self->vgem);
	self->vgem = -1;
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_TRUE(pp_matches(map, 5 * MIB, 2));
	munmap(map, 5 * MIB);
}

TEST_F(dmabuf, one_for_reading_is_not_mapped_writable_by_a_driver)
{
	int share = pp_export(self->a.fd, self->buf.handle, PINPOOL_SHARE_RDONLY);
	char *map;
	int err;

	ASSERT_LE(0, share);
	err = import_and_map(self->vgem, share, PROT_READ | PROT_WRITE, &map);
	if (err == -EACCES) {
		close(share);
		SKIP(return, "the vgem of this kernel doesn't take it at all");
	}
	ASSERT_EQ(0, err);
	EXPECT_TRUE(map == MAP_FAILED);
	EXPECT_EQ(EACCES, errno);
	close(self->vgem);
	self->vgem = drm_open("vgem");
	ASSERT_EQ(0, import_and_map(self->vgem, share, PROT_READ, &map));
	close(share);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(pp_matches(map, 5 * MIB, 1));
	EXPECT_EQ(-1, mprotect(map, 4096, PROT_READ | PROT_WRITE));
	munmap(map, 5 * MIB);
}

TEST_F(dmabuf, cpu_access_is_announced)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	uint32_t handle;
	char *map;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, drm_import(self->vgem, share, &handle));
	map = mmap(NULL, 5 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_EQ(0, pp_ioctl(share, DMA_BUF_IOCTL_SYNC, &sync));
	EXPECT_TRUE(pp_matches(map, 5 * MIB, 1));
	memset(map, 0, 4096);
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, pp_ioctl(share, DMA_BUF_IOCTL_SYNC, &sync));
	EXPECT_TRUE(pp_is_zero(self->a.window + self->buf.offset, 4096));
	munmap(map, 5 * MIB);
	EXPECT_EQ(0, drm_close(self->vgem, handle));
	close(share);
}

TEST_F(dmabuf, several_drivers_and_clients_have_it)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	int again = pp_export(self->a.fd, self->buf.handle, 0);
	int vgem = drm_open("vgem");
	uint32_t handles[3];
	struct pp_client b;
	struct pinpool_buf buf;

	ASSERT_LE(0, share);
	ASSERT_LE(0, again);
	ASSERT_TRUE(pp_client_open(&b));
	ASSERT_EQ(0, pp_import(b.fd, again, 0, &buf));
	ASSERT_EQ(0, drm_import(self->vgem, share, &handles[0]));
	ASSERT_EQ(0, drm_import(self->vgem, again, &handles[1]));
	ASSERT_EQ(0, drm_import(vgem, share, &handles[2]));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_EQ(0, drm_close(self->vgem, handles[0]));
	close(share);
	close(again);
	EXPECT_TRUE(pp_matches(b.window + buf.offset, 5 * MIB, 1));
	pp_client_close(&b);
	close(vgem);
	EXPECT_EQ(0, drm_close(self->vgem, handles[1]));
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
}

TEST_F(dmabuf, that_of_another_driver_is_refused)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_ioctl(self->vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb));
	prime.handle = dumb.handle;
	ASSERT_EQ(0, pp_ioctl(self->vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	EXPECT_EQ(-EXDEV, pp_import(self->a.fd, prime.fd, 0, &buf));
	EXPECT_EQ(-EXDEV, pp_import(self->a.fd, prime.fd, PINPOOL_SHARE_RDONLY, &buf));
	close(prime.fd);
	EXPECT_EQ(0, drm_close(self->vgem, dumb.handle));
}

TEST_F(dmabuf, that_of_another_pool_is_refused)
{
	const char *node = getenv("PINPOOL_OTHER");
	int fd = node ? open(node, O_RDWR | O_CLOEXEC) : -1;
	struct pinpool_buf buf;
	int share;

	if (fd < 0)
		SKIP(return, "PINPOOL_OTHER names no other pool");
	ASSERT_EQ(0, pp_alloc(fd, 4096, 0, &buf));
	share = pp_export(fd, buf.handle, 0);
	ASSERT_LE(0, share);
	EXPECT_EQ(-EXDEV, pp_import(self->a.fd, share, 0, &buf));
	close(share);
	close(fd);
}

/* What cirrus is to show must be mapped for the kernel: the buffer is a whole screen. */
TEST_F(dmabuf, a_screen_shows_it)
{
	uint32_t crtc, connector, handle;
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)&crtc, .count_crtcs = 1,
		.connector_id_ptr = (uintptr_t)&connector, .count_connectors = 1,
	};
	struct drm_mode_get_connector get = {};
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_fb_cmd2 fb = { .pixel_format = DRM_FORMAT_XRGB8888 };
	struct drm_mode_crtc set = {};
	struct pinpool_buf buf;
	int cirrus, share, i, best = 0;

	cirrus = drm_open("cirrus");
	if (cirrus < 0)
		cirrus = drm_open("cirrus-qemu");
	if (cirrus < 0)
		SKIP(return, "no cirrus");
	ASSERT_EQ(0, pp_ioctl(cirrus, DRM_IOCTL_MODE_GETRESOURCES, &res));
	get.connector_id = connector;
	ASSERT_EQ(0, pp_ioctl(cirrus, DRM_IOCTL_MODE_GETCONNECTOR, &get));
	ASSERT_GE(ARRAY_LEN(modes), get.count_modes);
	get.modes_ptr = (uintptr_t)modes;
	get.count_props = 0;
	get.count_encoders = 0;
	ASSERT_EQ(0, pp_ioctl(cirrus, DRM_IOCTL_MODE_GETCONNECTOR, &get));
	ASSERT_LT(0, get.count_modes);
	for (i = 1; i < get.count_modes; i++)
		if (modes[i].hdisplay * modes[i].vdisplay <
		    modes[best].hdisplay * modes[best].vdisplay)
			best = i;
	fb.width = modes[best].hdisplay;
	fb.height = modes[best].vdisplay;
	fb.pitches[0] = 4 * fb.width;

	ASSERT_EQ(0, pp_alloc(self->a.fd, fb.pitches[0] * fb.height, 0, &buf));
	share = pp_export(self->a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, drm_import(cirrus, share, &handle));
	fb.handles[0] = handle;
	ASSERT_EQ(0, pp_ioctl(cirrus, DRM_IOCTL_MODE_ADDFB2, &fb));
	set = (struct drm_mode_crtc){
		.set_connectors_ptr = (uintptr_t)&connector, .count_connectors = 1,
		.crtc_id = crtc, .fb_id = fb.fb_id, .mode_valid = 1, .mode = modes[best],
	};
	EXPECT_EQ(0, pp_ioctl(cirrus, DRM_IOCTL_MODE_SETCRTC, &set));
	/* All others let go of it while it is shown. */
	close(share);
	EXPECT_EQ(0, drm_close(cirrus, handle));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, self->a.capacity - 6 * MIB, 0, &buf));
	close(cirrus);
}

/* A pool of its own, which is deleted while vgem is at work on a buffer of it */
FIXTURE(deleted)
{
	struct nl nl;
	struct nl listener;
	struct pp_client client;
	struct pinpool_buf buf;
	uint32_t handle;
	int share;
	int vgem;
};

#define DELETED		"dmabuf-test"
#define DELETED_SIZE	(96 * MIB)

FIXTURE_SETUP(deleted)
{
	self->vgem = drm_open("vgem");
	if (self->vgem < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_open(&self->listener));
	/* Of a test that died */
	nl_pool_del(&self->nl, DELETED, true);
	ASSERT_EQ(0, nl_pool_new(&self->nl, DELETED, DELETED_SIZE, 0600));
	ASSERT_EQ(0, nl_listen(&self->listener, self->listener.events));
	ASSERT_TRUE(pp_client_open_at(&self->client, "/dev/pinpool/" DELETED));
	ASSERT_EQ(0, pp_alloc(self->client.fd, 5 * MIB + 100, 0, &self->buf));
	pp_fill(self->client.window + self->buf.offset, 5 * MIB, 1);
	self->share = pp_export(self->client.fd, self->buf.handle, 0);
	ASSERT_LE(0, self->share);
	ASSERT_EQ(0, drm_import(self->vgem, self->share, &self->handle));
}

FIXTURE_TEARDOWN(deleted)
{
	if (self->vgem < 0)
		return;
	close(self->vgem);
	nl_close(&self->listener);
	nl_close(&self->nl);
}

/* How many there are who keep the module, or -1 */
static int module_users(void)
{
	FILE *file = fopen("/sys/module/pinpool/refcnt", "re");
	int users = -1;

	if (!file || fscanf(file, "%d", &users) != 1)
		users = -1;
	if (file)
		fclose(file);
	return users;
}

/* All of the pool's memory comes back or nothing, and each processor may have some. */
#define MOST_KIB	(DELETED_SIZE / KIB * 2 / 3)

TEST_F(deleted, memory_stays_until_the_driver_is_done)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	unsigned long held;

	held = pp_available_kib();
	ASSERT_EQ(0, nl_pool_del(&self->nl, DELETED, true));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_STREQ(DELETED, nl_string(attrs[PINPOOL_A_POOL_NAME]));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->client.window + self->buf.offset));
	pp_client_close(&self->client);
	close(self->share);
	EXPECT_GT(held + MOST_KIB, pp_available_kib());

	/* The name is free meanwhile, and there is nothing of the old one in the new one. */
	ASSERT_EQ(0, nl_pool_new(&self->nl, DELETED, 8 * MIB, 0600));
	EXPECT_EQ(0, nl_stat(&self->nl, DELETED, PINPOOL_A_STATS_SHARES));
	EXPECT_EQ(0, nl_stat(&self->nl, DELETED, PINPOOL_A_STATS_USED));
	ASSERT_EQ(0, nl_pool_del(&self->nl, DELETED, false));
	EXPECT_GT(held + MOST_KIB, pp_available_kib());

	EXPECT_EQ(0, drm_close(self->vgem, self->handle));
	EXPECT_LT(held + MOST_KIB, pp_available_kib());
	/* The driver's end is no news of the pool, which was gone before. */
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_NEW_NTF, nl_cmd(nl_event(&self->listener, 0, NL_SOON_MS)));
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(nl_event(&self->listener, 0, NL_SOON_MS)));
	EXPECT_EQ(NULL, nl_event(&self->listener, 0, 0));
}

TEST_F(deleted, the_module_stays_until_the_driver_is_done)
{
	ASSERT_EQ(0, nl_pool_del(&self->nl, DELETED, true));
	pp_client_close(&self->client);
	close(self->share);
	EXPECT_LT(0, module_users());
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	EXPECT_EQ(0, drm_close(self->vgem, self->handle));
	EXPECT_EQ(0, module_users());
}

TEST_F(deleted, no_other_driver_gets_it)
{
	int other = drm_open("vgem");
	struct utsname uts;
	uint32_t handle;
	int err;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, nl_pool_del(&self->nl, DELETED, true));
	pp_client_close(&self->client);
	err = drm_import(other, self->share, &handle);
	if (!err)
		EXPECT_EQ(0, drm_close(other, handle));
	close(other);
	close(self->share);
	EXPECT_EQ(0, drm_close(self->vgem, self->handle));
	EXPECT_EQ(0, module_users());
	if (!err && !uname(&uts) && atoi(uts.release) >= 7)
		SKIP(return, "the vgem of this kernel maps nothing at import");
	EXPECT_EQ(-ENODEV, err);
}

PP_HARNESS_MAIN
