// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/pinpool/<name>/: every attribute of uapi/sysfs-class-pinpool is there,
 * for all to read and for nobody to write, and agrees with INFO and STATS
 */
#include "pinpool_test.h"

#include <dirent.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#define STAT(name)	{ #name, offsetof(struct pinpool_stats, name) }

static const struct {
	const char *name;
	size_t field;
} stats_attrs[] = {
	STAT(capacity), STAT(used), STAT(free), STAT(quarantined), STAT(largest_free),
	STAT(peak), STAT(requested), STAT(buffers), STAT(free_extents),
	STAT(quarantined_extents), STAT(clients), STAT(shares), STAT(waiters), STAT(allocs),
	STAT(frees), STAT(failures),
};

static const char * const info_attrs[] = { "granule", "backing", "zero", "numa_node" };

FIXTURE(sysfs)
{
	struct pp_client a;
	struct pinpool_info info;
	char dir[128];
	char text[4096];
};

FIXTURE_SETUP(sysfs)
{
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_EQ(0, pp_info(self->a.fd, &self->info));
	snprintf(self->dir, sizeof(self->dir), "/sys/class/pinpool/%s", self->info.name);
}

FIXTURE_TEARDOWN(sysfs)
{
	struct pinpool_query query;

	while (!pp_find(self->a.fd, 0, PINPOOL_QUERY_NEXT, &query) &&
	       !pp_free(self->a.fd, query.handle))
		;
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

static int attr_open(const FIXTURE_DATA(sysfs) *self, const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	return open(path, flags | O_CLOEXEC);
}

/* The one value of an attribute, or "" if it isn't one */
static const char *attr_read(FIXTURE_DATA(sysfs) *self, const char *name)
{
	int fd = attr_open(self, name, O_RDONLY);
	ssize_t length = read(fd, self->text, sizeof(self->text) - 1);

	close(fd);
	self->text[length > 0 ? length : 0] = '\0';
	if (length < 2 || strcspn(self->text, " \t\n") != length - 1)
		return "";
	self->text[length - 1] = '\0';
	return self->text;
}

/* Says what does not agree, as a comment. Nobody else uses the pool meanwhile. */
static bool agrees(FIXTURE_DATA(sysfs) *self)
{
	struct pinpool_stats stats;
	char expected[32];
	bool same = true;
	size_t i;

	if (pp_stats(self->a.fd, &stats))
		return false;
	for (i = 0; i < ARRAY_LEN(stats_attrs); i++) {
		snprintf(expected, sizeof(expected), "%llu",
			 *(__u64 *)((char *)&stats + stats_attrs[i].field));
		if (!strcmp(expected, attr_read(self, stats_attrs[i].name)))
			continue;
		fprintf(stderr, "# %s is '%s', STATS has %s\n", stats_attrs[i].name, self->text,
			expected);
		same = false;
	}
	return same;
}

TEST_F(sysfs, what_the_pool_is)
{
	static const char * const zero[] = { "owner", "always", "never" };
	char number[32];

	snprintf(number, sizeof(number), "%llu", self->info.granule);
	EXPECT_STREQ(number, attr_read(self, "granule"));
	snprintf(number, sizeof(number), "%d", self->info.node);
	EXPECT_STREQ(number, attr_read(self, "numa_node"));
	ASSERT_GT(ARRAY_LEN(zero), self->info.zero);
	EXPECT_STREQ(zero[self->info.zero], attr_read(self, "zero"));
	ASSERT_EQ(PINPOOL_BACKING_PAGES, self->info.backing);
	EXPECT_STREQ("pages", attr_read(self, "backing"));
}

TEST_F(sysfs, follows_alloc_and_free)
{
	struct pinpool_buf bufs[3];
	struct pinpool_buf none;
	int i;

	EXPECT_TRUE(agrees(self));
	for (i = 0; i < ARRAY_LEN(bufs); i++)
		ASSERT_EQ(0, pp_alloc(self->a.fd, (i + 1) * self->a.granule - 7, 0, &bufs[i]));
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("3", attr_read(self, "buffers"));
	ASSERT_EQ(0, pp_free(self->a.fd, bufs[1].handle));
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("2", attr_read(self, "free_extents"));
	EXPECT_EQ(-ENOSPC, pp_alloc(self->a.fd, self->a.capacity, 0, &none));
	EXPECT_TRUE(agrees(self));
}

TEST_F(sysfs, follows_clients_and_shares)
{
	struct pinpool_buf buf;
	struct pp_client b;
	int share;

	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &buf));
	share = pp_export(self->a.fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_TRUE(pp_client_open(&b));
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("1", attr_read(self, "shares"));
	EXPECT_STREQ("2", attr_read(self, "clients"));
	close(share);
	pp_client_close(&b);
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("1", attr_read(self, "clients"));
}

