// SPDX-License-Identifier: GPL-2.0
/*
 * A storm of SIGKILLs: clients with buffers, windows, shares, imports, pins, children and
 * transfers of a disk die at any moment, and nothing is lost by it
 */
#include "load.h"
#include "stress.h"

#include "kselftest_harness.h"

#define WORKERS	8

FIXTURE(kills)
{
	int fd;
	struct load load;
};

FIXTURE_SETUP(kills)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(load_start(&self->load, WORKERS));
}

FIXTURE_TEARDOWN(kills)
{
	EXPECT_TRUE(load_stop(&self->load));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* Kill those whose bits are set in @who, all at once, and have others in their places. */
static bool storm(struct load *load, unsigned int who)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		if (who & 1 << i)
			kill(load->pids[i], SIGKILL);
	for (i = 0; i < WORKERS; i++)
		if (who & 1 << i && !(load_kill(load, i) && load_renew(load, i)))
			return false;
	return true;
}

/* Some are still about to start, others have much to lose. */
TEST_F_TIMEOUT(kills, at_any_moment, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds();
	unsigned int seed = time(NULL);
	unsigned long kills = 0;
	unsigned int who;

	TH_LOG("seed %u", seed);
	while (stress_now() < end) {
		usleep(rand_r(&seed) % (rand_r(&seed) % 4 ? 5000 : 50000));
		who = rand_r(&seed) % (1 << WORKERS);
		ASSERT_TRUE(storm(&self->load, who));
		kills += __builtin_popcount(who);
	}
	/* Those who are left go on. */
	EXPECT_TRUE(load_go_on(&self->load, 100));
	TH_LOG("%lu clients killed", kills);
}

PP_HARNESS_MAIN
