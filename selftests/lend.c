// SPDX-License-Identifier: GPL-2.0
/*
 * lend KIND NAME BYTES: make a pool of memory that is somebody's already, and keep that
 * until standard input ends. KIND is what it is: anon, shmem or hugetlb of this process,
 * or a dma-buf of vgem, udmabuf or heap. Says "ready", or exits with 4 where the kernel
 * hasn't such memory, or can't map it for itself.
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"
#include "foreign.h"
#include "netlink.h"
#include "user.h"

static void *shmem_new(size_t length)
{
	int fd = memfd_create("lend", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, length))
		return MAP_FAILED;
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void *memory_new(const char *kind, size_t length)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (!strcmp(kind, "shmem"))
		return shmem_new(length);
	if (!strcmp(kind, "hugetlb"))
		flags |= MAP_HUGETLB;
	return mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static int dmabuf_new(const char *kind, size_t length)
{
	if (!strcmp(kind, "vgem"))
		return vgem_new(length);
	return !strcmp(kind, "udmabuf") ? udmabuf_new(length) : heap_new(length);
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "lend: %s: %s\n", what, strerror(-err));
	return 1;
}

static int lend_dmabuf(const char *name, size_t length, int dmabuf)
{
	struct nlmsghdr *msg;
	struct nl nl;
	int err;

	err = nl_open(&nl);
	if (err)
		return fail("netlink", err);
	msg = nl_request(&nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, length);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_DMABUF);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_FD, dmabuf);
	err = nl_talk(&nl, msg, NULL, NULL);
	if (err)
		fail(nl.error, err);
	nl_close(&nl);
	if (err)
		return strstr(nl.error, "can't map it for the kernel") ? 4 : 1;
	return 0;
}

/* The pool lives as long as the file, which stays open. */
static int lend_user(const char *name, size_t length, const void *memory)
{
	int control = user_control();
	int err;

	if (control < 0)
		return fail(CONTROL, -errno);
	err = user_register(control, name, memory, length);
	return err ? fail(name, err) : 0;
}

int main(int argc, char **argv)
{
	size_t length;
	void *memory;
	int dmabuf;
	int ret;

	if (argc != 4)
		return 2;
	length = strtoull(argv[3], NULL, 0);
	if (strstr("anon shmem hugetlb", argv[1])) {
		memory = memory_new(argv[1], length);
		ret = memory == MAP_FAILED ? 4 : lend_user(argv[2], length, memory);
	} else {
		dmabuf = dmabuf_new(argv[1], length);
		ret = dmabuf < 0 ? 4 : lend_dmabuf(argv[2], length, dmabuf);
	}
	if (ret)
		return ret;
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
