// SPDX-License-Identifier: GPL-2.0
/*
 * The module is loaded, used and removed, again and again, while processors come and go,
 * memory is short, and others read whatever tells of it. Nothing stays behind.
 *
 * $PINPOOL_CYCLES is how often (100). Needs root, and PINPOOL_KO.
 */
#include "cpus.h"
#include "ng.h"

#include "../netlink.h"

#include <dirent.h>

#include "kselftest_harness.h"

#define VISITORS	2
#define POOLS		"pools=default:4M,huge:4M:granule=2M,none:1G:backing=none"
#define CLASS		"/sys/class/pinpool"

/* What the kernel may keep of each cycle, in bytes: less than any object on its own page */
#define LOSS		2048ULL

/* What it may keep at hand for all of them */
#define NOISE		(3 * MIB)

static int load(void)
{
	int fd = open(getenv("PINPOOL_KO"), O_RDONLY | O_CLOEXEC);
	int err = syscall(SYS_finit_module, fd, POOLS, 0) ? -errno : 0;

	close(fd);
	return err;
}

/* As rmmod does, until nobody is in */
static int unload(uint64_t *refused)
{
	int err;

	while ((err = pp_unload()) == -EWOULDBLOCK) {
		++*refused;
		usleep(500);
	}
	return err;
}

/* For stress_begin(): whoever comes by when there is a pool */
static bool visit(void)
{
	struct pp_client client;
	struct pinpool_buf buf;
	bool good;

	if (!pp_client_open(&client)) {
		/* It is gone, or was about to be: without the node, or with it. */
		good = errno == ENOENT || errno == ENXIO || errno == ENODEV || errno == ENOMEM;
		if (client.fd >= 0)
			close(client.fd);
		if (!good)
			perror("# open");
		usleep(200);
		return good;
	}
	good = !pp_alloc(client.fd, 4 * client.granule, 0, &buf);
	if (good)
		good = pp_is_zero(client.window + buf.offset, buf.length);
	if (good)
		memset(client.window + buf.offset, 0xa5, buf.length);
	pp_client_close(&client);
	if (!good)
		fprintf(stderr, "# a visitor found what it must not\n");
	/* Let it be unloaded. */
	usleep(1000);
	return good;
}

/* For stress_begin(): what udev and the like look at */
static bool read_sysfs(void)
{
	DIR *class = opendir(CLASS);
	struct dirent *pool, *attr;
	char path[640], text[256];
	DIR *attrs;

	while (class && (pool = readdir(class))) {
		snprintf(path, sizeof(path), CLASS "/%s", pool->d_name);
		attrs = pool->d_name[0] == '.' ? NULL : opendir(path);
		while (attrs && (attr = readdir(attrs))) {
			snprintf(path, sizeof(path), CLASS "/%s/%s", pool->d_name, attr->d_name);
			if (attr->d_type == DT_REG)
				stress_read(path, text, sizeof(text));
		}
		if (attrs)
			closedir(attrs);
	}
	if (class)
		closedir(class);
	stress_read("/proc/modules", text, sizeof(text));
	usleep(500);
	return true;
}

/* For stress_begin(): who dumps and listens, as long as there is a family */
static bool read_netlink(void)
{
	struct nl nl;

	if (!nl_open(&nl)) {
		nl_listen(&nl, nl.events);
		nl_talk(&nl, nl_dump(&nl, PINPOOL_NL_CMD_POOL_GET), NULL, NULL);
		nl_talk(&nl, nl_dump(&nl, PINPOOL_NL_CMD_CLIENT_GET), NULL, NULL);
		nl_talk(&nl, nl_dump(&nl, PINPOOL_NL_CMD_BUFFER_GET), NULL, NULL);
		nl_event(&nl, 0, 1);
	}
	nl_close(&nl);
	usleep(500);
	return true;
}

/* KiB of a line of /proc/meminfo */
static uint64_t meminfo_kib(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long value, found = 0;
	char line[128], key[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63[^:]: %llu", key, &value) == 2 && !strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

/* What the kernel has for itself, in bytes, without what it would give back */
static uint64_t kernel_memory(void)
{
	stress_write("/proc/sys/vm/drop_caches", "3");
	return (meminfo_kib("SUnreclaim") + meminfo_kib("VmallocUsed") + meminfo_kib("Percpu")) *
	       KIB;
}

static bool file_tells(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, word)) {
			fprintf(stderr, "# %s: %s", path, line);
			found = true;
		}
	if (file)
		fclose(file);
	return found;
}

