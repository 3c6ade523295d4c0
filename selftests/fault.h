/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: have each allocation and each copy from or to user space that a call
 * makes fail in turn, and see that a call which failed changed nothing, and that nothing
 * is left of one which succeeded and was undone
 *
 * The kernel counts them for each task (/proc/thread-self/fail-nth), those of its own as
 * well as the module's. A test has a struct env of its own, and a function that tells
 * its state.
 */
#ifndef PINPOOL_TEST_FAULT_H
#define PINPOOL_TEST_FAULT_H

#include "pinpool_test.h"
#include "fault_state.h"

/* A sweep that goes on for longer has something wrong with it. */
#define FAULT_MOST	20000

/* How far apart places are that are tried where others have tried all of them */
#define FAULT_STRIDE	16

/* The longest sweep, of a load of the module, takes a quarter of that by itself. */
#define FAULT_TIMEOUT	3000

#define DEBUGFS		"/sys/kernel/debug/"

struct env;

/**
 * struct fault_op - Something to be done while faults are injected
 * @run: Does it. Returns a negative errno, or else it succeeded
 * @want: What it returns where no fault was injected, if not 0
 * @prepare: Before each time; or NULL. Returns 0 or a negative errno
 * @finish: Learns what came of it, with what @run returned, without faults; or NULL.
 *          Returns like @run
 * @undo: After each success; or NULL
 * @cleanup: After each time; or NULL
 * @error: One more error that may come of a fault, besides ENOMEM and EFAULT
 * @never_fails: It succeeds all the same
 * @from: The first place of those that are all tried: what comes before is another's, of
 *        which some are tried
 * @to: The last place of these, or 0 for all; what follows is another's as well
 * @unstable: What @prepare did ends by itself, or a failure leaves a client's quarantine
 *            in more pieces: nothing is compared before @cleanup
 */
struct fault_op {
	int (*run)(struct env *env);
	int want;
	int (*prepare)(struct env *env);
	int (*finish)(struct env *env, int ret);
	void (*undo)(struct env *env);
	void (*cleanup)(struct env *env);
	int error;
	bool never_fails;
	unsigned int from;
	unsigned int to;
	bool unstable;
};

/* PINPOOL_FAULT may name those that are to be done, with spaces; else it is all. */
static inline bool fault_wanted(const char *name)
{
	const char *wanted = getenv("PINPOOL_FAULT");
	size_t length = strlen(name);
	const char *at;

	for (at = wanted; at; at = strchr(at, ' ')) {
		at += strspn(at, " ");
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ' '))
			return true;
	}
	return !wanted;
}

/* Of all tests, in memory that their processes share */
struct fault_totals {
	unsigned long injected;
	unsigned long failed;
	pid_t main;
};

static struct fault_totals *fault_totals;

static inline int fault_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static inline void fault_end(void)
{
	if (getpid() != fault_totals->main)
		return;
	fault_write("/dev/kmsg", "pinpool-test: expect no more");
	printf("# %lu faults injected, of which %lu made a call fail\n",
	       fault_totals->injected, fault_totals->failed);
}

/* For main(): ends the program as skipped where the kernel injects no faults. */
static inline void fault_require(void)
{
	static const char * const settings[][2] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "failslab/cache-filter", "N" },
		{ DEBUGFS "failslab/task-filter", "Y" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/task-filter", "Y" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
		{ DEBUGFS "fail_usercopy/task-filter", "Y" },
		{ DEBUGFS "fail_usercopy/verbose", "0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings); i++) {
		if (!fault_write(settings[i][0], settings[i][1]))
			continue;
		printf("TAP version 13\n1..0 # SKIP this kernel injects no faults, or not as root only may: no %s\n",
		       settings[i][0]);
		exit(4);
	}
	/*
	 * Where some of the kernel's own calls fail for want of memory, they tell how
	 * they came to be called. What is wrong has a line of its own besides.
	 */
	fault_write("/dev/kmsg", "pinpool-test: expect Call Trace:");
	/* It warns where an exporter or an event has no memory. What else does is found. */
	fault_write("/dev/kmsg", "pinpool-test: expect dma_buf_vmap+");
	fault_write("/dev/kmsg", "pinpool-test: expect event_define_fields+");
	fault_write("/dev/kmsg", "pinpool-test: expect [ cut here ]");
	fault_write("/proc/sys/kernel/panic_on_warn", "0");
	fault_totals = mmap(NULL, sizeof(*fault_totals), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fault_totals->main = getpid();
	atexit(fault_end);
}

/* The file of this thread, opened by whoever sweeps */
static int fault_fd = -1;

static inline void fault_arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fault_fd, text, length, 0) != length)
		abort();
}

