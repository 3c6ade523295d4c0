// SPDX-License-Identifier: GPL-2.0
/*
 * Sharing: a buffer in the hands of several processes, and what each of them may
 * do with it
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define LENGTH	(5 * self->a.granule - 100)

FIXTURE(share)
{
	struct pp_client observer;	/* holds nothing */
	struct pp_client a;		/* allocates the buffer */
	struct pp_client b;
	struct pinpool_buf buf;
	int fd;				/* a share of it */
};

FIXTURE_SETUP(share)
{
	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	ASSERT_EQ(0, pp_alloc(self->a.fd, LENGTH, 0, &self->buf));
	pp_fill(self->a.window + self->buf.offset, 4096, 1);
	self->fd = pp_export(self->a.fd, self->buf.handle, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(share)
{
	close(self->fd);
	pp_client_close(&self->a);
	pp_client_close(&self->b);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

/* The buffer in a client's window */
static char *at(const struct pp_client *client, const struct pinpool_buf *buf)
{
	return client->window + buf->offset;
}

TEST_F(share, importer_has_the_same_bytes_at_the_same_offset)
{
	struct pinpool_query query;
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->b, &self->buf)));
	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	EXPECT_EQ(self->buf.offset, buf.offset);
	EXPECT_EQ(LENGTH, buf.length);
	EXPECT_TRUE(pp_matches(at(&self->b, &buf), 4096, 1));
	pp_fill(at(&self->b, &buf) + 4 * self->a.granule, 1024, 2);
	EXPECT_TRUE(pp_matches(at(&self->a, &buf) + 4 * self->a.granule, 1024, 2));
	ASSERT_EQ(0, pp_query(self->b.fd, buf.handle, &query));
	EXPECT_EQ(buf.offset, query.offset);
	EXPECT_EQ(5 * self->a.granule, query.extent);

	/* In the pool it counts once, and for each client that has it. */
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(1, stats.buffers);
	EXPECT_EQ(1, stats.shares);
	EXPECT_EQ(5 * self->a.granule, stats.used);
	EXPECT_EQ(LENGTH, stats.requested);
	EXPECT_EQ(5 * self->a.granule, stats.client_used);
	EXPECT_EQ(LENGTH, stats.client_requested);
	EXPECT_EQ(1, stats.client_buffers);
}

TEST_F(share, free_ends_one_hold_only)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->a, &buf)));
	EXPECT_EQ(-ENOENT, pp_free(self->a.fd, self->buf.handle));
	EXPECT_TRUE(pp_matches(at(&self->b, &buf), 4096, 1));
	pp_fill(at(&self->b, &buf), 4096, 3);

	/* Who let go of it may come back by the share. */
	ASSERT_EQ(0, pp_import(self->a.fd, self->fd, 0, &buf));
	EXPECT_TRUE(pp_matches(at(&self->a, &buf), 4096, 3));
	EXPECT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->b, &buf)));
	EXPECT_TRUE(pp_matches(at(&self->a, &buf), 4096, 3));
}

TEST_F(share, its_own_hold_is_not_doubled)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-EEXIST, pp_import(self->a.fd, self->fd, 0, &buf));
	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	EXPECT_EQ(-EEXIST, pp_import(self->b.fd, self->fd, 0, &buf));
	EXPECT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(-ENOENT, pp_free(self->b.fd, buf.handle));
	EXPECT_TRUE(pp_matches(at(&self->a, &self->buf), 4096, 1));
}

TEST_F(share, only_shares_of_this_pool_are_taken)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct pinpool_buf buf;

	EXPECT_EQ(-EBADF, pp_import(self->b.fd, -1, 0, &buf));
	EXPECT_EQ(-EBADF, pp_import(self->b.fd, 1000000, 0, &buf));
	EXPECT_EQ(-EINVAL, pp_import(self->b.fd, null, 0, &buf));
	EXPECT_EQ(-EINVAL, pp_import(self->b.fd, self->a.fd, 0, &buf));
	close(null);
}

