/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stress-ng, by others
 */
#ifndef STRESS_NG_H
#define STRESS_NG_H

#include "stress.h"

#include <linux/capability.h>

/* What it says is no TAP. */
static inline void ng_log_path(char *path, size_t size)
{
	snprintf(path, size, "%s/stress-ng.log", getenv("TMPDIR") ?: "/tmp");
}

/* Did the last one say so? */
static inline bool ng_said(const char *text)
{
	char path[256], line[1024];
	bool found = false;
	FILE *file;

	ng_log_path(path, sizeof(path));
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, text);
	if (file)
		fclose(file);
	return found;
}

/* Start it with @args, which end with NULL, for @seconds, or for ever with 0. */
static inline pid_t ng_start(unsigned int seconds, const char *const *args)
{
	const char *argv[48] = {
		"stress-ng", "--temp-path", getenv("TMPDIR") ?: "/tmp", "--timeout",
	};
	char timeout[16], path[256];
	int i = 0, fd;
	pid_t pid;

	while (argv[i])
		i++;
	snprintf(timeout, sizeof(timeout), "%u", seconds);
	argv[i++] = timeout;
	while (*args && i < ARRAY_LEN(argv) - 1)
		argv[i++] = *args++;
	if (*args)
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		/* With that, madvise() can poison memory, and the kernel kills who touches it. */
		prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN);
		/* It takes all time that it can get: let others have some, too. */
		nice(10);
		ng_log_path(path, sizeof(path));
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	return pid;
}

/* Its exit status, or -1 */
static inline int ng_wait(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Run it as long as @part of the time that the test has. */
static inline int ng_run(double part, const char *const *args)
{
	double seconds = stress_seconds() * part;

	return ng_wait(ng_start(seconds < 1 ? 1 : seconds, args));
}

#endif /* STRESS_NG_H */
