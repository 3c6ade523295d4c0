// SPDX-License-Identifier: GPL-2.0
/*
 * Making large pools: how far it is, on several processors, and a change of mind
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"fill-test"
#define NODE	"/dev/pinpool/" NAME

/* So large that making it takes a while, and that a guest of 1 GiB has it */
#define LARGE	(384 * MIB)

/* How often somebody may be too late to interrupt that */
#define TRIES	50

FIXTURE(fill)
{
	struct nl nl;
	struct nl events;
};

FIXTURE_SETUP(fill)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, nl_open(&self->events));
	ASSERT_EQ(0, nl_listen(&self->events, self->events.events));
	nl_pool_del(&self->nl, NAME, true);
}

FIXTURE_TEARDOWN(fill)
{
	nl_pool_del(&self->nl, NAME, true);
	nl_close(&self->nl);
	nl_close(&self->events);
}

/* The next progress that is told of the pool. Returns false if there is none */
static bool progress(struct nl *nl, uint64_t *capacity, uint64_t *done)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg = nl_event(nl, PINPOOL_NL_CMD_PROGRESS_NTF, NL_SOON_MS);

	if (!msg)
		return false;
	nl_attrs(msg, attrs);
	*capacity = nl_u64(attrs[PINPOOL_A_EVENT_CAPACITY]);
	*done = nl_u64(attrs[PINPOOL_A_EVENT_DONE]);
	return !strcmp(nl_string(attrs[PINPOOL_A_EVENT_POOL]), NAME);
}

TEST_F(fill, progress_is_told)
{
	uint64_t capacity, done;
	const struct nlmsghdr *msg;

	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, LARGE, 0600));
	ASSERT_TRUE(progress(&self->events, &capacity, &done));
	EXPECT_EQ(LARGE, capacity);
	EXPECT_GE(LARGE, done);
	ASSERT_NE(NULL, nl_event(&self->events, PINPOOL_NL_CMD_POOL_NEW_NTF, NL_SOON_MS));

	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, LARGE + 64 * MIB));
	ASSERT_TRUE(progress(&self->events, &capacity, &done));
	EXPECT_EQ(LARGE + 64 * MIB, capacity);
	EXPECT_LE(LARGE, done);
	EXPECT_GE(capacity, done);
	ASSERT_NE(NULL, nl_event(&self->events, PINPOOL_NL_CMD_POOL_SET_NTF, NL_SOON_MS));

	/* What is there at once is not worth telling. */
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, MIB));
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, 4 * MIB));
	ASSERT_NE(NULL, nl_event(&self->events, PINPOOL_NL_CMD_POOL_SET_NTF, NL_SOON_MS));
	msg = nl_event(&self->events, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_SET_NTF, nl_cmd(msg));
}

/* Every page, whichever processor got it ready, and whatever was in it before */
TEST_F(fill, all_of_it_is_zeroed)
{
	struct pinpool_buf buf;
	void *dirty, *window;
	int fd;

	dirty = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, dirty);
	memset(dirty, 0xa5, LARGE);
	munmap(dirty, LARGE);

	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, LARGE, 0600));
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	window = pp_window(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_alloc(fd, LARGE, 0, &buf));
	EXPECT_TRUE(pp_is_zero(window, LARGE));
	munmap(window, LARGE);
	close(fd);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* Makes a pool in a process of its own. Exits with the error */
static pid_t make_pool(const char *name, uint64_t size)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct nl nl;
	pid_t pid = fork();
	int err;

	if (pid)
		return pid;
	sigaction(SIGINT, &action, NULL);
	err = nl_open(&nl);
	if (!err)
		err = nl_pool_new(&nl, name, size, 0600);
	_exit(-err);
}

static pid_t make(void)
{
	return make_pool(NAME, LARGE);
}

/* Returns true if it was stopped by @signal, false if it was too late for that */
static bool interrupt(struct __test_metadata *_metadata, struct nl *nl, struct nl *events,
		      int signal)
{
	uint64_t capacity, done;
	pid_t pid = make();
	int status;

	EXPECT_LT(0, pid);
	EXPECT_TRUE(progress(events, &capacity, &done));
	kill(pid, signal);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	if (!nl_pool_del(nl, NAME, false))
		return false;
	EXPECT_TRUE((signal == SIGKILL && WIFSIGNALED(status)) ||
		    (WIFEXITED(status) && WEXITSTATUS(status) == ECANCELED));
	return true;
}

static void interrupts(struct __test_metadata *_metadata, struct nl *nl, struct nl *events,
		       int signal)
{
	unsigned long before = pp_available_kib();
	int i;

	for (i = 0; i < TRIES && !interrupt(_metadata, nl, events, signal); i++)
		;
	EXPECT_GT(TRIES, i);
	/* Nothing is left of it, neither memory nor the name. */
	EXPECT_TRUE(pp_memory_is_back(before, LARGE / 4 / KIB));
	EXPECT_EQ(0, nl_pool_new(nl, NAME, LARGE, 0600));
}