TEST_F(share, only_holders_can_export)
{
	EXPECT_EQ(-ENOENT, pp_export(self->b.fd, self->buf.handle, 0));
	EXPECT_EQ(-ENOENT, pp_export(self->a.fd, self->buf.handle + 1, 0));
	EXPECT_EQ(-ENOENT, pp_export(self->a.fd, 0, 0));
}

TEST_F(share, a_failed_call_leaves_nothing)
{
	struct pinpool_export export = { .size = sizeof(export), .handle = self->buf.handle };
	struct pinpool_import import = { .size = sizeof(import), .fd = self->fd };
	long page = sysconf(_SC_PAGESIZE);
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	char *readonly;
	int before, after;

	readonly = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(readonly != MAP_FAILED);
	before = dup(0);
	close(before);
	memcpy(readonly, &export, sizeof(export));
	ASSERT_EQ(0, mprotect(readonly, page, PROT_READ));
	EXPECT_EQ(-EFAULT, pp_ioctl(self->a.fd, PINPOOL_IOC_EXPORT, readonly));
	ASSERT_EQ(0, mprotect(readonly, page, PROT_READ | PROT_WRITE));
	memcpy(readonly, &import, sizeof(import));
	ASSERT_EQ(0, mprotect(readonly, page, PROT_READ));
	EXPECT_EQ(-EFAULT, pp_ioctl(self->b.fd, PINPOOL_IOC_IMPORT, readonly));
	after = dup(0);
	close(after);
	EXPECT_EQ(before, after);
	ASSERT_EQ(0, pp_stats(self->b.fd, &stats));
	EXPECT_EQ(0, stats.client_buffers);
	EXPECT_EQ(1, stats.shares);
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->b, &self->buf)));
	EXPECT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	munmap(readonly, page);
}

/* The pin is its client's own then, who may have the memory again at once. */
TEST_F(share, what_could_not_be_exported_is_not_shared)
{
	struct pinpool_export export = { .size = sizeof(export) };
	long page = sysconf(_SC_PAGESIZE);
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	struct iovec iov;
	int pipe_fds[2];
	char *readonly;

	if (!pp_has_pages(self->a.fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pipe2(pipe_fds, O_CLOEXEC));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &buf));
	readonly = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(readonly != MAP_FAILED);
	export.handle = buf.handle;
	memcpy(readonly, &export, sizeof(export));
	ASSERT_EQ(0, mprotect(readonly, page, PROT_READ));
	EXPECT_EQ(-EFAULT, pp_ioctl(self->a.fd, PINPOOL_IOC_EXPORT, readonly));
	iov = (struct iovec){ at(&self->a, &buf), page };
	ASSERT_EQ(page, vmsplice(pipe_fds[1], &iov, 1, 0));
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(self->a.granule, stats.quarantined);
	EXPECT_EQ(self->a.granule, stats.client_quarantined);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	munmap(readonly, page);
}

TEST_F(share, the_descriptor_is_closed_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
}

