// SPDX-License-Identifier: GPL-2.0
/*
 * libpinpool, the shared library, against the real module
 */
#include "../pinpool_test.h"

#include <pthread.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "pinpool.h"

FIXTURE(library)
{
	struct pinpool *pool;
};

FIXTURE_SETUP(library)
{
	ASSERT_EQ(0, pinpool_open(pp_node(), 0, &self->pool));
}

FIXTURE_TEARDOWN(library)
{
	EXPECT_TRUE(pp_pool_is_whole(pinpool_fd(self->pool), 1));
	pinpool_close(self->pool);
}

TEST_F(library, open_by_name_or_path)
{
	struct pinpool *pool = NULL;

	EXPECT_EQ(0, pinpool_open(strrchr(pp_node(), '/') + 1, 0, &pool));
	ASSERT_NE(NULL, pool);
	EXPECT_EQ(FD_CLOEXEC, fcntl(pinpool_fd(pool), F_GETFD));
	EXPECT_EQ(pinpool_capacity(self->pool), pinpool_capacity(pool));
	EXPECT_NE(pinpool_window(self->pool), pinpool_window(pool));
	pinpool_close(pool);
	pinpool_close(NULL);
}

TEST_F(library, errors_of_open)
{
	struct pinpool *pool = NULL;

	EXPECT_EQ(-ENOENT, pinpool_open("no-such-pool", 0, &pool));
	EXPECT_EQ(-ENOTTY, pinpool_open("/dev/null", 0, &pool));
	EXPECT_EQ(-EINVAL, pinpool_open("", 0, &pool));
	EXPECT_EQ(-EOPNOTSUPP, pinpool_open(pp_node(), 1U << 31, &pool));
	EXPECT_EQ(NULL, pool);
}

TEST_F(library, a_buffer_is_memory_at_its_pointer)
{
	struct pinpool *pool = self->pool;
	struct pinpool_buf buf;
	char *memory;

	ASSERT_EQ(0, pinpool_alloc(pool, 3 * MIB + 5, 0, &buf));
	memory = pinpool_ptr(pool, &buf);
	memset(memory, 1, buf.length);
	EXPECT_EQ(buf.offset, pinpool_offset(pool, memory));
	EXPECT_EQ(buf.offset + 4711, pinpool_offset(pool, memory + 4711));
	EXPECT_EQ(-ERANGE, pinpool_offset(pool, &buf));
	EXPECT_EQ(0, pinpool_free(pool, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(memory));
	EXPECT_EQ(-ENOENT, pinpool_free(pool, buf.handle));
}

TEST_F(library, arrays)
{
	struct pinpool *pool = self->pool;
	struct pinpool_buf bufs[100] = { { 0 } };
	uint64_t handles[101];
	size_t i, done;

	for (i = 0; i < 100; i++)
		bufs[i].length = i + 1;
	ASSERT_EQ(100, pinpool_alloc_array(pool, bufs, 100, sizeof(bufs[0]), 0));
	for (i = 0; i < 100; i++)
		handles[i] = bufs[i].handle;
	handles[100] = handles[0];
	EXPECT_EQ(-ENOENT, pinpool_free_array(pool, handles, 101, &done));
	EXPECT_EQ(100, done);
	EXPECT_EQ(0, pinpool_free_array(pool, NULL, 0, NULL));

	/* All or nothing, and what fits */
	for (i = 0; i < 100; i++)
		bufs[i].length = pinpool_capacity(pool) / 10;
	EXPECT_EQ(-ENOSPC, pinpool_alloc_array(pool, bufs, 100, sizeof(bufs[0]), 0));
	EXPECT_TRUE(pp_pool_is_whole(pinpool_fd(pool), 1));
	done = pinpool_alloc_array(pool, bufs, 100, sizeof(bufs[0]), PINPOOL_ALLOC_PARTIAL);
	ASSERT_GE(10, done);
	ASSERT_LE(9, done);
	for (i = 0; i < done; i++)
		EXPECT_EQ(0, pinpool_free(pool, bufs[i].handle));
}

/* What a client had is there again, at the same places, in another client. */
TEST_F(library, save_and_load)
{
	enum { N = 1500 };
	struct pinpool_query before = { 0 }, after = { 0 };
	FILE *file = tmpfile();
	struct pinpool_buf buf;
	struct pinpool *other;
	int i, fd;

	ASSERT_NE(NULL, file);
	fd = fileno(file);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pinpool_alloc(self->pool, 1 + i * 7, 0, &buf));
		if (i % 3 == 1)
			ASSERT_EQ(0, pinpool_free(self->pool, buf.handle));
	}
	ASSERT_EQ(0, pinpool_save(self->pool, fd));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(0, pinpool_open(pp_node(), 0, &other));
	/* They are somebody's still. */
	EXPECT_EQ(-EBUSY, pinpool_load(other, fd));
	EXPECT_EQ(-ENOENT, pinpool_next(other, &after, sizeof(after)));
	pinpool_close(self->pool);

	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(0, pinpool_open(pp_node(), 0, &self->pool));
	ASSERT_EQ(N - N / 3, pinpool_load(self->pool, fd));
	/* Saved again it is the same. */
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(0, pinpool_save(self->pool, fd));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	for (i = 0; !pinpool_next(self->pool, &before, sizeof(before)); i++)
		ASSERT_EQ(0, pinpool_free(self->pool, before.handle));
	EXPECT_EQ(N - N / 3, i);
	EXPECT_EQ(N - N / 3, pinpool_load(other, fd));
	memset(&after, 0, sizeof(after));
	ASSERT_EQ(0, pinpool_next(other, &after, sizeof(after)));
	EXPECT_EQ(0, after.offset % pinpool_granule(other));
	EXPECT_EQ(1, after.length);
	pinpool_close(other);
	fclose(file);
}