TEST_F(sysfs, follows_the_quarantine)
{
	struct pinpool_buf buf;
	struct iovec iov;
	int pins[2];

	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &buf));
	ASSERT_EQ(0, pp_probe_write(self->a.window + buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = self->a.window + buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("1", attr_read(self, "quarantined_extents"));
	close(pins[0]);
	close(pins[1]);
}

static void *alloc_waiting(void *arg)
{
	FIXTURE_DATA(sysfs) *self = arg;
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = self->a.capacity, .deadline_ns = ~0ULL,
	};

	return (void *)(long)pp_ioctl(self->a.fd, PINPOOL_IOC_ALLOC, &alloc);
}

TEST_F(sysfs, follows_those_who_wait)
{
	struct pinpool_buf buf;
	struct pinpool_stats stats;
	pthread_t thread;
	void *err;

	ASSERT_EQ(0, pp_alloc(self->a.fd, self->a.granule, 0, &buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, alloc_waiting, self));
	do {
		ASSERT_EQ(0, pp_stats(self->a.fd, &stats));
	} while (!stats.waiters);
	EXPECT_TRUE(agrees(self));
	EXPECT_STREQ("1", attr_read(self, "waiters"));
	ASSERT_EQ(0, pp_free(self->a.fd, buf.handle));
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_EQ(NULL, err);
	EXPECT_TRUE(agrees(self));
}

TEST_F(sysfs, all_may_read_and_nobody_may_write)
{
	const char *name;
	struct stat st;
	int i, fd;

	for (i = 0; i < ARRAY_LEN(stats_attrs) + ARRAY_LEN(info_attrs); i++) {
		name = i < ARRAY_LEN(stats_attrs) ? stats_attrs[i].name :
						    info_attrs[i - ARRAY_LEN(stats_attrs)];
		fd = attr_open(self, name, O_RDONLY);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, fstat(fd, &st));
		EXPECT_EQ(0444, st.st_mode & 07777);
		close(fd);
		/* Root can open it, but not write. */
		fd = attr_open(self, name, O_WRONLY);
		EXPECT_GT(0, fd < 0 ? fd : write(fd, "1", 1));
		if (fd >= 0)
			close(fd);
	}
}

static bool is_known(const char *name)
{
	/* What every device has */
	static const char * const others[] = {
		".", "..", "dev", "power", "subsystem", "uevent",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(others); i++)
		if (!strcmp(others[i], name))
			return true;
	for (i = 0; i < ARRAY_LEN(info_attrs); i++)
		if (!strcmp(info_attrs[i], name))
			return true;
	for (i = 0; i < ARRAY_LEN(stats_attrs); i++)
		if (!strcmp(stats_attrs[i].name, name))
			return true;
	return false;
}

/* What is not documented must not be there. */
TEST_F(sysfs, there_is_nothing_else)
{
	struct dirent *entry;
	DIR *dir = opendir(self->dir);

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		EXPECT_TRUE(is_known(entry->d_name))
			TH_LOG("undocumented: %s", entry->d_name);
	closedir(dir);
}

PP_HARNESS_MAIN