TEST_F(fill, a_signal_stops_it)
{
	interrupts(_metadata, &self->nl, &self->events, SIGINT);
}

TEST_F(fill, so_does_a_kill)
{
	interrupts(_metadata, &self->nl, &self->events, SIGKILL);
}

/* Takes a processor from all others, until it is killed */
static pid_t hog(void)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	/* It has nobody else to end it where a test takes too long. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Where sessions share the processors, it is theirs that counts. */
	setsid();
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (setpriority(PRIO_PROCESS, 0, -20) || (fd >= 0 && write(fd, "-20", 3) != 3))
		_exit(1);
	for (;;)
		;
}

/* So many on each processor, that little is left for anybody else */
#define HOGS_EACH	8
#define MAX_HOGS	(64 * HOGS_EACH)

/* A kernel for debugging does so much more that they would starve it. */
static bool is_for_debugging(void)
{
	return !access("/proc/lockdep_stats", F_OK) || !access("/sys/kernel/debug/kcsan", F_OK);
}

/* What takes long is in the log, too. */
TEST_F(fill, progress_is_logged)
{
	uint64_t capacity, done, ready = 0;
	unsigned long long of, mib;
	pid_t hogs[MAX_HOGS], pid;
	bool logged = false;
	int i, log, nr, status;
	char rest[256], *end;

	if (is_for_debugging())
		SKIP(return, "this kernel has too little time as it is");
	log = pp_log_open();
	ASSERT_LE(0, log);
	nr = HOGS_EACH * sysconf(_SC_NPROCESSORS_ONLN);
	ASSERT_GE(MAX_HOGS, nr);
	for (i = 0; i < nr; i++)
		hogs[i] = hog();
	pid = make();
	while (!logged && !waitpid(pid, &status, WNOHANG)) {
		if (progress(&self->events, &capacity, &done)) {
			EXPECT_LE(ready, done);
			ready = done;
		}
		logged = pp_log_find(log, "pool '" NAME "': ", rest, sizeof(rest));
	}
	for (i = 0; i < nr; i++) {
		kill(hogs[i], SIGKILL);
		ASSERT_EQ(hogs[i], waitpid(hogs[i], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	ASSERT_TRUE(logged);
	mib = strtoull(rest, &end, 10);
	ASSERT_EQ(0, strncmp(end, " of ", 4));
	of = strtoull(end + 4, &end, 10);
	EXPECT_EQ(0, strncmp(end, " MiB are ready", 14));
	EXPECT_EQ(LARGE / MIB, of);
	EXPECT_GT(of, mib);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	close(log);
}

/* Each of two would fit alone, and much of both is there when there is no more. */
TEST_F(fill, memory_runs_out_half_way)
{
	static const char * const names[] = { NAME "-a", NAME "-b" };
	unsigned long before = pp_available_kib();
	uint64_t size = before * 6 / 10 / KIB * MIB;
	int i, log, made, status;
	bool stopped = false;
	char rest[256];
	pid_t pids[2];
	size_t n;

	log = pp_log_open();
	ASSERT_LE(0, log);
	for (i = 0; i < TRIES && !stopped; i++) {
		for (n = 0; n < ARRAY_LEN(names); n++)
			pids[n] = make_pool(names[n], size);
		for (n = 0, made = 0; n < ARRAY_LEN(names); n++) {
			ASSERT_EQ(pids[n], waitpid(pids[n], &status, 0));
			ASSERT_TRUE(WIFEXITED(status));
			made += !status;
			EXPECT_TRUE(!status || WEXITSTATUS(status) == ENOMEM);
		}
		EXPECT_GE(1, made);
		for (n = 0; n < ARRAY_LEN(names); n++)
			made -= !nl_pool_del(&self->nl, names[n], false);
		EXPECT_EQ(0, made);
		/* Else one of them saw in time that it would not suffice. */
		stopped = pp_log_find(log, "': stopped with ", rest, sizeof(rest));
	}
	EXPECT_TRUE(stopped);
	/* Not every kernel has the names of errors. */
	EXPECT_TRUE(strstr(rest, "-ENOMEM") || strstr(rest, "-12"));
	EXPECT_TRUE(pp_memory_is_back(before, 32 * KIB));
	EXPECT_EQ(0, nl_pool_new(&self->nl, NAME, size, 0600));
	close(log);
}

static void *make_and_delete(void *arg)
{
	const char *name = arg;
	struct nl nl;
	intptr_t err;
	int i;

	err = nl_open(&nl);
	for (i = 0; i < 10 && !err; i++) {
		err = nl_pool_new(&nl, name, 96 * MIB, 0600);
		if (!err)
			err = nl_pool_del(&nl, name, false);
	}
	nl_close(&nl);
	return (void *)err;
}

TEST_F(fill, several_at_a_time)
{
	static char names[][16] = { "fill-a", "fill-b", "fill-c" };
	pthread_t threads[3];
	void *err;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, make_and_delete, names[i]));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &err));
		EXPECT_EQ(NULL, err);
	}
}

TEST_HARNESS_MAIN