/*
 * Whether a fault was injected since. To ask is to copy to user space, and so is to
 * disarm: both may get the fault themselves.
 */
static inline bool fault_disarm(void)
{
	char text[16] = "";
	bool injected = pread(fault_fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	if (pwrite(fault_fd, "0", 1, 0) != 1 && pwrite(fault_fd, "0", 1, 0) != 1)
		abort();
	return injected;
}

/* Whose calls get the faults: how to arm, and to tell whether there was one */
struct fault_victim {
	void (*arm)(unsigned int n);
	bool (*disarm)(void);
};

/* The thread that calls */
static const struct fault_victim fault_self = { fault_arm, fault_disarm };

static inline bool fault_may_give(const struct fault_op *op, int err, bool injected)
{
	if (err == op->want || (!op->want && err >= 0))
		return true;
	if (!injected || op->never_fails)
		return false;
	return err == -ENOMEM || err == -EFAULT || (op->error && err == -op->error);
}

/* One time, with the fault at the @n-th place. @idle: what was. Sets *@injected */
static inline bool fault_once(const struct fault_victim *victim, struct env *env,
			      const struct fault_op *op, state_fn take,
			      struct state *idle, unsigned int n, bool *injected)
{
	struct state *before = idle;
	static struct state prepared;
	bool good = true;
	int ret;

	ret = op->prepare ? op->prepare(env) : 0;
	if (ret) {
		fprintf(stderr, "# fault %u: it can't be prepared: %s\n", n, strerror(-ret));
		*injected = false;
		return false;
	}
	if (op->prepare) {
		take(&prepared, env);
		before = &prepared;
	}
	victim->arm(n);
	ret = op->run(env);
	*injected = victim->disarm();
	if (op->finish)
		ret = op->finish(env, ret);
	if (!fault_may_give(op, ret, *injected)) {
		fprintf(stderr, "# fault %u%s: it gave %d (%s)\n", n,
			*injected ? "" : ", not injected", ret, ret < 0 ? strerror(-ret) : "");
		good = false;
	}
	if (*injected) {
		fault_totals->injected++;
		fault_totals->failed += ret < 0 && ret != op->want;
	}
	if (ret < 0 && ret != op->want && !op->unstable &&
	    !state_settles(before, take, env, true)) {
		fprintf(stderr, "# fault %u: it failed (%s) and changed something\n", n,
			strerror(-ret));
		good = false;
	}
	if (ret >= 0 && op->undo)
		op->undo(env);
	if (op->cleanup)
		op->cleanup(env);
	if (!state_settles(idle, take, env, false)) {
		fprintf(stderr, "# fault %u: something is left of it, which gave %d\n", n, ret);
		good = false;
	}
	return good;
}

/* How many places a call has where there might be a fault, but is none; or 0 if it has too many */
static inline unsigned int fault_count(struct env *env, int (*run)(struct env *env))
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int left;

	fault_fd = fd;
	fault_arm(2 * FAULT_MOST);
	run(env);
	left = pread(fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : 0;
	fault_disarm();
	close(fd);
	return left ? 2 * FAULT_MOST - left : 0;
}

/* All places, until there is no more. Says what is wrong, as a comment. */
static inline bool fault_sweep(const struct fault_victim *victim, struct env *env,
			       const struct fault_op *op, state_fn take)
{
	unsigned long faults = fault_totals->injected;
	unsigned long failed = fault_totals->failed;
	time_t told = time(NULL);
	static struct state idle;
	unsigned int step = 1;
	bool injected = true;
	bool good = true;
	unsigned int n;

	fault_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fault_fd < 0)
		return false;
	take(&idle, env);
	for (n = 1; injected && n < FAULT_MOST; n += step) {
		good &= fault_once(victim, env, op, take, &idle, n, &injected);
		step = op->to && n >= op->to ? FAULT_STRIDE : 1;
		if (n < op->from)
			step = op->from - n < FAULT_STRIDE ? op->from - n : FAULT_STRIDE;
		if (time(NULL) >= told + 60) {
			told = time(NULL);
			printf("# place %u\n", n);
			fflush(stdout);
		}
	}
	close(fault_fd);
	printf("# %lu faults at %u places, of which %lu made it fail\n",
	       fault_totals->injected - faults, n - step - 1,
	       fault_totals->failed - failed);
	fflush(stdout);
	return good && !injected;
}

#endif /* PINPOOL_TEST_FAULT_H */
