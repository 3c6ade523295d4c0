// SPDX-License-Identifier: GPL-2.0
/*
 * Removal of the module: refused while anybody uses a pool, and safe while
 * pages of a dead pool are still pinned
 *
 * Needs root, and PINPOOL_KO to load the module again.
 */
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

FIXTURE(unload)
{
	int fd;
	char *window;
	size_t capacity;
	struct pinpool_buf buf;
};

FIXTURE_SETUP(unload)
{
	struct pinpool_info info;

	if (!getenv("PINPOOL_KO") || geteuid())
		PP_SKIP_SETUP("needs root and PINPOOL_KO");
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	self->capacity = info.capacity;
	self->window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_TRUE(self->window != MAP_FAILED);
	ASSERT_EQ(0, pp_alloc(self->fd, info.granule, 0, &self->buf));
	pp_fill(self->window + self->buf.offset, info.granule, 1);
}

/* A pool is there again for those who come next. */
FIXTURE_TEARDOWN(unload)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);

	EXPECT_LE(0, fd);
	EXPECT_TRUE(pp_pool_is_whole(fd, 1));
	close(fd);
}

TEST_F(unload, refused_while_a_file_is_open)
{
	munmap(self->window, self->capacity);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	close(self->fd);
	EXPECT_EQ(0, pp_unload());
	EXPECT_EQ(-1, access(pp_node(), F_OK));
	EXPECT_EQ(0, pp_load());
}

TEST_F(unload, refused_while_a_window_is_mapped)
{
	close(self->fd);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	EXPECT_TRUE(pp_matches(self->window + self->buf.offset, self->buf.length, 1));
	munmap(self->window, self->capacity);
	EXPECT_EQ(0, pp_unload());
	EXPECT_EQ(0, pp_load());
}

TEST_F(unload, refused_while_a_child_has_a_window)
{
	int go[2], status;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		/* Until the parent is done with its own */
		bool ok = read(go[0], &byte, 1) == 1 &&
			  pp_matches(self->window + self->buf.offset, self->buf.length, 1);

		_exit(!ok);
	}
	munmap(self->window, self->capacity);
	close(self->fd);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	ASSERT_EQ(1, write(go[1], &byte, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, pp_unload());
	EXPECT_EQ(0, pp_load());
}

TEST_F(unload, refused_while_there_is_a_share)
{
	int share = pp_export(self->fd, self->buf.handle, 0);
	char *map;

	ASSERT_LE(0, share);
	munmap(self->window, self->capacity);
	close(self->fd);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	map = mmap(NULL, self->buf.length, PROT_READ, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	close(share);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	EXPECT_TRUE(pp_matches(map, self->buf.length, 1));
	munmap(map, self->buf.length);
	EXPECT_EQ(0, pp_unload());
	EXPECT_EQ(0, pp_load());
}

/* A pin needs no file: the pages must outlive the pool, and the module. */
TEST_F(unload, pinned_pages_outlive_the_module)
{
	struct iovec iov = {
		.iov_base = self->window + self->buf.offset, .iov_len = self->buf.length,
	};
	char *copy = malloc(self->buf.length);
	size_t done = 0;
	ssize_t got;
	int pins[2];

	ASSERT_EQ(0, pipe(pins));
	ASSERT_EQ(self->buf.length, vmsplice(pins[1], &iov, 1, 0));
	munmap(self->window, self->capacity);
	close(self->fd);
	ASSERT_EQ(0, pp_unload());
	/* The same memory is not in the new pool, which is filled throughout. */
	ASSERT_EQ(0, pp_load());
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	self->window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, pp_alloc(self->fd, self->capacity, 0, &self->buf));
	pp_fill(self->window, self->capacity, 2);
	munmap(self->window, self->capacity);
	close(self->fd);

	while (done < iov.iov_len) {
		got = read(pins[0], copy + done, iov.iov_len - done);
		ASSERT_LT(0, got);
		done += got;
	}
	EXPECT_TRUE(pp_matches(copy, iov.iov_len, 1));
	free(copy);
}

PP_HARNESS_MAIN