/* A share that is kept over exec holds the buffer, a window and a node don't. */
TEST_F(share, a_process_may_keep_it_over_exec)
{
	struct pinpool_stats stats;
	int go[2], gone[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(gone, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		dup2(go[0], 0);
		fcntl(self->fd, F_SETFD, 0);
		execl("/bin/sh", "sh", "-c", "read -r line", NULL);
		_exit(127);
	}
	/* Ends when exec has closed the other copy. */
	close(gone[1]);
	ASSERT_EQ(0, read(gone[0], &byte, 1));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(1, stats.buffers);
	EXPECT_EQ(1, stats.shares);
	EXPECT_EQ(3, stats.clients);
	ASSERT_EQ(1, write(go[1], "\n", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(0, stats.buffers);
	close(go[0]);
	close(go[1]);
	close(gone[0]);
}

TEST_F(share, maps_by_itself)
{
	size_t length = (LENGTH + 4095) & ~4095UL;
	char *map;

	EXPECT_TRUE(mmap(NULL, length + 4096, PROT_READ, MAP_SHARED, self->fd, 0) == MAP_FAILED);
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);
	EXPECT_TRUE(map == MAP_FAILED);
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(pp_matches(map, 4096, 1));
	pp_fill(map + length - 4096, 4096, 7);
	EXPECT_TRUE(pp_matches(at(&self->a, &self->buf) + length - 4096, 4096, 7));

	/* The mapping alone keeps the buffer, when all else is gone. */
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->a, &self->buf)));
	EXPECT_TRUE(pp_matches(map, 4096, 1));
	EXPECT_TRUE(pp_matches(map + length - 4096, 4096, 7));
	EXPECT_EQ(0, munmap(map, length));
	self->fd = -1;
}

TEST_F(share, memory_that_others_had_is_zeroed_for_its_first_owner_too)
{
	struct pinpool_info info;
	struct pinpool_buf buf;
	size_t i;

	ASSERT_EQ(0, pp_info(self->a.fd, &info));
	if (info.zero == PINPOOL_ZERO_NEVER)
		SKIP(return, "this pool zeroes nothing");
	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	/* Whoever came last to a page, both go on writing: here it is a. */
	memset(at(&self->b, &buf), 'b', LENGTH);
	ASSERT_EQ(0, pp_remap(self->a.fd, self->a.window, self->a.capacity));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, pp_probe_write(at(&self->a, &buf) + i * self->a.granule));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	memset(at(&self->b, &buf), 'b', LENGTH);
	EXPECT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.capacity, 0, &buf));
	for (i = 0; i < 5 * self->a.granule; i += 4096)
		EXPECT_TRUE(pp_is_zero(at(&self->a, &buf) + self->buf.offset + i, 4096));
}

/* Both had it, and one has a page pinned: nobody may get that, not the other one. */
TEST_F(share, what_others_pinned_is_given_to_nobody)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	struct iovec iov;
	int pipe_fds[2];
	char copy[64];

	if (!pp_has_pages(self->a.fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, 0, &buf));
	iov = (struct iovec){ at(&self->b, &buf), sizeof(copy) };
	ASSERT_EQ(sizeof(copy), vmsplice(pipe_fds[1], &iov, 1, 0));
	EXPECT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));

	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(5 * self->a.granule, stats.quarantined);
	EXPECT_EQ(0, stats.client_quarantined);
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, self->a.capacity, 0, &buf));
	while (!pp_alloc(self->a.fd, self->a.granule, 0, &buf)) {
		ASSERT_TRUE(buf.offset + self->a.granule <= self->buf.offset ||
			    buf.offset >= self->buf.offset + 5 * self->a.granule);
	}
	EXPECT_EQ(sizeof(copy), read(pipe_fds[0], copy, sizeof(copy)));
	EXPECT_TRUE(pp_matches(copy, sizeof(copy), 1));
	EXPECT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &buf));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Only the mapping of a share ever had its pages, and that is gone. */
