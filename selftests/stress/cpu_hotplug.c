// SPDX-License-Identifier: GPL-2.0
/*
 * Processors come and go while clients are at work, and while pools are made, which
 * takes all processors that there are
 */
#include "cpus.h"
#include "load.h"

#include "../netlink.h"

#include "kselftest_harness.h"

#define WORKERS	4
#define NAME	"stress-cpus"
#define NODE	"/dev/pinpool/" NAME
#define LARGE	(128 * MIB)	/* As much again is added */

FIXTURE(cpu_hotplug)
{
	int fd;
	struct load load;
	struct stress_aside cpus;
};

FIXTURE_SETUP(cpu_hotplug)
{
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		PP_SKIP_SETUP("needs root, and a second processor that can go");
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(load_start(&self->load, WORKERS));
	ASSERT_TRUE(stress_begin(&self->cpus, cpus_come_and_go));
}

FIXTURE_TEARDOWN(cpu_hotplug)
{
	uint64_t rounds = stress_end(&self->cpus);

	EXPECT_LT(0, rounds);
	fprintf(stderr, "# %llu times each processor but one went and came back\n",
		(unsigned long long)rounds);
	EXPECT_TRUE(load_go_on(&self->load, 100));
	EXPECT_TRUE(load_stop(&self->load));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

TEST_F_TIMEOUT(cpu_hotplug, under_load, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 2;

	do {
		ASSERT_TRUE(load_go_on(&self->load, 10));
	} while (stress_now() < end || !stress_rounds(&self->cpus));
}

/* All of it is there, and zeroed, by whichever processor. */
static bool pool_is_zeroed(void)
{
	struct pp_client client;
	struct pinpool_buf buf;
	bool zero;

	if (!pp_client_open_at(&client, NODE) ||
	    pp_alloc(client.fd, client.capacity, 0, &buf))
		return false;
	zero = pp_is_zero(client.window, client.capacity);
	/* So that the next one finds something, if it forgets to zero. */
	memset(client.window, 0xa5, client.capacity);
	pp_client_close(&client);
	return zero;
}

TEST_F_TIMEOUT(cpu_hotplug, while_large_pools_are_made, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 2;
	struct nl nl;
	int pools = 0;

	ASSERT_EQ(0, nl_open(&nl));
	nl_pool_del(&nl, NAME, true);
	do {
		ASSERT_EQ(0, nl_pool_new(&nl, NAME, LARGE, 0600)) {
			TH_LOG("%s", nl.error);
		}
		EXPECT_TRUE(pool_is_zeroed());
		ASSERT_EQ(0, nl_set_capacity(&nl, NAME, 2 * LARGE));
		ASSERT_EQ(0, nl_pool_del(&nl, NAME, false));
		pools++;
	} while (stress_now() < end);
	nl_close(&nl);
	TH_LOG("%d pools of %llu MiB made and grown", pools, LARGE / MIB);
}

PP_HARNESS_MAIN
