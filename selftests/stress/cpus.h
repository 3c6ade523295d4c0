/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processors that go and come back
 */
#ifndef STRESS_CPUS_H
#define STRESS_CPUS_H

#include "stress.h"

/* Returns 0 or a negative errno */
static inline int cpu_set(unsigned int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	return stress_write(path, online ? "1" : "0");
}

/* For stress_begin(): each but the first goes, in turn, and comes back the other way. */
static inline bool cpus_come_and_go(void)
{
	unsigned int cpu, nr = sysconf(_SC_NPROCESSORS_CONF);
	int err = 0;

	for (cpu = 1; cpu < nr; cpu++)
		err = err ?: cpu_set(cpu, false);
	while (--cpu)
		err = cpu_set(cpu, true) ?: err;
	usleep(20000);
	if (err)
		fprintf(stderr, "# a processor: %s\n", strerror(-err));
	return !err;
}

#endif /* STRESS_CPUS_H */