TEST_F(share, what_was_pinned_by_way_of_a_share_is_given_to_nobody)
{
	struct pinpool_stats stats;
	struct pinpool_buf buf;
	struct iovec iov;
	int pipe_fds[2];
	char copy[64];
	char *map;
	int share;

	if (!pp_has_pages(self->a.fd))
		SKIP(return, PP_NO_PAGES);
	ASSERT_EQ(0, pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * self->a.granule, 0, &buf));
	share = pp_export(self->a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	pp_fill(map, sizeof(copy), 10);
	iov = (struct iovec){ map, sizeof(copy) };
	ASSERT_EQ(sizeof(copy), vmsplice(pipe_fds[1], &iov, 1, 0));
	munmap(map, 4096);
	close(share);
	EXPECT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(2 * self->a.granule, stats.quarantined);
	EXPECT_EQ(0, stats.client_quarantined);
	EXPECT_EQ(sizeof(copy), read(pipe_fds[0], copy, sizeof(copy)));
	EXPECT_TRUE(pp_matches(copy, sizeof(copy), 10));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Whose hold ends first, second and last, and whether by FREE or with the file */
FIXTURE(order)
{
	struct pp_client observer;
	struct pp_client clients[2];
	struct pinpool_buf buf;
	int share;
};

FIXTURE_VARIANT(order)
{
	int order[3];		/* 0 and 1: the clients; 2: the share */
	bool by_free;
};

FIXTURE_VARIANT_ADD(order, allocator_importer_share) { .order = { 0, 1, 2 } };
FIXTURE_VARIANT_ADD(order, allocator_share_importer) { .order = { 0, 2, 1 } };
FIXTURE_VARIANT_ADD(order, importer_allocator_share) { .order = { 1, 0, 2 } };
FIXTURE_VARIANT_ADD(order, importer_share_allocator) { .order = { 1, 2, 0 } };
FIXTURE_VARIANT_ADD(order, share_allocator_importer) { .order = { 2, 0, 1 } };
FIXTURE_VARIANT_ADD(order, share_importer_allocator) { .order = { 2, 1, 0 } };
FIXTURE_VARIANT_ADD(order, free_allocator_importer_share) { .order = { 0, 1, 2 }, .by_free = true };
FIXTURE_VARIANT_ADD(order, free_allocator_share_importer) { .order = { 0, 2, 1 }, .by_free = true };
FIXTURE_VARIANT_ADD(order, free_importer_allocator_share) { .order = { 1, 0, 2 }, .by_free = true };
FIXTURE_VARIANT_ADD(order, free_share_importer_allocator) { .order = { 2, 1, 0 }, .by_free = true };

FIXTURE_SETUP(order)
{
	struct pinpool_buf buf;

	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->clients[0]));
	ASSERT_TRUE(pp_client_open(&self->clients[1]));
	ASSERT_EQ(0, pp_alloc(self->clients[0].fd, 3 * self->observer.granule, 0, &self->buf));
	pp_fill(at(&self->clients[0], &self->buf), 4096, 9);
	self->share = pp_export(self->clients[0].fd, self->buf.handle, 0);
	ASSERT_LE(0, self->share);
	ASSERT_EQ(0, pp_import(self->clients[1].fd, self->share, 0, &buf));
	EXPECT_EQ(self->buf.handle, buf.handle);
}

FIXTURE_TEARDOWN(order)
{
	if (variant->by_free) {
		pp_client_close(&self->clients[0]);
		pp_client_close(&self->clients[1]);
	}
	pp_client_close(&self->observer);
}

TEST_F(order, the_last_hold_frees)
{
	struct pinpool_stats stats;
	int i, who;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pp_stats(self->observer.fd, &stats));
		EXPECT_EQ(3 * self->observer.granule, stats.used);
		EXPECT_EQ(1, stats.buffers);
		who = variant->order[i];
		if (who == 2) {
			EXPECT_EQ(0, close(self->share));
			continue;
		}
		EXPECT_TRUE(pp_matches(at(&self->clients[who], &self->buf), 4096, 9));
		if (!variant->by_free)
			pp_client_close(&self->clients[who]);
		else if (pp_free(self->clients[who].fd, self->buf.handle))
			ASSERT_TRUE(!"FREE");
	}
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, variant->by_free ? 3 : 1));
}

/* Read-only shares, from a client that may write or from one that may not */
FIXTURE(readonly)
{
	struct pp_client a;
	struct pp_client b;
	struct pinpool_buf buf;
	char *view;		/* b's second window, for reading only */
	int fd;
};

