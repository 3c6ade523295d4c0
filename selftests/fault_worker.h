/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults for the kernel's unbound workers, which do what calls of the module wait for,
 * or what comes after them
 */
#ifndef PINPOOL_TEST_FAULT_WORKER_H
#define PINPOOL_TEST_FAULT_WORKER_H

#include "fault.h"

#include <dirent.h>

#define FAULT_WORKERS	64

static int fault_workers[FAULT_WORKERS];	/* their files */
static int fault_nr_workers;

/* The file of the task of /proc/@pid if it is such a worker, or -1 */
static inline int fault_open_worker(const char *pid)
{
	char path[300], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = '\0';
	close(fd);
	if (strncmp(comm, "kworker/u", strlen("kworker/u")))
		return -1;
	snprintf(path, sizeof(path), "/proc/%s/fail-nth", pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Whichever of them comes to do it */
static inline void fault_arm_workers(unsigned int n)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int length, fd;
	char text[16];

	length = snprintf(text, sizeof(text), "%u", n);
	fault_nr_workers = 0;
	while (proc && fault_nr_workers < FAULT_WORKERS && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		fd = fault_open_worker(entry->d_name);
		if (fd < 0)
			continue;
		if (pwrite(fd, text, length, 0) == length)
			fault_workers[fault_nr_workers++] = fd;
		else
			close(fd);
	}
	if (proc)
		closedir(proc);
}

static inline bool fault_disarm_workers(void)
{
	bool injected = false;
	char text[16];
	int i;

	for (i = 0; i < fault_nr_workers; i++) {
		memset(text, 0, sizeof(text));
		/* One that is gone has done nothing since. */
		injected |= pread(fault_workers[i], text, sizeof(text) - 1, 0) > 0 && !atoi(text);
		if (pwrite(fault_workers[i], "0", 1, 0) != 1 && errno != ESRCH)
			abort();
		close(fault_workers[i]);
	}
	return injected;
}

static const struct fault_victim fault_worker = { fault_arm_workers, fault_disarm_workers };

#endif /* PINPOOL_TEST_FAULT_WORKER_H */