/* Any bit that is wrong, and any byte that is missing */
TEST_F(library, load_of_damaged_images)
{
	struct pinpool_buf bufs[3];
	char image[512], bad[512];
	FILE *file = tmpfile();
	ssize_t size, i;
	int fd, less;

	ASSERT_NE(NULL, file);
	fd = fileno(file);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pinpool_alloc(self->pool, 5000 * (i + 1), 0, &bufs[i]));
	ASSERT_EQ(0, pinpool_save(self->pool, fd));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pinpool_free(self->pool, bufs[i].handle));
	size = pread(fd, image, sizeof(image), 0);
	ASSERT_LT(0, size);
	ASSERT_GT(sizeof(image), size);
	for (i = 0; i < size * 8; i++) {
		memcpy(bad, image, size);
		bad[i / 8] ^= 1 << i % 8;
		ASSERT_EQ(size, pwrite(fd, bad, size, 0));
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		ASSERT_GT(0, pinpool_load(self->pool, fd)) {
			TH_LOG("bit %zd", i);
		}
	}
	ASSERT_EQ(size, pwrite(fd, image, size, 0));
	for (less = 1; less <= size; less++) {
		ASSERT_EQ(0, ftruncate(fd, size - less));
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		ASSERT_EQ(-EBADMSG, pinpool_load(self->pool, fd));
	}
	EXPECT_EQ(-EBADF, pinpool_load(self->pool, -1));
	EXPECT_EQ(-EBADF, pinpool_save(self->pool, -1));
	fclose(file);
}

TEST_F(library, find_and_walk)
{
	struct pinpool_query query = { 0 };
	struct pinpool_buf bufs[10];
	int i, seen = 0;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, pinpool_alloc(self->pool, 10000, 0, &bufs[i]));
	while (!pinpool_next(self->pool, &query, sizeof(query)))
		seen++;
	EXPECT_EQ(10, seen);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, pinpool_find(self->pool, bufs[i].offset + 9999, &query,
					  sizeof(query)));
		EXPECT_EQ(bufs[i].handle, query.handle);
		EXPECT_EQ(0, pinpool_query(self->pool, bufs[i].handle, &query, sizeof(query)));
		EXPECT_EQ(bufs[i].offset, query.offset);
		EXPECT_EQ(10000, query.length);
		EXPECT_EQ(0, pinpool_free(self->pool, bufs[i].handle));
	}
	EXPECT_EQ(-ENOENT, pinpool_find(self->pool, 0, &query, sizeof(query)));
}

TEST_F(library, info_and_stats_of_any_version)
{
	struct {
		struct pinpool_stats stats;
		uint64_t newer;
	} newer = { .newer = 1 };
	struct pinpool_info info;

	EXPECT_EQ(0, pinpool_info(self->pool, &info, sizeof(info)));
	EXPECT_EQ(pinpool_granule(self->pool), info.granule);
	/* A program that is newer than the kernel sees zeroes. */
	EXPECT_EQ(0, pinpool_stats(self->pool, &newer.stats, sizeof(newer)));
	EXPECT_EQ(info.capacity, newer.stats.free);
	EXPECT_EQ(0, newer.newer);
	EXPECT_EQ(-EINVAL, pinpool_stats(self->pool, &newer.stats, 16));
}

