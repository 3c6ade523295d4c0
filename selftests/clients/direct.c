// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O in flight while its buffer is freed, closed, unmapped or its process
 * killed: a disk that stalls, and AIO, whose transfers are in flight when
 * io_submit() returns
 *
 * Where freed memory goes to the next owner at once, the disk writes into that
 * owner's memory, or what it wrote lands on the disk.
 */
#include "stranger.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/aio_abi.h>

#include "kselftest_harness.h"

#include "disk.h"

#define LENGTH		(192 * KIB)
#define MARGIN		(32 * KIB)	/* of the buffer, before and after it */
#define SEED_DISK	1
#define SEED_OWNER	2

/* A stalled disk, and a buffer */
struct scene {
	struct disk disk;
	struct pp_client observer;
	struct pp_client owner;
	struct pinpool_buf buf;
	char *memory;
	aio_context_t aio;
};

static bool disk_fill(const struct disk *disk, uint64_t seed)
{
	void *memory = aligned_alloc(4096, LENGTH);
	bool done;

	pp_fill(memory, LENGTH, seed);
	done = pwrite(disk->fd, memory, LENGTH, 0) == LENGTH;
	free(memory);
	return done;
}

static bool disk_holds(const struct disk *disk, uint64_t seed)
{
	void *memory = aligned_alloc(4096, LENGTH);
	bool same;

	same = pread(disk->fd, memory, LENGTH, 0) == LENGTH && pp_matches(memory, LENGTH, seed);
	free(memory);
	return same;
}

/* A transfer of LENGTH bytes */
static bool submit(aio_context_t aio, int fd, char *memory, int opcode)
{
	struct iocb iocb = {
		.aio_lio_opcode = opcode, .aio_fildes = fd,
		.aio_buf = (uintptr_t)memory, .aio_nbytes = LENGTH,
	};
	struct iocb *list = &iocb;

	return syscall(SYS_io_submit, aio, 1, &list) == 1;
}

/* What became of it */
static long completion(aio_context_t aio)
{
	struct io_event event;

	return syscall(SYS_io_getevents, aio, 1, 1, &event, NULL) == 1 ? event.res : -EIO;
}

static bool scene_open(struct scene *scene)
{
	if (!disk_open(&scene->disk, getenv("PINPOOL_DISK") ?: "/dev/vda") ||
	    !disk_fill(&scene->disk, SEED_DISK) || !disk_stall(&scene->disk) ||
	    !pp_client_open(&scene->observer) || !pp_client_open(&scene->owner) ||
	    pp_alloc(scene->owner.fd, pp_extent(&scene->owner, LENGTH + 2 * MARGIN), 0,
		     &scene->buf))
		return false;
	scene->memory = scene->owner.window + scene->buf.offset + MARGIN;
	pp_fill(scene->memory, LENGTH, SEED_OWNER);
	return !syscall(SYS_io_setup, 1, &scene->aio);
}

/* All but the observer is gone then. Tells whether the pool is whole. */
static bool scene_close(struct scene *scene)
{
	bool whole;

	disk_close(&scene->disk);
	syscall(SYS_io_destroy, scene->aio);
	whole = pp_pool_is_whole(scene->observer.fd, 1);
	pp_client_close(&scene->observer);
	return whole;
}

/* An owner who lets go of the buffer while a transfer is in flight */
FIXTURE(in_flight)
{
	struct scene scene;
	struct stranger stranger;
};

FIXTURE_VARIANT(in_flight)
{
	bool closes;
};

FIXTURE_VARIANT_ADD(in_flight, freed) { .closes = false };
FIXTURE_VARIANT_ADD(in_flight, closed) { .closes = true };

FIXTURE_SETUP(in_flight)
{
	ASSERT_TRUE(scene_open(&self->scene));
}

FIXTURE_TEARDOWN(in_flight)
{
	pp_client_close(&self->stranger.client);
	if (!variant->closes)
		pp_client_close(&self->scene.owner);
	EXPECT_TRUE(scene_close(&self->scene));
}

static bool let_go(struct scene *scene, bool closes)
{
	if (closes) {
		pp_client_close(&scene->owner);
		return true;
	}
	return !pp_free(scene->owner.fd, scene->buf.handle) &&
	       pp_probe_write(scene->memory) == SIGBUS;
}

