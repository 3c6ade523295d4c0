// SPDX-License-Identifier: GPL-2.0
/*
 * Pools over dma-bufs of other drivers: vgem, which gives memory as a GPU's driver
 * would; udmabuf; and the system heap. What this kernel hasn't is skipped.
 *
 * Needs root.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"
#include "foreign.h"
#include "netlink.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"dmabuf-test"
#define NODE	"/dev/pinpool/" NAME
#define LENGTH	(4 * MIB)

static struct nlmsghdr *request(struct nl *nl, uint64_t capacity, uint32_t fd)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_DMABUF);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_FD, fd);
	return msg;
}

static int make(struct nl *nl, uint64_t capacity, uint32_t fd)
{
	return nl_talk(nl, request(nl, capacity, fd), NULL, NULL);
}

/* A client of the pool */
static bool join(struct pp_client *client)
{
	return pp_client_open_at(client, NODE);
}

FIXTURE(dmabuf_pool)
{
	struct nl nl;
	int dmabuf;
	char *memory;		/* it, mapped by its exporter */
};

FIXTURE_VARIANT(dmabuf_pool)
{
	int (*make)(size_t length);
	const char *module;	/* that exports it, or NULL */
};

FIXTURE_VARIANT_ADD(dmabuf_pool, vgem)
{
	.make = vgem_new,
	.module = "vgem",
};

FIXTURE_VARIANT_ADD(dmabuf_pool, udmabuf)
{
	.make = udmabuf_new,
};

FIXTURE_VARIANT_ADD(dmabuf_pool, heap)
{
	.make = heap_new,
};

FIXTURE_SETUP(dmabuf_pool)
{
	int err;

	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	self->dmabuf = variant->make(LENGTH);
	if (self->dmabuf < 0)
		PP_SKIP_SETUP("this kernel has no such exporter");
	self->memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, self->dmabuf, 0);
	ASSERT_TRUE(self->memory != MAP_FAILED);
	pp_fill(self->memory, LENGTH, 99);
	err = make(&self->nl, LENGTH, self->dmabuf);
	if (foreign_cant_map(err, &self->nl)) {
		munmap(self->memory, LENGTH);
		close(self->dmabuf);
		self->dmabuf = -1;
		PP_SKIP_SETUP("this kernel's can't be mapped by another driver");
	}
	ASSERT_EQ(0, err) {
		TH_LOG("%s", self->nl.error);
	}
}

FIXTURE_TEARDOWN(dmabuf_pool)
{
	if (self->dmabuf >= 0)
		EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	nl_close(&self->nl);
}

