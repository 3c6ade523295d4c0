// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/<pid>/fdinfo of a client: the documented keys, each once, and what they say
 * agrees with STATS
 */
#include "pinpool_test.h"

#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

struct fdinfo {
	char pool[PINPOOL_NAME_SIZE];
	unsigned long long id, used, requested, buffers, quarantined, shares;
};

/*
 * Whether the fdinfo of @fd has all keys that are documented, each once, and no
 * others of ours
 */
static bool fdinfo_read(int fd, struct fdinfo *info)
{
	unsigned int found = 0;
	char path[64], line[256];
	FILE *file;
	struct {
		const char *key;
		unsigned long long *value;
	} keys[] = {
		{ "pinpool-client-id:", &info->id },
		{ "pinpool-used:", &info->used },
		{ "pinpool-requested:", &info->requested },
		{ "pinpool-buffers:", &info->buffers },
		{ "pinpool-quarantined:", &info->quarantined },
		{ "pinpool-shares:", &info->shares },
	};
	unsigned long long value;
	char end, key[64];
	int i, ours = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "pinpool-", strlen("pinpool-")))
			continue;
		ours++;
		if (sscanf(line, "pinpool-pool:\t%31s", info->pool) == 1)
			found |= 1 << ARRAY_LEN(keys);
		if (sscanf(line, "%63s\t%llu%c", key, &value, &end) != 3 || end != '\n')
			continue;
		for (i = 0; i < ARRAY_LEN(keys); i++) {
			if (strcmp(key, keys[i].key))
				continue;
			*keys[i].value = value;
			found |= 1 << i;
		}
	}
	fclose(file);
	return found == (1 << (ARRAY_LEN(keys) + 1)) - 1 && ours == ARRAY_LEN(keys) + 1;
}

static bool agrees(int fd)
{
	struct pinpool_stats stats;
	struct fdinfo info;

	if (pp_stats(fd, &stats) || !fdinfo_read(fd, &info))
		return false;
	return info.used == stats.client_used && info.requested == stats.client_requested &&
	       info.buffers == stats.client_buffers &&
	       info.quarantined == stats.client_quarantined;
}

FIXTURE(fdinfo)
{
	struct pp_client a;
	struct pp_client b;
	struct pinpool_buf buf;
};

FIXTURE_SETUP(fdinfo)
{
	ASSERT_TRUE(pp_client_open(&self->a));
	ASSERT_TRUE(pp_client_open(&self->b));
	ASSERT_EQ(0, pp_alloc(self->a.fd, 3 * self->a.granule - 5, 0, &self->buf));
}

FIXTURE_TEARDOWN(fdinfo)
{
	pp_client_close(&self->b);
	pp_free(self->a.fd, self->buf.handle);
	EXPECT_TRUE(pp_pool_is_whole(self->a.fd, 1));
	pp_client_close(&self->a);
}

TEST_F(fdinfo, names_pool_and_client)
{
	struct pinpool_info pool;
	struct fdinfo a, b, copy;
	int fd = dup(self->a.fd);
	int status;

	ASSERT_EQ(0, pp_info(self->a.fd, &pool));
	ASSERT_TRUE(fdinfo_read(self->a.fd, &a));
	ASSERT_TRUE(fdinfo_read(self->b.fd, &b));
	EXPECT_STREQ(pool.name, a.pool);
	EXPECT_NE(0, a.id);
	EXPECT_NE(a.id, b.id);
	/* A copy of the descriptor, here or in another process, is the same client. */
	ASSERT_TRUE(fdinfo_read(fd, &copy));
	EXPECT_EQ(a.id, copy.id);
	if (!fork())
		_exit(!(fdinfo_read(self->a.fd, &copy) && copy.id == a.id));
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
	close(fd);
}

TEST_F(fdinfo, follows_alloc_and_free)
{
	struct fdinfo info;

	EXPECT_TRUE(agrees(self->a.fd));
	EXPECT_TRUE(agrees(self->b.fd));
	ASSERT_TRUE(fdinfo_read(self->a.fd, &info));
	EXPECT_EQ(3 * self->a.granule, info.used);
	EXPECT_EQ(3 * self->a.granule - 5, info.requested);
	EXPECT_EQ(1, info.buffers);
	ASSERT_TRUE(fdinfo_read(self->b.fd, &info));
	EXPECT_EQ(0, info.used);

	ASSERT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_TRUE(agrees(self->a.fd));
	ASSERT_TRUE(fdinfo_read(self->a.fd, &info));
	EXPECT_EQ(0, info.used);
	EXPECT_EQ(0, info.buffers);
}

TEST_F(fdinfo, an_import_counts_for_the_importer)
{
	int share = pp_export(self->a.fd, self->buf.handle, 0);
	struct pinpool_buf buf;
	struct fdinfo info;

	ASSERT_LE(0, share);
	ASSERT_EQ(0, pp_import(self->b.fd, share, 0, &buf));
	ASSERT_TRUE(fdinfo_read(self->a.fd, &info));
	EXPECT_EQ(1, info.shares);
	close(share);
	ASSERT_TRUE(fdinfo_read(self->a.fd, &info));
	EXPECT_EQ(0, info.shares);
	EXPECT_TRUE(agrees(self->a.fd));
	EXPECT_TRUE(agrees(self->b.fd));
	ASSERT_TRUE(fdinfo_read(self->b.fd, &info));
	EXPECT_EQ(3 * self->a.granule - 5, info.requested);
}

TEST_F(fdinfo, tells_of_the_quarantine)
{
	struct fdinfo info;
	struct iovec iov;
	int pins[2];

	ASSERT_EQ(0, pp_probe_write(self->a.window + self->buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = self->a.window + self->buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->a.fd, self->buf.handle));
	EXPECT_TRUE(agrees(self->a.fd));
	ASSERT_TRUE(fdinfo_read(self->a.fd, &info));
	EXPECT_EQ(0, info.used);
	EXPECT_EQ(3 * self->a.granule, info.quarantined);
	close(pins[0]);
	close(pins[1]);
}

PP_HARNESS_MAIN