TEST_F(library, open_for_reading_or_without_window)
{
	struct pinpool *pool;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pinpool_open(pp_node(), PINPOOL_RDONLY, &pool));
	EXPECT_EQ(-EBADF, pinpool_alloc(pool, 1, 0, &buf));
	EXPECT_EQ(-1, mprotect(pinpool_window(pool), pinpool_granule(pool),
			       PROT_READ | PROT_WRITE));
	pinpool_close(pool);

	ASSERT_EQ(0, pinpool_open(pp_node(), PINPOOL_NO_WINDOW, &pool));
	EXPECT_EQ(NULL, pinpool_window(pool));
	ASSERT_EQ(0, pinpool_alloc(pool, 1, 0, &buf));
	EXPECT_EQ(NULL, pinpool_ptr(pool, &buf));
	EXPECT_EQ(0, pinpool_free(pool, buf.handle));
	pinpool_close(pool);
}

TEST_F(library, a_passed_descriptor_is_the_same_client)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct pinpool_buf buf;
	struct pinpool *other;
	int sockets[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	*cmsg = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	};
	fd = pinpool_fd(self->pool);
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	ASSERT_EQ(1, sendmsg(sockets[0], &msg, 0));
	ASSERT_EQ(1, recvmsg(sockets[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));

	ASSERT_EQ(0, pinpool_open_fd(fd, 0, &other));
	ASSERT_EQ(0, pinpool_alloc(self->pool, 100, 0, &buf));
	strcpy(pinpool_ptr(self->pool, &buf), "through the other window");
	EXPECT_STREQ("through the other window", pinpool_ptr(other, &buf));
	EXPECT_EQ(0, pinpool_free(other, buf.handle));
	pinpool_close(other);
	close(sockets[0]);
	close(sockets[1]);
}

static void *hammer(void *arg)
{
	struct pinpool *pool = arg;
	struct pinpool_buf buf;
	long errors = 0;
	int i;

	for (i = 0; i < 500; i++) {
		errors += !!pinpool_alloc(pool, 5000, 0, &buf);
		pp_fill(pinpool_ptr(pool, &buf), buf.length, buf.handle);
		errors += !pp_matches(pinpool_ptr(pool, &buf), buf.length, buf.handle);
		errors += !!pinpool_free(pool, buf.handle);
	}
	return (void *)errors;
}

TEST_F(library, allocation_waits_and_populates)
{
	struct pinpool_buf all, buf;

	ASSERT_EQ(0, pinpool_alloc(self->pool, pinpool_capacity(self->pool), 0, &all));
	EXPECT_EQ(-ENOSPC, pinpool_alloc_timed(self->pool, 1, 0, 0, 0, &buf));
	EXPECT_EQ(-ETIMEDOUT, pinpool_alloc_timed(self->pool, 1, 0, 0, 1000000, &buf));
	EXPECT_EQ(0, pinpool_free(self->pool, all.handle));
	EXPECT_EQ(0, pinpool_alloc_timed(self->pool, MIB, 0, PINPOOL_ALLOC_POPULATE, -1, &buf));
	EXPECT_TRUE(pp_is_zero(pinpool_ptr(self->pool, &buf), MIB));
	EXPECT_EQ(0, pinpool_free(self->pool, buf.handle));
}

TEST_F(library, scattering)
{
	uint64_t half = pinpool_capacity(self->pool) / 2;
	struct pinpool_buf quarters[4], bufs[4];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pinpool_alloc(self->pool, half / 2, 0, &quarters[i]));
	EXPECT_EQ(0, pinpool_free(self->pool, quarters[0].handle));
	EXPECT_EQ(0, pinpool_free(self->pool, quarters[2].handle));
	EXPECT_EQ(-ENOSPC, pinpool_alloc_scatter(self->pool, half, bufs, 1, sizeof(bufs[0]), 0, 0));
	EXPECT_EQ(2, pinpool_alloc_scatter(self->pool, half, bufs, 4, sizeof(bufs[0]), 0, 0));
	EXPECT_EQ(half, bufs[0].length + bufs[1].length);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, pinpool_free(self->pool, bufs[i].handle));
		EXPECT_EQ(0, pinpool_free(self->pool, quarters[2 * i + 1].handle));
	}
}

