// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that are registered with an io_uring: it has their pages pinned until they
 * are unregistered or the ring is gone, whatever becomes of the buffers
 *
 * A READ_FIXED from an empty pipe is a transfer in flight that ends when the test
 * writes to the pipe. Where freed memory goes to the next owner at once, it ends in
 * that owner's memory.
 *
 * For kernels since 6.5, see ring_registers_files().
 */
#include "stranger.h"

#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "ring.h"

#define LENGTH		(256 * KIB)
#define SEED_OWNER	1
#define SEED_DATA	2

FIXTURE(fixed)
{
	struct pp_client observer;
	struct pp_client owner;
	struct stranger stranger;
	struct pinpool_buf buf;
	char *memory;
	struct io_uring ring;
	int pipe[2];
	char data[32 * KIB];
};

FIXTURE_SETUP(fixed)
{
	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->owner));
	ASSERT_EQ(0, pp_alloc(self->owner.fd, pp_extent(&self->owner, LENGTH), 0, &self->buf));
	self->memory = self->owner.window + self->buf.offset;
	pp_fill(self->memory, LENGTH, SEED_OWNER);
	ASSERT_EQ(0, io_uring_queue_init(8, &self->ring, 0));
	ASSERT_EQ(0, ring_register(&self->ring, self->memory, LENGTH));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
	pp_fill(self->data, sizeof(self->data), SEED_DATA);
}

FIXTURE_TEARDOWN(fixed)
{
	if (self->ring.ring_fd >= 0)
		io_uring_queue_exit(&self->ring);
	close(self->pipe[0]);
	close(self->pipe[1]);
	if (self->owner.fd >= 0)
		pp_client_close(&self->owner);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

static void ring_exit(FIXTURE_DATA(fixed) *self)
{
	io_uring_queue_exit(&self->ring);
	self->ring.ring_fd = -1;
}

static void owner_close(FIXTURE_DATA(fixed) *self)
{
	pp_client_close(&self->owner);
	self->owner.fd = -1;
}

/* Read from the pipe, which is empty, into the buffer. */
static int begin_read(FIXTURE_DATA(fixed) *self)
{
	return ring_begin(&self->ring, &(struct request){
		IORING_OP_READ_FIXED, self->pipe[0], self->memory, sizeof(self->data) });
}

/* Have that read end. */
static bool end_read(FIXTURE_DATA(fixed) *self)
{
	return write(self->pipe[1], self->data, sizeof(self->data)) == sizeof(self->data) &&
	       ring_end(&self->ring) == sizeof(self->data);
}

TEST_F(fixed, direct_io_writes_and_reads_a_buffer)
{
	struct request request = { IORING_OP_WRITE_FIXED, ring_file(), self->memory, LENGTH };

	ASSERT_LE(0, request.fd);
	ASSERT_EQ(LENGTH, ring_do(&self->ring, &request));
	memset(self->memory, 0, LENGTH);
	request.opcode = IORING_OP_READ_FIXED;
	ASSERT_EQ(LENGTH, ring_do(&self->ring, &request));
	EXPECT_TRUE(pp_matches(self->memory, LENGTH, SEED_OWNER));
	/* The last part of it */
	request.memory = self->memory + LENGTH - 4096;
	request.length = 4096;
	ASSERT_EQ(4096, ring_do(&self->ring, &request));
	EXPECT_TRUE(pp_matches(self->memory, LENGTH - 4096, SEED_OWNER));
	EXPECT_TRUE(pp_matches(request.memory, 4096, SEED_OWNER));
	close(request.fd);
}

TEST_F(fixed, a_read_into_a_freed_buffer_harms_no_stranger)
{
	ASSERT_EQ(0, begin_read(self));
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_write(self->memory));
	EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(self->observer.capacity - self->buf.length, self->stranger.total);
	EXPECT_FALSE(stranger_has_part_of(&self->stranger, &self->buf));

	ASSERT_TRUE(end_read(self));
	EXPECT_TRUE(stranger_is_intact(&self->stranger));
	/* The registration outlasts the transfer. */
	EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
	ASSERT_EQ(0, io_uring_unregister_buffers(&self->ring));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
}

