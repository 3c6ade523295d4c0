/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests under stress share: how long they go on, and what else the machine has
 * to do meanwhile
 */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include "../pinpool_test.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* For the harness, which wants a constant: more than any test is told to take */
#define STRESS_TIMEOUT	86400

/* How long a test shall go on: $STRESS_SECONDS of each, or else 5 */
static inline double stress_seconds(void)
{
	const char *seconds = getenv("STRESS_SECONDS");

	return seconds ? atof(seconds) : 5;
}

static inline double stress_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline int stress_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The first line of a file; false if there is none */
static inline bool stress_read(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(line, size, file);

	if (good)
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	return good;
}

/* The number in a file, or -1 */
static inline long long stress_read_number(const char *path)
{
	char line[64];

	return stress_read(path, line, sizeof(line)) ? strtoll(line, NULL, 0) : -1;
}

/*
 * What init shall not take for trouble in the kernel's log, until stress_expect_nothing():
 * see ../vm/init.c
 */
static inline void stress_expect(const char *text)
{
	char line[128];

	snprintf(line, sizeof(line), "pinpool-test: expect %s", text);
	stress_write("/dev/kmsg", line);
}

static inline void stress_expect_nothing(void)
{
	stress_write("/dev/kmsg", "pinpool-test: expect no more");
}

/* A process that calls @run again and again until it is told to stop */
struct stress_aside {
	pid_t pid;
	struct {
		bool stop;
		uint64_t rounds;
	} *shared;
};

/* @run returns false to fail. */
static inline bool stress_begin(struct stress_aside *aside, bool (*run)(void))
{
	aside->shared = mmap(NULL, sizeof(*aside->shared), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (aside->shared == MAP_FAILED)
		return false;
	aside->pid = fork();
	if (!aside->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!__atomic_load_n(&aside->shared->stop, __ATOMIC_ACQUIRE)) {
			if (!run())
				_exit(1);
			__atomic_fetch_add(&aside->shared->rounds, 1, __ATOMIC_RELEASE);
		}
		_exit(0);
	}
	return aside->pid > 0;
}

static inline uint64_t stress_rounds(const struct stress_aside *aside)
{
	return __atomic_load_n(&aside->shared->rounds, __ATOMIC_ACQUIRE);
}

/* How often it ran, or 0 if it failed */
static inline uint64_t stress_end(struct stress_aside *aside)
{
	uint64_t rounds;
	int status;

	__atomic_store_n(&aside->shared->stop, true, __ATOMIC_RELEASE);
	rounds = waitpid(aside->pid, &status, 0) == aside->pid && !status ?
		 stress_rounds(aside) : 0;
	munmap(aside->shared, sizeof(*aside->shared));
	return rounds;
}

#endif /* STRESS_STRESS_H */
