// SPDX-License-Identifier: GPL-2.0
/*
 * vmsplice: buffers whose pages lie in pipes, also after they were freed
 */
#include "stranger.h"

#include <sys/uio.h>

#include "kselftest_harness.h"

#define LENGTH	(256 * KIB)
#define SEED	1

FIXTURE(splice)
{
	struct pp_client observer;
	struct pp_client owner;
	struct stranger stranger;
	struct pinpool_buf buf;
	char *memory;
	int pipe[2];
};

FIXTURE_VARIANT(splice)
{
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(splice, lent) { .flags = 0 };
/* The owner says that it won't touch the pages again: they may be taken. */
FIXTURE_VARIANT_ADD(splice, given) { .flags = SPLICE_F_GIFT };

/* A pipe that holds a whole buffer */
static bool pipe_open(int ends[2])
{
	return !pipe2(ends, O_CLOEXEC | O_NONBLOCK) &&
	       fcntl(ends[1], F_SETPIPE_SZ, (int)(2 * LENGTH)) > 0;
}

/* Read all of a buffer. Is it what it was? */
static bool pipe_holds(int end, uint64_t seed)
{
	char *memory = malloc(LENGTH);
	size_t done = 0;
	ssize_t n;
	bool same;

	do {
		n = read(end, memory + done, LENGTH - done);
		done += n > 0 ? n : 0;
	} while (n > 0 && done < LENGTH);
	same = done == LENGTH && pp_matches(memory, LENGTH, seed);
	free(memory);
	return same;
}

FIXTURE_SETUP(splice)
{
	struct iovec iov = { .iov_len = LENGTH };

	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->owner));
	ASSERT_EQ(0, pp_alloc(self->owner.fd, pp_extent(&self->owner, LENGTH), 0, &self->buf));
	self->memory = self->owner.window + self->buf.offset;
	pp_fill(self->memory, LENGTH, SEED);
	ASSERT_TRUE(pipe_open(self->pipe));
	iov.iov_base = self->memory;
	ASSERT_EQ(LENGTH, vmsplice(self->pipe[1], &iov, 1, variant->flags));
}

FIXTURE_TEARDOWN(splice)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	pp_client_close(&self->owner);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

TEST_F(splice, a_pipe_carries_a_buffer)
{
	EXPECT_TRUE(pipe_holds(self->pipe[0], SEED));
	/* Nobody has taken the pages. */
	EXPECT_TRUE(pp_matches(self->memory, LENGTH, SEED));
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	EXPECT_TRUE(quarantine_becomes(self->observer.fd, 0));
}

TEST_F(splice, a_buffer_goes_from_a_pipe_to_a_file)
{
	char path[4096];
	void *file;
	int fd;

	snprintf(path, sizeof(path), "%s/splice.XXXXXX", getenv("TMPDIR") ?: ".");
	fd = mkostemp(path, O_CLOEXEC);
	ASSERT_LE(0, fd);
	unlink(path);
	ASSERT_EQ(LENGTH, splice(self->pipe[0], NULL, fd, NULL, LENGTH, SPLICE_F_MOVE));
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	/* The file has a copy: no page of the pool became the file's. */
	EXPECT_TRUE(quarantine_becomes(self->observer.fd, 0));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	file = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, file);
	EXPECT_TRUE(pp_matches(file, LENGTH, SEED));
	munmap(file, LENGTH);
	close(fd);
	EXPECT_EQ(self->observer.capacity, self->stranger.total);
	pp_client_close(&self->stranger.client);
}

TEST_F(splice, a_freed_buffer_in_a_pipe_is_nobody_elses)
{
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_write(self->memory));
	EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(self->observer.capacity - self->buf.length, self->stranger.total);
	EXPECT_FALSE(stranger_has_part_of(&self->stranger, &self->buf));

	EXPECT_TRUE(pipe_holds(self->pipe[0], SEED));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
}

TEST_F(splice, each_of_two_pipes_keeps_a_freed_buffer)
{
	int other[2];

	ASSERT_TRUE(pipe_open(other));
	ASSERT_EQ(LENGTH, tee(self->pipe[0], other[1], LENGTH, 0));
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	EXPECT_TRUE(pipe_holds(self->pipe[0], SEED));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
	EXPECT_TRUE(pipe_holds(other[0], SEED));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
	close(other[0]);
	close(other[1]);
}

/* Put one page of a buffer into a new pipe. */
static bool pipe_takes_page(int ends[2], char *page, unsigned int flags)
{
	struct iovec iov = { .iov_base = page, .iov_len = 4096 };

	return pipe_open(ends) && vmsplice(ends[1], &iov, 1, flags) == 4096;
}

/* Two pages, neither of them the first, are let go of in one order and the other. */
TEST_F(splice, each_page_keeps_a_freed_buffer)
{
	uint64_t capacity = self->observer.capacity;
	struct pinpool_buf all;
	int pipes[2][2];
	int first, i;

	ASSERT_TRUE(pipe_holds(self->pipe[0], SEED));
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	for (first = 0; first < 2; first++) {
		ASSERT_EQ(0, pp_alloc(self->owner.fd, self->buf.length, 0, &self->buf));
		self->memory = self->owner.window + self->buf.offset;
		ASSERT_TRUE(pipe_takes_page(pipes[0], self->memory + 5 * 4096, variant->flags));
		ASSERT_TRUE(pipe_takes_page(pipes[1], self->memory + LENGTH - 4096,
					    variant->flags));
		ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
		/* An ALLOC for which there is no room looks for what is held no more. */
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(-ENOSPC, pp_alloc(self->observer.fd, capacity, 0, &all));
			EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
			close(pipes[first ^ i][0]);
			close(pipes[first ^ i][1]);
		}
		ASSERT_EQ(0, pp_alloc(self->observer.fd, capacity, 0, &all));
		ASSERT_EQ(0, pp_free(self->observer.fd, all.handle));
	}
}

PP_HARNESS_MAIN