TEST_F(dmabuf_pool, tells_what_it_is)
{
	struct pp_client client;
	struct pinpool_info info;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_info(client.fd, &info));
	EXPECT_EQ(PINPOOL_BACKING_DMABUF, info.backing);
	EXPECT_EQ(PINPOOL_LONGTERM_NO_FOREIGN, info.longterm);
	EXPECT_EQ(LENGTH, info.capacity);
	EXPECT_LE(1, info.chunks);
	EXPECT_EQ(-EOPNOTSUPP, nl_set_capacity(&self->nl, NAME, LENGTH / 2));
	EXPECT_TRUE(!!strstr(self->nl.error, "dma-buf"));
	EXPECT_EQ(-EEXIST, make(&self->nl, LENGTH, self->dmabuf));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(dmabuf_pool, is_the_memory_of_the_exporter)
{
	struct pp_client client;
	struct pinpool_buf a, b;

	ASSERT_TRUE(join(&client));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &a));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, MIB, &b));
	EXPECT_TRUE(pp_is_zero(client.window + a.offset, MIB));
	EXPECT_TRUE(pp_is_zero(self->memory + a.offset, MIB));
	pp_fill(client.window + a.offset, MIB, 1);
	EXPECT_TRUE(pp_matches(self->memory + a.offset, MIB, 1));
	pp_fill(self->memory + b.offset, MIB, 2);
	EXPECT_TRUE(pp_matches(client.window + b.offset, MIB, 2));
	EXPECT_EQ(0, pp_free(client.fd, a.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window + a.offset));
	EXPECT_TRUE(pp_matches(client.window + b.offset, MIB, 2));
	EXPECT_EQ(0, pp_free(client.fd, b.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(dmabuf_pool, clients_see_nothing_of_each_other)
{
	struct pp_client a, b;
	struct pinpool_buf buf;

	ASSERT_TRUE(join(&a));
	ASSERT_TRUE(join(&b));
	ASSERT_EQ(0, pp_alloc(a.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(a.window, LENGTH));
	pp_fill(a.window, LENGTH, 3);
	EXPECT_EQ(SIGBUS, pp_probe_read(b.window));
	EXPECT_EQ(0, pp_free(a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(a.fd, MIB, 0, &buf));
	EXPECT_TRUE(pp_matches(a.window, MIB, 3));
	EXPECT_EQ(0, pp_free(a.fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(b.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(b.window, LENGTH));
	EXPECT_EQ(SIGBUS, pp_probe_read(a.window));
	pp_client_close(&a);
	pp_client_close(&b);
}

TEST_F(dmabuf_pool, windows_cannot_be_pinned)
{
	struct pp_client client;
	struct pinpool_buf buf;
	char path[4096];
	int disk;

	snprintf(path, sizeof(path), "%s/pinpool.XXXXXX", getenv("TMPDIR") ?: ".");
	disk = mkostemp(path, O_CLOEXEC | O_DIRECT);
	ASSERT_LE(0, disk);
	unlink(path);
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	pp_fill(client.window, MIB, 4);
	EXPECT_EQ(-1, write(disk, client.window, MIB));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pp_matches(client.window, MIB, 4));
	pp_client_close(&client);
	close(disk);
}

/* DMA_API_DEBUG takes it for a defect when two devices map a page, and may panic. */
static bool is_mapped_once(void)
{
	int fd = open("/sys/kernel/debug/dma-api/disabled", O_RDONLY | O_CLOEXEC);
	char disabled;
	bool once = read(fd, &disabled, 1) == 1 && disabled != 'Y';

	close(fd);
	return once;
}

TEST_F(dmabuf_pool, shares)
{
	struct pp_client a, b;
	struct pinpool_buf buf, got;
	int share, readonly, vgem;
	uint32_t handle;
	char *map;

	ASSERT_TRUE(join(&a));
	ASSERT_TRUE(join(&b));
	ASSERT_EQ(0, pp_alloc(a.fd, MIB, MIB, &buf));
	pp_fill(a.window + buf.offset, MIB, 5);
	share = pp_export(a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	readonly = pp_export(a.fd, buf.handle, PINPOOL_SHARE_RDONLY);
	ASSERT_LE(0, readonly);
	ASSERT_EQ(0, pp_import(b.fd, share, 0, &got));
	EXPECT_TRUE(pp_matches(b.window + got.offset, MIB, 5));
	EXPECT_EQ(0, pp_free(b.fd, got.handle));
	ASSERT_EQ(0, pp_import(b.fd, readonly, PINPOOL_SHARE_RDONLY, &got));
	EXPECT_EQ(SIGBUS, pp_probe_write(b.window + got.offset));
	EXPECT_EQ(0, pp_free(b.fd, got.handle));
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0);
	EXPECT_TRUE(map == MAP_FAILED);
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	pp_fill(map, MIB, 6);
	EXPECT_TRUE(pp_matches(self->memory + buf.offset, MIB, 6));
	munmap(map, MIB);
	/* To a driver, the exporter itself perhaps, and back */
	vgem = is_mapped_once() ? -1 : drm_open("vgem");
	if (vgem >= 0) {
		ASSERT_EQ(0, drm_import(vgem, share, &handle));
		close(share);
		EXPECT_EQ(0, pp_free(a.fd, buf.handle));
		close(readonly);
		EXPECT_EQ(-ENOSPC, pp_alloc(a.fd, LENGTH, 0, &buf));
		share = drm_export(vgem, handle, DRM_RDWR);
		ASSERT_LE(0, share);
		ASSERT_EQ(0, pp_import(b.fd, share, 0, &got));
		EXPECT_TRUE(pp_matches(b.window + got.offset, MIB, 6));
		EXPECT_EQ(0, pp_free(b.fd, got.handle));
		EXPECT_EQ(0, drm_close(vgem, handle));
		close(vgem);
	} else {
		EXPECT_EQ(0, pp_free(a.fd, buf.handle));
		close(readonly);
	}
	close(share);
	EXPECT_TRUE(pp_pool_is_whole(a.fd, 2));
	ASSERT_EQ(0, pp_alloc(a.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(a.window, LENGTH));
	pp_client_close(&a);
	pp_client_close(&b);
}

/* How often a module is in use */
static int module_users(const char *module)
{
	char path[128];
	FILE *file;
	int users;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%d", &users) != 1)
		users = -1;
	if (file)
		fclose(file);
	return users;
}

/* All that the process had of it is gone; it is there for the pool, and as long. */
TEST_F(dmabuf_pool, outlives_its_maker)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int users = 0;

	EXPECT_EQ(0, munmap(self->memory, LENGTH));
	EXPECT_EQ(0, close(self->dmabuf));
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, LENGTH));
	pp_fill(client.window, LENGTH, 7);
	if (variant->module) {
		users = module_users(variant->module);
		EXPECT_EQ(-1, syscall(SYS_delete_module, variant->module, O_NONBLOCK));
		EXPECT_EQ(EWOULDBLOCK, errno);
	}
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 7));
	pp_client_close(&client);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	if (variant->module)
		EXPECT_GT(users, module_users(variant->module));
	self->dmabuf = -1;
}

TEST_F(dmabuf_pool, is_deleted_by_force)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int share;

	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	pp_fill(client.window, MIB, 8);
	EXPECT_EQ(-EBUSY, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, true));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	/* What the exporter has is as it was. */
	EXPECT_TRUE(pp_matches(self->memory, MIB, 8));
	close(share);
	pp_client_close(&client);
	/* It can be made a pool again, and a part of it can. */
	EXPECT_EQ(0, make(&self->nl, MIB, self->dmabuf));
	ASSERT_TRUE(join(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, MIB));
	EXPECT_FALSE(pp_is_zero(self->memory + MIB, MIB));
	pp_client_close(&client);
}