TEST_F(library, resizing)
{
	struct pinpool_query query;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pinpool_alloc(self->pool, 100, 0, &buf));
	strcpy(pinpool_ptr(self->pool, &buf), "stays");
	EXPECT_EQ(0, pinpool_resize(self->pool, buf.handle, MIB));
	ASSERT_EQ(0, pinpool_query(self->pool, buf.handle, &query, sizeof(query)));
	EXPECT_EQ(MIB, query.length);
	EXPECT_EQ(buf.offset, query.offset);
	EXPECT_STREQ("stays", pinpool_ptr(self->pool, &buf));
	EXPECT_EQ(0, pinpool_resize(self->pool, buf.handle, 6));
	EXPECT_STREQ("stays", pinpool_ptr(self->pool, &buf));
	EXPECT_EQ(-EINVAL, pinpool_resize(self->pool, buf.handle, 0));
	EXPECT_EQ(0, pinpool_free(self->pool, buf.handle));
	EXPECT_EQ(-ENOENT, pinpool_resize(self->pool, buf.handle, 6));
}

TEST_F(library, shares)
{
	struct pinpool *other;
	struct pinpool_buf buf, theirs;
	int share;

	ASSERT_EQ(0, pinpool_open(pp_node(), 0, &other));
	ASSERT_EQ(0, pinpool_alloc(self->pool, 100, 0, &buf));
	strcpy(pinpool_ptr(self->pool, &buf), "seen by both");
	share = pinpool_export(self->pool, buf.handle, 0);
	ASSERT_LE(0, share);
	EXPECT_EQ(-EEXIST, pinpool_import(self->pool, share, 0, &theirs));
	ASSERT_EQ(0, pinpool_import(other, share, 0, &theirs));
	close(share);
	EXPECT_EQ(buf.offset, theirs.offset);
	EXPECT_EQ(100, theirs.length);
	EXPECT_EQ(0, pinpool_free(self->pool, buf.handle));
	EXPECT_STREQ("seen by both", pinpool_ptr(other, &theirs));
	pinpool_close(other);
	EXPECT_EQ(-ENOENT, pinpool_export(self->pool, buf.handle, 0));
	EXPECT_EQ(-EINVAL, pinpool_import(self->pool, pinpool_fd(self->pool), 0, &theirs));
}

TEST_F(library, threads_share_a_pool)
{
	pthread_t threads[4];
	void *errors;
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, hammer, self->pool));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &errors));
		EXPECT_EQ(NULL, errors);
	}
}

TEST_F(library, memory_is_registered)
{
	static const char name[] = "library-test";
	struct pinpool_info info;
	struct pinpool *pool;
	struct pinpool_buf buf;
	char *memory;
	int fd;

	EXPECT_EQ(-ENAMETOOLONG, pinpool_register("a name that is longer than names can be",
						  NULL, MIB, 0, 0, PINPOOL_ZERO_OWNER));
	EXPECT_EQ(-EINVAL, pinpool_register(name, NULL, MIB, 0, 0, PINPOOL_ZERO_OWNER));
	memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	fd = pinpool_register(name, memory, MIB, 65536, 0640, PINPOOL_ZERO_ALWAYS);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-EEXIST, pinpool_register(name, memory, MIB, 0, 0, PINPOOL_ZERO_OWNER));
	ASSERT_EQ(0, pinpool_open(name, 0, &pool));
	ASSERT_EQ(0, pinpool_info(pool, &info, sizeof(info)));
	EXPECT_EQ(PINPOOL_BACKING_USER, info.backing);
	EXPECT_EQ(PINPOOL_ZERO_ALWAYS, info.zero);
	EXPECT_EQ(65536, info.granule);
	ASSERT_EQ(0, pinpool_alloc(pool, 100, 0, &buf));
	strcpy(pinpool_ptr(pool, &buf), "in the creator's memory");
	EXPECT_STREQ("in the creator's memory", memory + buf.offset);
	close(fd);
	EXPECT_EQ(-ENODEV, pinpool_alloc(pool, 100, 0, &buf));
	pinpool_close(pool);
	munmap(memory, MIB);
}

TEST_F(library, errors_have_words)
{
	static const int errors[] = {
		ENOSPC, ENOENT, EINVAL, EBADF, EDQUOT, ENOMEM, ENODEV, EOPNOTSUPP, EACCES, EEXIST,
		EXDEV, ETIMEDOUT, EINTR, EMFILE, 9999,
	};
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(errors); i++) {
		EXPECT_STREQ(pinpool_strerror(errors[i]), pinpool_strerror(-errors[i]));
		EXPECT_LT(8, strlen(pinpool_strerror(errors[i])));
		for (j = 0; j < i; j++)
			EXPECT_STRNE(pinpool_strerror(errors[i]), pinpool_strerror(errors[j]));
	}
}

PP_HARNESS_MAIN
