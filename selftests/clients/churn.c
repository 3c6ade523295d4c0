// SPDX-License-Identifier: GPL-2.0
/*
 * Owners who free buffers amid direct I/O without looking, over and over, while a
 * stranger takes what is free, writes to it and looks whether it stays
 */
#include "stranger.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/aio_abi.h>

#include "kselftest_harness.h"

#define NR_OWNERS	3
#define ROUNDS		150
#define DEPTH		8
#define MOST_PAGES	32

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}

/*
 * Begin to read into some buffers, free a part of them at once, and close the file on
 * the others. False if something failed that must not.
 */
static bool owner_round(int disk, aio_context_t aio, uint64_t *state)
{
	struct io_event events[DEPTH];
	struct pp_client owner;
	struct pinpool_buf buf;
	int i, err = 0, begun = 0;
	bool good;

	good = pp_client_open(&owner);
	for (i = 0; good && i < DEPTH; i++) {
		struct iocb iocb = {
			.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = disk,
			.aio_nbytes = (1 + draw(state, MOST_PAGES)) * 4096,
		};
		struct iocb *list = &iocb;

		err = pp_alloc(owner.fd, iocb.aio_nbytes, 0, &buf);
		if (err)
			break;
		iocb.aio_buf = (uintptr_t)owner.window + buf.offset;
		good = syscall(SYS_io_submit, aio, 1, &list) == 1;
		begun += good;
		if (draw(state, 2))
			good &= !pp_free(owner.fd, buf.handle);
	}
	pp_client_close(&owner);
	good &= syscall(SYS_io_getevents, aio, begun, begun, events, NULL) == begun;
	/* Others may have it all. */
	return good && (!err || err == -ENOSPC);
}

static int owner_run(uint64_t seed)
{
	int disk = open(getenv("PINPOOL_DISK") ?: "/dev/vda", O_RDONLY | O_DIRECT | O_CLOEXEC);
	aio_context_t aio = 0;
	int i;

	if (disk < 0 || syscall(SYS_io_setup, DEPTH, &aio))
		return 1;
	for (i = 0; i < ROUNDS; i++)
		if (!owner_round(disk, aio, &seed))
			return 1;
	return 0;
}

struct findings {
	unsigned int buffers;
	unsigned int dirty;	/* Buffers that didn't come with zeroes */
	unsigned int changed;	/* Buffers that others wrote to */
};

/* A new client each time, so that all it gets was another's. */
static bool stranger_round(uint64_t *state, struct findings *found)
{
	struct pinpool_buf bufs[DEPTH];
	struct pp_client stranger;
	int i, nr, err = 0;

	if (!pp_client_open(&stranger))
		return false;
	for (nr = 0; nr < DEPTH; nr++) {
		uint64_t bytes = (1 + draw(state, MOST_PAGES)) * 4096;

		err = pp_alloc(stranger.fd, bytes, 0, &bufs[nr]);
		if (err)
			break;
		found->dirty += !pp_is_zero(stranger.window + bufs[nr].offset, bytes);
		pp_fill(stranger.window + bufs[nr].offset, bytes, STRANGER_SEED + nr);
	}
	for (i = 0; i < nr; i++)
		found->changed += !pp_matches(stranger.window + bufs[i].offset, bufs[i].length,
					      STRANGER_SEED + i);
	pp_client_close(&stranger);
	found->buffers += nr;
	return !err || err == -ENOSPC;
}

/* Count those of the owners that still run. */
static int still_running(pid_t *owners, bool *well)
{
	int running = 0;
	int i, status;

	for (i = 0; i < NR_OWNERS; i++) {
		if (owners[i] && waitpid(owners[i], &status, WNOHANG) == owners[i]) {
			*well &= WIFEXITED(status) && !WEXITSTATUS(status);
			owners[i] = 0;
		}
		running += !!owners[i];
	}
	return running;
}

FIXTURE(churn)
{
	struct pp_client observer;
};

FIXTURE_SETUP(churn)
{
	ASSERT_TRUE(pp_client_open(&self->observer));
}

FIXTURE_TEARDOWN(churn)
{
	EXPECT_TRUE(pp_pool_is_whole(self->observer.fd, 1));
	pp_client_close(&self->observer);
}

TEST_F(churn, no_stranger_is_harmed)
{
	struct findings found = {};
	pid_t owners[NR_OWNERS];
	uint64_t state = 1;
	bool well = true;
	int i;

	for (i = 0; i < NR_OWNERS; i++) {
		owners[i] = fork();
		if (!owners[i])
			_exit(owner_run(100 + i));
	}
	do {
		EXPECT_TRUE(stranger_round(&state, &found));
	} while (still_running(owners, &well));
	TH_LOG("a stranger had %u buffers", found.buffers);
	EXPECT_LT(0, found.buffers);
	EXPECT_TRUE(well);
	EXPECT_EQ(0, found.dirty);
	EXPECT_EQ(0, found.changed);
}

PP_HARNESS_MAIN