FIXTURE_SETUP(readonly)
{
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 2 * self->a.granule, 0, &self->buf));
	pp_fill(at(&self->a, &self->buf), 4096, 4);
	self->fd = pp_export(self->a.fd, self->buf.handle, PINPOOL_SHARE_RDONLY);
	ASSERT_LE(0, self->fd);
	self->view = pp_window(self->b.fd, PROT_READ);
	ASSERT_TRUE(self->view != MAP_FAILED);
}

FIXTURE_TEARDOWN(readonly)
{
	munmap(self->view, self->b.capacity);
	close(self->fd);
	pp_client_close(&self->b);
	EXPECT_TRUE(pp_matches(at(&self->a, &self->buf), 4096, 4));
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

TEST_F(readonly, the_share_can_not_be_mapped_writable)
{
	char *map;

	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	EXPECT_TRUE(map == MAP_FAILED);
	EXPECT_EQ(EACCES, errno);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(pp_matches(map, 4096, 4));
	EXPECT_EQ(-1, mprotect(map, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, pp_probe_write(map));
	munmap(map, 4096);
}

TEST_F(readonly, import_must_say_so)
{
	struct pinpool_buf buf;

	EXPECT_EQ(-EACCES, pp_import(self->b.fd, self->fd, 0, &buf));
	EXPECT_EQ(0, pp_import(self->b.fd, self->fd, PINPOOL_SHARE_RDONLY, &buf));
}

TEST_F(readonly, only_windows_for_reading_reach_it)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	struct pinpool_buf buf;
	char *view;

	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, PINPOOL_SHARE_RDONLY, &buf));
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->b, &buf)));
	EXPECT_EQ(SIGBUS, pp_probe_write(at(&self->b, &buf)));
	view = self->view + buf.offset;
	EXPECT_TRUE(pp_matches(view, 4096, 4));
	EXPECT_EQ(SIGSEGV, pp_probe_write(view));
	EXPECT_EQ(-1, mprotect(view, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, read(zero, view, 10));
	EXPECT_EQ(EFAULT, errno);
	/* As a debugger would */
	EXPECT_EQ(-1, pwrite(mem, "x", 1, (uintptr_t)view));
	close(zero);
	close(mem);
}

TEST_F(readonly, no_right_is_won_by_sharing_on)
{
	struct pinpool_buf buf;
	int fd;

	ASSERT_EQ(0, pp_import(self->b.fd, self->fd, PINPOOL_SHARE_RDONLY, &buf));
	EXPECT_EQ(-EACCES, pp_export(self->b.fd, buf.handle, 0));
	fd = pp_export(self->b.fd, buf.handle, PINPOOL_SHARE_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	EXPECT_EQ(0, pp_free(self->b.fd, buf.handle));
	EXPECT_EQ(-EACCES, pp_import(self->b.fd, fd, 0, &buf));
	close(fd);
}

TEST_F(readonly, a_client_open_for_reading_takes_any_share)
{
	int rw = pp_export(self->a.fd, self->buf.handle, 0);
	int fd = open(pp_node(), O_RDONLY | O_CLOEXEC);
	struct pinpool_buf buf;
	int shares[2] = { self->fd, rw };
	char *view;
	int i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, rw);
	view = pp_window(fd, PROT_READ);
	ASSERT_TRUE(view != MAP_FAILED);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EACCES, pp_import(fd, shares[i], 0, &buf));
		ASSERT_EQ(0, pp_import(fd, shares[i], PINPOOL_SHARE_RDONLY, &buf));
		EXPECT_TRUE(pp_matches(view + buf.offset, 4096, 4));
		EXPECT_EQ(SIGSEGV, pp_probe_write(view + buf.offset));
		EXPECT_EQ(-EACCES, pp_export(fd, buf.handle, 0));
		EXPECT_EQ(0, pp_free(fd, buf.handle));
		EXPECT_EQ(SIGBUS, pp_probe_read(view + buf.offset));
		EXPECT_EQ(-EBADF, pp_free(fd, buf.handle));
	}
	munmap(view, self->a.capacity);
	close(rw);
	close(fd);
}

