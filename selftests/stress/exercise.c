// SPDX-License-Identifier: GPL-2.0
/*
 * stress-ng: its device exerciser at each node, its readers of sysfs and /proc, and all
 * that it can do to memory, beside clients at work
 */
#include "load.h"
#include "ng.h"

#include <dirent.h>

#include "kselftest_harness.h"

#define WORKERS	4

FIXTURE(exercise)
{
	int fd;
	struct load load;
};

FIXTURE_SETUP(exercise)
{
	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(load_start(&self->load, WORKERS));
}

FIXTURE_TEARDOWN(exercise)
{
	EXPECT_TRUE(load_go_on(&self->load, 100));
	EXPECT_TRUE(load_stop(&self->load));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

TEST_F_TIMEOUT(exercise, nodes, STRESS_TIMEOUT)
{
	static const char *const nodes[] = { NULL, "/dev/pinpool-control" };
	const char *args[5] = { "--dev", "2", "--dev-file" };
	int i;

	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		args[3] = nodes[i] ?: pp_node();
		ASSERT_EQ(0, access(args[3], R_OK | W_OK));
		EXPECT_EQ(0, ng_run(1.0 / 8, args));
		EXPECT_TRUE(ng_said("1 of 1 devices opened and exercised"));
	}
}

TEST_F_TIMEOUT(exercise, readers, STRESS_TIMEOUT)
{
	static const char *const args[] = { "--sysfs", "1", "--procfs", "1", NULL };

	EXPECT_EQ(0, ng_run(1.0 / 8, args));
}

/* Read all of a file that may go at any moment. */
static bool read_all(const char *path, const char *want)
{
	char text[8192];
	bool found = false;
	ssize_t length;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (length = read(fd, text, sizeof(text) - 1)) > 0) {
		text[length] = '\0';
		found |= !!strstr(text, want);
	}
	close(fd);
	return found;
}

/* Of each process what tells of its files and its windows. Returns how many did. */
static unsigned long read_processes(void)
{
	static const char *const files[] = { "fdinfo/%d", "smaps", "numa_maps" };
	DIR *proc = opendir("/proc");
	unsigned long found = 0;
	struct dirent *entry;
	char name[16], path[320];
	int i, fd;

	while (proc && (entry = readdir(proc))) {
		if (!atoi(entry->d_name))
			continue;
		for (i = 0; i < ARRAY_LEN(files); i++) {
			for (fd = 0; fd < (i ? 1 : 16); fd++) {
				snprintf(name, sizeof(name), files[i], fd);
				snprintf(path, sizeof(path), "/proc/%.16s/%s", entry->d_name, name);
				found += read_all(path, "pinpool");
			}
		}
	}
	if (proc)
		closedir(proc);
	return found;
}

TEST_F_TIMEOUT(exercise, readers_of_clients, STRESS_TIMEOUT)
{
	double end = stress_now() + stress_seconds() / 8;
	unsigned long found = 0;

	do {
		found += read_processes();
	} while (stress_now() < end);
	EXPECT_LT(0, found);
	TH_LOG("%lu files told of clients", found);
}

/* Few of each at a time, so that they leave the clients something to do. */
TEST_F_TIMEOUT(exercise, memory, STRESS_TIMEOUT)
{
	static const char *const mappings[] = {
		"--vm", "1", "--vm-bytes", "10%", "--mmap", "1", "--mmap-bytes", "5%", "--mremap", "1",
		"--mremap-bytes", "4M", "--madvise", "1", "--mlock", "1", NULL
	};
	static const char *const processes[] = {
		"--fork", "1", "--vm-splice", "1", "--userfaultfd", "1", "--userfaultfd-bytes",
		"4M", "--vm-rw", "1", "--vm-rw-bytes", "8M", "--mmapfork", "1", NULL
	};
	static const char *const pages[] = {
		"--pagemove", "1", "--pagemove-bytes", "4M", "--fault", "1", "--brk", "1",
		"--shm", "1", "--shm-bytes", "4M", "--numa", "1", "--sysbadaddr", "1", NULL
	};
	const char *const *const sets[] = { mappings, processes, pages };
	int i, status;

	for (i = 0; i < ARRAY_LEN(sets); i++) {
		status = ng_run(1.0 / 5, sets[i]);
		/* 3: some of it this kernel hasn't, or had no memory for */
		EXPECT_TRUE(status == 0 || status == 3) {
			TH_LOG("stress-ng %s: exit status %d", sets[i][0], status);
		}
		EXPECT_TRUE(load_go_on(&self->load, 10));
	}
}

PP_HARNESS_MAIN
