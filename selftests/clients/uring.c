// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring with window memory that isn't registered, and registrations that are
 * refused
 */
#include "stranger.h"

#include "kselftest_harness.h"

#include "ring.h"

#define LENGTH	(256 * KIB)

FIXTURE(uring)
{
	struct pp_client observer;
	struct pp_client owner;
	struct stranger stranger;
	struct io_uring ring;
	int pipe[2];
};

FIXTURE_SETUP(uring)
{
	ASSERT_TRUE(pp_client_open(&self->observer));
	ASSERT_TRUE(pp_client_open(&self->owner));
	ASSERT_EQ(0, io_uring_queue_init(8, &self->ring, 0));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(uring)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	io_uring_queue_exit(&self->ring);
	pp_client_close(&self->owner);
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

TEST_F(uring, direct_io_writes_and_reads_buffers)
{
	const size_t lengths[] = { 4 * KIB, 20 * KIB, LENGTH, 2 * MIB + 64 * KIB, 5 * MIB };
	struct pinpool_buf from, to;
	struct request request;
	int fd = ring_file();
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		ASSERT_EQ(0, pp_alloc(self->owner.fd, lengths[i], 0, &from));
		ASSERT_EQ(0, pp_alloc(self->owner.fd, lengths[i], 0, &to));
		pp_fill(self->owner.window + from.offset, lengths[i], i);
		request = (struct request){ IORING_OP_WRITE, fd,
					    self->owner.window + from.offset, lengths[i] };
		ASSERT_EQ(lengths[i], ring_do(&self->ring, &request));
		request.opcode = IORING_OP_READ;
		request.memory = self->owner.window + to.offset;
		ASSERT_EQ(lengths[i], ring_do(&self->ring, &request));
		EXPECT_TRUE(pp_matches(request.memory, lengths[i], i));
		ASSERT_EQ(0, pp_free(self->owner.fd, from.handle));
		ASSERT_EQ(0, pp_free(self->owner.fd, to.handle));
	}
	close(fd);
}

/* A read that finds data only after its buffer was freed: it has pinned nothing. */
TEST_F(uring, a_read_into_a_freed_buffer_fails)
{
	struct pinpool_buf buf;
	struct request request;
	char bytes[4096];

	memset(bytes, 'x', sizeof(bytes));
	ASSERT_EQ(0, pp_alloc(self->owner.fd, LENGTH, 0, &buf));
	request = (struct request){ IORING_OP_READ, self->pipe[0],
				    self->owner.window + buf.offset, sizeof(bytes) };
	memset(request.memory, 'o', sizeof(bytes));
	ASSERT_EQ(0, ring_begin(&self->ring, &request));
	ASSERT_EQ(0, pp_free(self->owner.fd, buf.handle));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(self->owner.capacity, self->stranger.total);
	ASSERT_EQ(sizeof(bytes), write(self->pipe[1], bytes, sizeof(bytes)));
	EXPECT_EQ(-EFAULT, ring_end(&self->ring));
	EXPECT_TRUE(stranger_is_intact(&self->stranger));
	pp_client_close(&self->stranger.client);
}

TEST_F(uring, registering_what_is_not_allocated_fails)
{
	size_t granule = self->owner.granule;
	struct pinpool_buf bufs[3];
	struct pinpool_stats stats;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pp_alloc(self->owner.fd, granule, 0, &bufs[i]));
	ASSERT_EQ(bufs[0].offset + 2 * granule, bufs[2].offset);
	pp_fill(self->owner.window + bufs[0].offset, granule, 1);
	ASSERT_EQ(0, pp_free(self->owner.fd, bufs[1].handle));

	EXPECT_EQ(-EFAULT, ring_register(&self->ring, self->owner.window + bufs[0].offset,
					 3 * granule));
	EXPECT_TRUE(pp_matches(self->owner.window + bufs[0].offset, granule, 1));
	EXPECT_EQ(SIGBUS, pp_probe_read(self->owner.window + bufs[0].offset + granule));
	/* No page stayed pinned: what is freed is free. */
	ASSERT_EQ(0, pp_free(self->owner.fd, bufs[0].handle));
	ASSERT_EQ(0, pp_free(self->owner.fd, bufs[2].handle));
	ASSERT_EQ(0, pp_stats(self->owner.fd, &stats));
	EXPECT_EQ(0, stats.quarantined);
	EXPECT_EQ(self->owner.capacity, stats.largest_free);
}

/* See ring_registers_files(): a kernel that refuses leaves nothing pinned either. */
TEST_F(uring, registering_works_or_leaves_no_trace)
{
	int want = ring_registers_files() ? 0 : -EOPNOTSUPP;
	struct pinpool_stats stats;
	struct pinpool_buf buf;

	ASSERT_EQ(0, pp_alloc(self->owner.fd, LENGTH, 0, &buf));
	EXPECT_EQ(want, ring_register(&self->ring, self->owner.window + buf.offset, LENGTH));
	ASSERT_EQ(0, pp_free(self->owner.fd, buf.handle));
	ASSERT_EQ(0, pp_stats(self->owner.fd, &stats));
	EXPECT_EQ(want ? 0 : pp_extent(&self->owner, LENGTH), stats.quarantined);
}

PP_HARNESS_MAIN