/* Is there anything that tells of the module? */
static bool traces(void)
{
	static const char *const files[] = {
		"/proc/modules", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/devices",
		"/proc/misc", "/proc/kallsyms", "/proc/filesystems",
	};
	bool found = false;
	int i;

	for (i = 0; i < ARRAY_LEN(files); i++)
		found |= file_tells(files[i], "pinpool");
	return found || !access(CLASS, F_OK) || !access("/dev/pinpool", F_OK) ||
	       !access("/dev/pinpool-control", F_OK);
}

static unsigned long cycles(void)
{
	const char *cycles = getenv("PINPOOL_CYCLES");

	return cycles ? strtoul(cycles, NULL, 0) : 100;
}

/* Load, wait until @visits more came by, and unload. */
static bool cycle(const struct stress_aside *visitors, uint64_t visits, uint64_t *refused)
{
	uint64_t aim = stress_rounds(visitors) + visits;
	siginfo_t info = {};
	int err = load();

	while (!err && stress_rounds(visitors) < aim) {
		if (waitid(P_PID, visitors->pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid)
			return false;
		usleep(500);
	}
	err = err ?: unload(refused);
	if (err)
		fprintf(stderr, "# load or unload: %s\n", strerror(-err));
	return !err;
}

FIXTURE(reload)
{
	struct stress_aside visitors[VISITORS];
	struct stress_aside cpus, sysfs, netlink;
	pid_t pressure;
};

FIXTURE_SETUP(reload)
{
	static const char *const pressure[] = {
		"--vm", "1", "--vm-bytes", "20%", "--fork", "1", NULL
	};
	int i;

	if (!getenv("PINPOOL_KO") || geteuid())
		PP_SKIP_SETUP("needs root and PINPOOL_KO");
	ASSERT_EQ(0, pp_unload());
	for (i = 0; i < VISITORS; i++)
		ASSERT_TRUE(stress_begin(&self->visitors[i], visit));
	ASSERT_TRUE(stress_begin(&self->sysfs, read_sysfs));
	ASSERT_TRUE(stress_begin(&self->netlink, read_netlink));
	ASSERT_TRUE(stress_begin(&self->cpus, cpus_come_and_go));
	self->pressure = ng_start(0, pressure);
	ASSERT_LT(0, self->pressure);
}

FIXTURE_TEARDOWN(reload)
{
	ASSERT_EQ(0, pp_load());
}

static void all_end(struct __test_metadata *_metadata, FIXTURE_DATA(reload) *self)
{
	uint64_t visits = 0;
	int i;

	for (i = 0; i < VISITORS; i++)
		visits += stress_end(&self->visitors[i]);
	EXPECT_LT(0, visits);
	EXPECT_LT(0, stress_end(&self->sysfs));
	EXPECT_LT(0, stress_end(&self->netlink));
	EXPECT_LT(0, stress_end(&self->cpus));
	kill(self->pressure, SIGTERM);
	EXPECT_EQ(0, ng_wait(self->pressure));
}

TEST_F_TIMEOUT(reload, under_all_of_it, STRESS_TIMEOUT)
{
	uint64_t before, after, refused = 0;
	unsigned long i, nr = cycles();
	double start;

	/* What comes with the first ones stays. */
	for (i = 0; i < nr / 10; i++)
		ASSERT_TRUE(cycle(&self->visitors[0], 2, &refused));
	before = kernel_memory();
	start = stress_now();
	for (; i < nr; i++) {
		if (i % 100 == 0)
			TH_LOG("%lu cycles of %lu", i, nr);
		ASSERT_TRUE(cycle(&self->visitors[0], 2, &refused));
	}
	start = stress_now() - start;
	after = kernel_memory();
	all_end(_metadata, self);
	EXPECT_FALSE(traces());
	TH_LOG("%lu cycles of load and unload, %.0f ms each, refused %llu times; %lld KiB more of the kernel's memory in use",
	       nr, start / (nr - nr / 10) * 1e3, (unsigned long long)refused,
	       (long long)(after - before) / 1024);
	EXPECT_GT(before + nr * LOSS + NOISE, after);
}

PP_HARNESS_MAIN