TEST_F(dmabuf_pool, too_small)
{
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	EXPECT_EQ(-EINVAL, make(&self->nl, LENGTH + 4096, self->dmabuf));
	EXPECT_STREQ("The dma-buf is smaller than the capacity", self->nl.error);
	EXPECT_EQ(-1, access(NODE, F_OK));
	EXPECT_EQ(0, make(&self->nl, LENGTH, self->dmabuf));
}

/* What is refused, where nothing but this module is needed */
FIXTURE(refused)
{
	struct nl nl;
};

FIXTURE_SETUP(refused)
{
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(refused)
{
	EXPECT_EQ(-1, access(NODE, F_OK));
	nl_close(&self->nl);
}

TEST_F(refused, no_dma_buf)
{
	struct nlmsghdr *msg;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-EBADF, make(&self->nl, MIB, -1));
	EXPECT_STRNE("", self->nl.error);
	EXPECT_EQ(-EBADF, make(&self->nl, MIB, 1000));
	EXPECT_STREQ("That is no file descriptor", self->nl.error);
	EXPECT_EQ(-EINVAL, make(&self->nl, MIB, null));
	EXPECT_STREQ("That is no dma-buf", self->nl.error);
	close(null);
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_DMABUF);
	EXPECT_EQ(-EINVAL, nl_talk(&self->nl, msg, NULL, NULL));
	EXPECT_STREQ("Backing dmabuf needs the file descriptor of one", self->nl.error);
}

TEST_F(refused, shares_of_pools)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int share;

	ASSERT_TRUE(pp_client_open(&client));
	ASSERT_EQ(0, pp_alloc(client.fd, MIB, 0, &buf));
	share = pp_export(client.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	EXPECT_EQ(-EXDEV, make(&self->nl, MIB, share));
	EXPECT_STREQ("That is a share of a pool", self->nl.error);
	close(share);
	EXPECT_EQ(0, pp_free(client.fd, buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

TEST_F(refused, dma_bufs_for_reading)
{
	int fd = drm_new("vgem", MIB, 0);

	if (fd < 0)
		SKIP(return, "no vgem");
	EXPECT_EQ(-EACCES, make(&self->nl, MIB, fd));
	EXPECT_STREQ("The dma-buf is for reading only", self->nl.error);
	close(fd);
}

PP_HARNESS_MAIN