/* With a process at the other end of a socket */
FIXTURE(process)
{
	struct pp_client a;
	struct pinpool_buf buf;
	int socket;
	pid_t child;
};

/* Waits for a byte between steps, and is killed or ends. */
static void child_run(int sock)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int share, fd;
	char byte;

	if (!pp_client_open(&client))
		_exit(1);
	fd = pp_receive_file(sock);
	if (fd < 0 || pp_import(client.fd, fd, 0, &buf))
		_exit(2);
	close(fd);
	if (!pp_matches(at(&client, &buf), 4096, 5))
		_exit(3);
	pp_fill(at(&client, &buf), 4096, 6);
	/* And one of its own, the other way */
	if (pp_alloc(client.fd, client.granule, 0, &buf))
		_exit(4);
	pp_fill(at(&client, &buf), 4096, 7);
	share = pp_export(client.fd, buf.handle, 0);
	if (share < 0 || !pp_send_file(sock, share))
		_exit(5);
	close(share);
	while (read(sock, &byte, 1) == 1)
		;
	_exit(0);
}

FIXTURE_SETUP(process)
{
	int sockets[2], share;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child) {
		close(sockets[0]);
		child_run(sockets[1]);
	}
	close(sockets[1]);
	self->socket = sockets[0];
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &self->buf));
	pp_fill(at(&self->a, &self->buf), 4096, 5);
	share = pp_export(self->a.fd, self->buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_TRUE(pp_send_file(self->socket, share));
	close(share);
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
	close(self->socket);
}

TEST_F(process, killed_ones_leave_to_others_what_they_hold)
{
	int fd = pp_receive_file(self->socket);
	struct pinpool_buf theirs;
	int status;

	ASSERT_LE(0, fd);
	EXPECT_TRUE(pp_matches(at(&self->a, &self->buf), 4096, 6));
	ASSERT_EQ(0, pp_import(self->a.fd, fd, 0, &theirs));
	close(fd);
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_TRUE(pp_matches(at(&self->a, &self->buf), 4096, 6));
	EXPECT_TRUE(pp_matches(at(&self->a, &theirs), 4096, 7));
	pp_fill(at(&self->a, &theirs), 4096, 8);
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_EQ(0, pp_free(self->a.fd, theirs.handle));
}

TEST_F(process, a_share_in_flight_is_a_hold)
{
	struct pinpool_stats stats;
	struct pinpool_buf theirs;
	int status, fd;

	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	/* Wait for the child's share to be on its way, but don't take it. */
	ASSERT_EQ(1, recv(self->socket, &(char){ 0 }, 1, MSG_PEEK));
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	EXPECT_EQ(1, stats.clients);
	EXPECT_EQ(1, stats.buffers);
	fd = pp_receive_file(self->socket);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_import(self->a.fd, fd, 0, &theirs));
	close(fd);
	EXPECT_TRUE(pp_matches(at(&self->a, &theirs), 4096, 7));
	EXPECT_EQ(0, pp_free(self->a.fd, theirs.handle));
}

TEST_F(process, a_fork_shares_the_window_of_the_importer)
{
	int fd = pp_receive_file(self->socket);
	struct pinpool_buf theirs;
	int status;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_import(self->a.fd, fd, 0, &theirs));
	close(fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool good = pp_matches(at(&self->a, &theirs), 4096, 7);

		/* The same client: what it frees is gone for its parent too. */
		good = good && !pp_free(self->a.fd, theirs.handle);
		_exit(!good);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(SIGBUS, pp_probe_read(at(&self->a, &theirs)));
	EXPECT_EQ(0, shutdown(self->socket, SHUT_WR));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, pp_free(self->a.fd, self->buf.handle));
}

PP_HARNESS_MAIN
