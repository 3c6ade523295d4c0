// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and removal of the module while allocations and copies fail in turn: what
 * can't be loaded leaves no trace, and what is loaded is whole
 *
 * Needs root, PINPOOL_KO, and a kernel that injects faults.
 */
#include "fault.h"
#include "fault_worker.h"

#include "kselftest_harness.h"

/* With these pools, besides those that each test makes */
#define RESERVED	"r:2M:backing=reserved:base=512M"
#define ALL		"pools=a:2060K:mode=0660,b:2M:granule=2M,c:1028K:backing=contig,n:1M:backing=none"

struct env {
	const char *parameters;
	int ko;
};

/* All places where something of the module shows */
static void take(struct state *state, struct env *env)
{
	static const char * const directories[] = {
		"/dev", "/sys/class", "/sys/class/misc", "/sys/devices/platform",
		"/sys/devices/virtual", "/sys/kernel/slab", "/sys/kernel/tracing/events",
		"/sys/module", "/sys/bus/platform/drivers", "/sys/bus/workqueue/devices",
	};
	struct nl nl;
	size_t i;

	state_begin(state);
	for (i = 0; i < ARRAY_LEN(directories); i++)
		if (!access(directories[i], F_OK))
			state_directory(state, directories[i], "pinpool", false);
	state_directory(state, "/dev/pinpool", "", false);
	/* Where a node would be whose directory was forgotten */
	state_directory(state, "/dev", "", false);
	state_lines(state, "/proc/modules", "pinpool");
	state_lines(state, "/proc/iomem", "pinpool");
	state_lines(state, "/proc/devices", "");
	state_lines(state, "/proc/misc", "");
	state_lines(state, "/proc/filesystems", "nodev\tpinpool");
	state_directory(state, "/proc/self/fd", "", false);
	state_add(state, "netlink: %d\n", nl_open(&nl));
	nl_close(&nl);
}

static int run_load(struct env *env)
{
	return syscall(SYS_finit_module, env->ko, env->parameters, 0) ? -errno : 0;
}

static int run_unload(struct env *env)
{
	return pp_unload();
}

static void unload(struct env *env)
{
	pp_unload();
}

FIXTURE(load)
{
	struct env env;
	bool was_loaded;
};

/* The module itself comes to look at its parameters, and refuses. */
static int run_refused(struct env *env)
{
	return syscall(SYS_finit_module, env->ko, "pools=:", 0) ? -errno : 0;
}

FIXTURE_VARIANT(load)
{
	const char *name;
	struct fault_op op;
	const struct fault_victim *victim;
	const char *parameters;
	bool pools;		/* only what comes of these */
};

FIXTURE_SETUP(load)
{
	if (!fault_wanted(variant->name))
		PP_SKIP_SETUP("not in PINPOOL_FAULT");
	if (!getenv("PINPOOL_KO"))
		PP_SKIP_SETUP("PINPOOL_KO doesn't name the module");
	self->was_loaded = !access("/sys/module/pinpool", F_OK);
	if (self->was_loaded)
		ASSERT_EQ(0, pp_unload());
	self->env.parameters = variant->parameters;
	self->env.ko = open(getenv("PINPOOL_KO"), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->env.ko);
}

FIXTURE_TEARDOWN(load)
{
	close(self->env.ko);
	if (self->was_loaded)
		EXPECT_EQ(0, pp_load());
}

/*
 * EINVAL: platform_device_add() of Linux 6.1 doesn't look whether there was memory for the
 * name of the device, and device_add() says so of one without.
 */
#define VARIANT_LOAD(_name, _victim, _parameters, _pools)			\
	FIXTURE_VARIANT_ADD(load, _name) {				\
		.name = #_name,						\
		.op = { run_load, .undo = unload, .error = EINVAL },	\
		.victim = &fault_##_victim, .parameters = _parameters,	\
		.pools = _pools,					\
	}

VARIANT_LOAD(no_pools, self, "pools=", false);
VARIANT_LOAD(pools, self, ALL, true);
VARIANT_LOAD(reserved, self, "pools=" RESERVED, true);
VARIANT_LOAD(worker_pools, worker, ALL, false);
FIXTURE_VARIANT_ADD(load, unload) {
	.name = "unload",
	.op = { run_unload, .prepare = run_load, .cleanup = unload },
	.victim = &fault_self, .parameters = ALL "," RESERVED,
};

TEST_F_TIMEOUT(load, sweep, FAULT_TIMEOUT)
{
	struct fault_op op = variant->op;

	if (variant->pools)
		op.from = fault_count(&self->env, run_refused);
	EXPECT_TRUE(fault_sweep(variant->victim, &self->env, &op, take));
}

static void __attribute__((constructor)) require(void)
{
	fault_require();
}

TEST_HARNESS_MAIN