TEST_F(fixed, a_read_into_a_closed_clients_buffer_harms_no_stranger)
{
	ASSERT_EQ(0, begin_read(self));
	owner_close(self);
	EXPECT_TRUE(is_quarantined(self->observer.fd, &self->buf));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_FALSE(stranger_has_part_of(&self->stranger, &self->buf));

	ASSERT_TRUE(end_read(self));
	EXPECT_TRUE(stranger_is_intact(&self->stranger));
	ring_exit(self);
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
}

/* What is written from a freed buffer are its own last bytes. */
TEST_F(fixed, a_write_from_a_freed_buffer_takes_nothing_of_a_stranger)
{
	struct request request = { IORING_OP_WRITE_FIXED, ring_file(), self->memory, LENGTH };
	char *file;

	ASSERT_LE(0, request.fd);
	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	ASSERT_EQ(LENGTH, ring_do(&self->ring, &request));
	file = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, request.fd, 0);
	ASSERT_NE(MAP_FAILED, file);
	EXPECT_TRUE(pp_matches(file, LENGTH, SEED_OWNER));
	munmap(file, LENGTH);
	close(request.fd);
	ring_exit(self);
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
}

TEST_F(fixed, a_read_goes_on_without_the_window)
{
	struct pp_client *owner = &self->owner;

	ASSERT_EQ(0, begin_read(self));
	munmap(owner->window, owner->capacity);
	ASSERT_TRUE(end_read(self));
	owner->window = pp_window(owner->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, owner->window);
	EXPECT_TRUE(pp_matches(owner->window + self->buf.offset, sizeof(self->data), SEED_DATA));
}

/* Who keeps one registration over memory that it frees and allocates again */
TEST_F(fixed, a_registration_serves_the_owners_next_buffer)
{
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_free(self->owner.fd, self->buf.handle));
	ASSERT_EQ(0, pp_alloc(self->owner.fd, self->buf.length, 0, &buf));
	ASSERT_EQ(self->buf.offset, buf.offset);
	ASSERT_EQ(0, begin_read(self));
	ASSERT_TRUE(end_read(self));
	EXPECT_TRUE(pp_matches(self->memory, sizeof(self->data), SEED_DATA));
	EXPECT_EQ(0, pp_free(self->owner.fd, buf.handle));
	ring_exit(self);
	EXPECT_TRUE(quarantine_becomes(self->observer.fd, 0));
}

/* Registers a buffer, reads into it, and waits to be killed. Returns if that fails. */
static void register_and_wait(int from, int ready)
{
	struct request request = { IORING_OP_READ_FIXED, from, .length = 4096 };
	struct pp_client client;
	struct pinpool_buf buf;
	struct io_uring ring;

	if (!pp_client_open(&client) || pp_alloc(client.fd, LENGTH, 0, &buf) ||
	    io_uring_queue_init(8, &ring, 0))
		return;
	request.memory = client.window + buf.offset;
	pp_fill(request.memory, LENGTH, SEED_OWNER);
	if (!ring_register(&ring, request.memory, LENGTH) && !ring_begin(&ring, &request) &&
	    write(ready, "", 1) == 1)
		pause();
}

TEST_F(fixed, all_of_a_killed_process_comes_back)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	ring_exit(self);
	owner_close(self);
	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		register_and_wait(self->pipe[0], ready[1]);
		_exit(1);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	EXPECT_TRUE(quarantine_becomes(self->observer.fd, 0));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(self->observer.capacity, self->stranger.total);
	EXPECT_FALSE(self->stranger.dirty);
	pp_client_close(&self->stranger.client);
}

PP_HARNESS_MAIN