TEST_F(in_flight, a_read_harms_no_stranger)
{
	struct scene *scene = &self->scene;

	ASSERT_TRUE(submit(scene->aio, scene->disk.fd, scene->memory, IOCB_CMD_PREAD));
	ASSERT_TRUE(let_go(scene, variant->closes));
	EXPECT_TRUE(is_quarantined(scene->observer.fd, &scene->buf));
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(scene->observer.capacity - scene->buf.length, self->stranger.total);
	EXPECT_FALSE(stranger_has_part_of(&self->stranger, &scene->buf));

	ASSERT_TRUE(disk_go_on(&scene->disk));
	EXPECT_EQ(LENGTH, completion(scene->aio));
	EXPECT_TRUE(stranger_is_intact(&self->stranger));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
}

TEST_F(in_flight, a_write_takes_nothing_of_a_stranger)
{
	struct scene *scene = &self->scene;

	ASSERT_TRUE(submit(scene->aio, scene->disk.fd, scene->memory, IOCB_CMD_PWRITE));
	ASSERT_TRUE(let_go(scene, variant->closes));
	EXPECT_TRUE(is_quarantined(scene->observer.fd, &scene->buf));
	ASSERT_TRUE(stranger_comes(&self->stranger));

	ASSERT_TRUE(disk_go_on(&scene->disk));
	EXPECT_EQ(LENGTH, completion(scene->aio));
	EXPECT_TRUE(disk_holds(&scene->disk, SEED_OWNER));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
}

FIXTURE(direct)
{
	struct scene scene;
	struct stranger stranger;
};

FIXTURE_SETUP(direct)
{
	ASSERT_TRUE(scene_open(&self->scene));
}

FIXTURE_TEARDOWN(direct)
{
	EXPECT_TRUE(scene_close(&self->scene));
}

TEST_F(direct, a_read_goes_on_without_the_window)
{
	struct scene *scene = &self->scene;
	struct pp_client *owner = &scene->owner;
	struct pinpool_stats stats;

	ASSERT_TRUE(submit(scene->aio, scene->disk.fd, scene->memory, IOCB_CMD_PREAD));
	munmap(owner->window, owner->capacity);
	ASSERT_EQ(0, pp_stats(owner->fd, &stats));
	EXPECT_EQ(scene->buf.length, stats.used);
	EXPECT_EQ(0, stats.quarantined);
	ASSERT_TRUE(disk_go_on(&scene->disk));
	EXPECT_EQ(LENGTH, completion(scene->aio));

	owner->window = pp_window(owner->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, owner->window);
	scene->memory = owner->window + scene->buf.offset + MARGIN;
	EXPECT_TRUE(pp_matches(scene->memory, LENGTH, SEED_DISK));
	pp_client_close(owner);
}

/* Reads with a client of its own, and waits to be killed. Returns if that fails. */
static void read_and_wait(const struct disk *disk, int ready)
{
	aio_context_t aio = 0;
	struct pp_client client;
	struct pinpool_buf buf;

	if (pp_client_open(&client) && !pp_alloc(client.fd, LENGTH + 2 * MARGIN, 0, &buf) &&
	    !syscall(SYS_io_setup, 1, &aio) &&
	    submit(aio, disk->fd, client.window + buf.offset + MARGIN, IOCB_CMD_PREAD) &&
	    write(ready, "", 1) == 1)
		pause();
}

/* The kernel keeps a killed process until its transfers have ended. */
TEST_F(direct, a_read_of_a_killed_process_harms_no_stranger)
{
	struct scene *scene = &self->scene;
	int ready[2], status;
	char byte;
	pid_t pid;

	pp_client_close(&scene->owner);
	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		read_and_wait(&scene->disk, ready[1]);
		_exit(1);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	kill(pid, SIGKILL);
	ASSERT_TRUE(stranger_comes(&self->stranger));
	EXPECT_EQ(scene->observer.capacity - scene->buf.length, self->stranger.total);

	ASSERT_TRUE(disk_go_on(&scene->disk));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(stranger_is_intact(&self->stranger));
	EXPECT_TRUE(stranger_gets_the_rest(&self->stranger));
	pp_client_close(&self->stranger.client);
}

PP_HARNESS_MAIN
