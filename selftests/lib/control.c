// SPDX-License-Identifier: GPL-2.0
/*
 * libpinpool-ctl, the shared library, against the real module
 */
#include "../pinpool_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "pinpool.h"
#include "pinpool_ctl.h"

#define NODE	PINPOOL_DIR "/control"

/* Long enough for any machine; no test that passes waits so long */
#define SOON_MS	20000

/* A pool of the tests' own, and a handle */
FIXTURE(control)
{
	struct pinpool_ctl *ctl;
	struct pinpool_ctl_pool pool;
};

static int make(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool)
{
	*pool = (struct pinpool_ctl_pool){
		.has = PINPOOL_CTL_HAS_CAPACITY,
		.name = "control",
		.capacity = 4 * MIB,
	};
	return pinpool_ctl_pool_new(ctl, pool, sizeof(*pool));
}

FIXTURE_SETUP(control)
{
	self->ctl = pinpool_ctl_open();
	ASSERT_NE(NULL, self->ctl);
	/* Of a test that died */
	pinpool_ctl_pool_del(self->ctl, "control", true);
	ASSERT_EQ(0, make(self->ctl, &self->pool));
}

FIXTURE_TEARDOWN(control)
{
	pinpool_ctl_pool_del(self->ctl, "control", true);
	pinpool_ctl_close(self->ctl);
}

static int set(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, uint64_t has)
{
	pool->has = has;
	return pinpool_ctl_pool_set(ctl, pool, sizeof(*pool));
}

/* The next event of a type, whatever comes before it */
static int await(struct pinpool_ctl *ctl, uint32_t type, struct pinpool_ctl_event *event)
{
	int err;

	do {
		err = pinpool_ctl_event(ctl, event, sizeof(*event), SOON_MS);
	} while (!err && event->type != type);
	return err;
}

TEST_F(control, a_new_pool_is_what_was_asked_for)
{
	const struct pinpool_ctl_pool *pool = &self->pool;
	struct pinpool_ctl_pool again;
	struct stat st;

	EXPECT_STREQ("control", pool->name);
	EXPECT_EQ(4 * MIB, pool->capacity);
	EXPECT_EQ(4 * MIB, pool->stats.free);
	EXPECT_EQ(4 * MIB, pool->stats.largest_free);
	EXPECT_EQ(0, pool->stats.fragmentation);
	EXPECT_EQ(0, pool->stats.clients);
	EXPECT_TRUE(pool->has & PINPOOL_CTL_HAS_ID);
	EXPECT_TRUE(pool->has & PINPOOL_CTL_HAS_STATS);
	EXPECT_TRUE(pool->features & PINPOOL_FEATURE_WAIT);
	EXPECT_EQ(0, stat(NODE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));

	ASSERT_EQ(0, pinpool_ctl_pool_get(self->ctl, "control", &again, sizeof(again)));
	EXPECT_EQ(0, memcmp(pool, &again, sizeof(again)));
	EXPECT_STREQ("", pinpool_ctl_error(self->ctl));
	EXPECT_EQ(NULL, pinpool_ctl_error_attr(self->ctl));
}

TEST_F(control, everything_can_be_asked_for)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_GRANULE |
		       PINPOOL_CTL_HAS_BACKING | PINPOOL_CTL_HAS_ZERO |
		       PINPOOL_CTL_HAS_NODE | PINPOOL_CTL_HAS_MODE |
		       PINPOOL_CTL_HAS_CLIENT_BYTES | PINPOOL_CTL_HAS_CLIENT_BUFFERS |
		       PINPOOL_CTL_HAS_UID_BYTES | PINPOOL_CTL_HAS_UID_BUFFERS |
		       PINPOOL_CTL_HAS_CLIENT_SHARES | PINPOOL_CTL_HAS_LOW |
		       PINPOOL_CTL_HAS_HIGH_PERCENT,
		.name = "control2",
		.mode = 0640,
		.capacity = 2 * MIB,
		.granule = 16 * KIB,
		.zero = PINPOOL_ZERO_ALWAYS,
		.node = -1,
		.limits = {
			.client_bytes = 5 * 16 * KIB, .client_buffers = 4, .uid_bytes = MIB,
			.uid_buffers = 3, .client_shares = 2,
		},
		.watermarks = { .low = MIB, .high_percent = 75 },
	};
	struct stat st;

	ASSERT_EQ(0, pinpool_ctl_pool_new(self->ctl, &pool, sizeof(pool))) {
		TH_LOG("%s", pinpool_ctl_error(self->ctl));
	}
	EXPECT_EQ(0, stat(PINPOOL_DIR "/control2", &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(0640, pool.mode);
	EXPECT_EQ(2 * MIB, pool.capacity);
	EXPECT_EQ(16 * KIB, pool.granule);
	EXPECT_EQ(PINPOOL_BACKING_PAGES, pool.backing);
	EXPECT_EQ(PINPOOL_ZERO_ALWAYS, pool.zero);
	EXPECT_EQ(-1, pool.node);
	EXPECT_EQ(5 * 16 * KIB, pool.limits.client_bytes);
	EXPECT_EQ(4, pool.limits.client_buffers);
	EXPECT_EQ(MIB, pool.limits.uid_bytes);
	EXPECT_EQ(3, pool.limits.uid_buffers);
	EXPECT_EQ(2, pool.limits.client_shares);
	EXPECT_EQ(MIB, pool.watermarks.low);
	EXPECT_FALSE(pool.has & PINPOOL_CTL_HAS_LOW_PERCENT);
	EXPECT_EQ(75, pool.watermarks.high_percent);
	EXPECT_EQ(2 * MIB * 3 / 4, pool.watermarks.high);
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control2", false));
	EXPECT_NE(0, access(PINPOOL_DIR "/control2", F_OK));
}

/* What the kernel won't have is told by its name. */
TEST_F(control, errors_name_the_value)
{
	struct pinpool_ctl_pool pool = { .name = "bad" };
	struct pinpool_ctl *ctl = self->ctl;

	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_STREQ("capacity", pinpool_ctl_error_attr(ctl));

	pool.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_GRANULE;
	pool.capacity = MIB;
	pool.granule = 5000;
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_STREQ("granule", pinpool_ctl_error_attr(ctl));
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(ctl), "power of two"));

	pool.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_MODE;
	pool.mode = 0777;
	EXPECT_EQ(-ERANGE, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_STREQ("mode", pinpool_ctl_error_attr(ctl));
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(ctl), "from 0 to 438"));

	pool.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_HIGH_PERCENT;
	pool.watermarks.high_percent = 101;
	EXPECT_EQ(-ERANGE, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_STREQ("watermarks.high-percent", pinpool_ctl_error_attr(ctl));

	strcpy(pool.name, "control");
	EXPECT_EQ(-EEXIST, (pool.has = PINPOOL_CTL_HAS_CAPACITY,
			    pinpool_ctl_pool_new(ctl, &pool, sizeof(pool))));
	EXPECT_STREQ("name", pinpool_ctl_error_attr(ctl));
	EXPECT_EQ(-ENOENT, pinpool_ctl_pool_get(ctl, "bad", &pool, sizeof(pool)));
	EXPECT_STREQ("name", pinpool_ctl_error_attr(ctl));
	EXPECT_EQ(-ENOENT, pinpool_ctl_stats(ctl, "bad", &pool, sizeof(pool), NULL));
	EXPECT_EQ(-ENOENT, pinpool_ctl_pool_del(ctl, "bad", true));
	/* The next success forgets it. */
	EXPECT_EQ(0, pinpool_ctl_pool_get(ctl, "control", &pool, sizeof(pool)));
	EXPECT_EQ(NULL, pinpool_ctl_error_attr(ctl));
}

TEST_F(control, names_of_any_length_are_refused)
{
	struct pinpool_ctl_pool pool;
	char name[10000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_get(self->ctl, name, &pool, sizeof(pool)));
	name[100] = '\0';
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_get(self->ctl, name, &pool, sizeof(pool)));
	EXPECT_STREQ("name", pinpool_ctl_error_attr(self->ctl));
	memset(self->pool.name, 'x', sizeof(self->pool.name));
	EXPECT_EQ(-EINVAL, set(self->ctl, &self->pool, 0));
}

TEST_F(control, structs_of_any_version)
{
	struct {
		struct pinpool_ctl_pool pool;
		uint64_t newer;
	} newer = { .newer = 1 };

	EXPECT_EQ(0, pinpool_ctl_pool_get(self->ctl, "control", &newer.pool, sizeof(newer)));
	EXPECT_EQ(0, newer.newer);
	newer.pool.has = 0;
	EXPECT_EQ(0, pinpool_ctl_pool_set(self->ctl, &newer.pool, sizeof(newer)));
	newer.newer = 1;
	EXPECT_EQ(-E2BIG, pinpool_ctl_pool_set(self->ctl, &newer.pool, sizeof(newer)));
	EXPECT_EQ(-E2BIG, set(self->ctl, &self->pool, 1ULL << 40));
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_get(self->ctl, "control", &newer.pool, 16));
}

/* A program of the first version, whose struct ends with @stats */
TEST_F(control, structs_of_the_first_version)
{
	size_t first = offsetof(struct pinpool_ctl_pool, stats) +
		       sizeof(((struct pinpool_ctl_pool *)0)->stats);
	struct pinpool_ctl_event event = { .done = 77 };
	struct pinpool_ctl_pool pool;

	memset(&pool, 0x55, sizeof(pool));
	ASSERT_EQ(0, pinpool_ctl_pool_get(self->ctl, "control", &pool, first));
	EXPECT_EQ(4 * MIB, pool.capacity);
	EXPECT_EQ(0x5555555555555555, pool.base);
	/* Nor is what lies behind it looked at. */
	pool.has = PINPOOL_CTL_HAS_CAPACITY;
	pool.capacity = 8 * MIB;
	ASSERT_EQ(0, pinpool_ctl_subscribe(self->ctl, PINPOOL_CTL_EVENTS));
	ASSERT_EQ(0, pinpool_ctl_pool_set(self->ctl, &pool, first));
	EXPECT_EQ(8 * MIB, pool.capacity);
	EXPECT_EQ(0x5555555555555555, pool.base);
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_set(self->ctl, &pool, first - 1));
	ASSERT_EQ(0, pinpool_ctl_event(self->ctl, &event,
				       offsetof(struct pinpool_ctl_event, done), SOON_MS));
	EXPECT_EQ(77, event.done);
}

TEST_F(control, pools_without_memory)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_BACKING |
		       PINPOOL_CTL_HAS_BASE,
		.name = "control2", .capacity = 1ULL << 50,
		.backing = PINPOOL_BACKING_NONE, .base = 1ULL << 60,
	};
	struct pinpool *client;

	ASSERT_EQ(0, pinpool_ctl_pool_new(self->ctl, &pool, sizeof(pool)));
	EXPECT_EQ(PINPOOL_BACKING_NONE, pool.backing);
	EXPECT_TRUE(pool.has & PINPOOL_CTL_HAS_BASE);
	EXPECT_EQ(1ULL << 60, pool.base);
	EXPECT_TRUE(pool.has & PINPOOL_CTL_HAS_LONGTERM);
	EXPECT_EQ(PINPOOL_LONGTERM_NO_MEMORY, pool.longterm);
	EXPECT_FALSE(pool.has & PINPOOL_CTL_HAS_CHUNKS);
	EXPECT_EQ(-ENODEV, pinpool_open("control2", 0, &client));
	ASSERT_EQ(0, pinpool_open("control2", PINPOOL_NO_WINDOW, &client));
	EXPECT_EQ(1ULL << 50, pinpool_capacity(client));
	pinpool_close(client);
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control2", false));
}

/* What a master handed out before it was restarted, it has again. */
TEST_F(control, offsets_are_saved_and_loaded)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_BACKING,
		.name = "control2", .capacity = 1ULL << 50, .backing = PINPOOL_BACKING_NONE,
	};
	struct pinpool_query query;
	struct pinpool_buf bufs[20];
	struct pinpool *client;
	int i, image;

	image = memfd_create("image", MFD_CLOEXEC);
	ASSERT_LE(0, image);
	ASSERT_EQ(0, pinpool_ctl_pool_new(self->ctl, &pool, sizeof(pool)));
	ASSERT_EQ(0, pinpool_open("control2", PINPOOL_NO_WINDOW, &client));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, pinpool_alloc(client, 1ULL << (20 + i), 0, &bufs[i]));
	for (i = 0; i < 20; i += 2)
		ASSERT_EQ(0, pinpool_free(client, bufs[i].handle));
	ASSERT_EQ(0, pinpool_save(client, image));
	pinpool_close(client);

	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, pinpool_open("control2", PINPOOL_NO_WINDOW, &client));
	ASSERT_EQ(10, pinpool_load(client, image));
	for (i = 1; i < 20; i += 2) {
		ASSERT_EQ(0, pinpool_find(client, bufs[i].offset, &query, sizeof(query)));
		EXPECT_EQ(bufs[i].offset, query.offset);
		EXPECT_EQ(1ULL << (20 + i), query.length);
	}
	close(image);
	pinpool_close(client);
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control2", false));
}

TEST_F(control, contiguous_pools)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_BACKING |
		       PINPOOL_CTL_HAS_ALIGN | PINPOOL_CTL_HAS_TELL_BUS |
		       PINPOOL_CTL_HAS_KEEP,
		.name = "control2", .capacity = 4 * MIB, .backing = PINPOOL_BACKING_CONTIG,
		.align = 4 * MIB, .tell_bus = true,
	};

	ASSERT_EQ(0, pinpool_ctl_pool_new(self->ctl, &pool, sizeof(pool))) {
		TH_LOG("%s", pinpool_ctl_error(self->ctl));
	}
	EXPECT_EQ(4 * MIB, pool.align);
	EXPECT_TRUE(pool.tell_bus);
	EXPECT_FALSE(pool.has & PINPOOL_CTL_HAS_KEEP);
	EXPECT_TRUE(pool.has & PINPOOL_CTL_HAS_BUS_ADDRESS);
	EXPECT_NE(0, pool.bus_address);
	EXPECT_EQ(0, pool.bus_address % (4 * MIB));
	EXPECT_TRUE(pool.has & PINPOOL_CTL_HAS_CHUNKS);
	EXPECT_EQ(1, pool.chunks);
	EXPECT_EQ(4 * MIB, pool.chunk_min);
	EXPECT_EQ(4 * MIB, pool.chunk_max);
	EXPECT_EQ(1, pool.nodes);
	EXPECT_EQ(PINPOOL_LONGTERM_YES, pool.longterm);
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control2", false));
}

TEST_F(control, where_memory_can_not_come_from)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_BACKING |
		       PINPOOL_CTL_HAS_REGION,
		.name = "control2", .capacity = MIB, .backing = PINPOOL_BACKING_RESERVED,
		.region = "nowhere",
	};
	struct pinpool_ctl *ctl = self->ctl;

	EXPECT_EQ(-ENOENT, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(ctl), "reserve_mem="));
	memset(pool.region, 'x', sizeof(pool.region));
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	pool.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_BACKING | PINPOOL_CTL_HAS_FD;
	memset(pool.region, 0, sizeof(pool.region));
	pool.backing = PINPOOL_BACKING_DMABUF;
	pool.fd = -1;
	EXPECT_EQ(-EBADF, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_STREQ("fd", pinpool_ctl_error_attr(ctl));
	pool.fd = STDERR_FILENO;
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(ctl), "dma-buf"));
	pool.has = PINPOOL_CTL_HAS_CAPACITY | PINPOOL_CTL_HAS_ALIGN;
	pool.align = MIB;
	EXPECT_EQ(-EINVAL, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_NE(0, access(PINPOOL_DIR "/control2", F_OK));
}

TEST_F(control, progress)
{
	struct pinpool_ctl_pool pool = {
		.has = PINPOOL_CTL_HAS_CAPACITY, .name = "control2", .capacity = 64 * MIB,
	};
	struct pinpool_ctl_event event;

	ASSERT_EQ(0, pinpool_ctl_subscribe(self->ctl, PINPOOL_CTL_EVENTS));
	ASSERT_EQ(0, pinpool_ctl_pool_new(self->ctl, &pool, sizeof(pool)));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_PROGRESS_NTF, &event));
	EXPECT_STREQ("control2", event.pool);
	EXPECT_EQ(64 * MIB, event.capacity);
	EXPECT_GE(64 * MIB, event.done);
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_POOL_NEW_NTF, &event));
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control2", false));
}

TEST_F(control, limits_hold_as_soon_as_they_are_set)
{
	struct pinpool_ctl_pool now;
	struct pinpool_buf buf;
	struct pinpool *pool;

	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	self->pool.limits.client_bytes = MIB;
	ASSERT_EQ(0, set(self->ctl, &self->pool, PINPOOL_CTL_HAS_CLIENT_BYTES));
	EXPECT_EQ(MIB, self->pool.limits.client_bytes);
	EXPECT_EQ(-EDQUOT, pinpool_alloc(pool, MIB + 1, 0, &buf));
	EXPECT_EQ(0, pinpool_alloc(pool, MIB, 0, &buf));
	ASSERT_EQ(0, pinpool_ctl_pool_get(self->ctl, "control", &now, sizeof(now)));
	EXPECT_EQ(1, now.stats.refusals);
	EXPECT_EQ(MIB, now.stats.used);
	EXPECT_EQ(1, now.stats.clients);
	pinpool_close(pool);
}

TEST_F(control, pools_are_listed)
{
	struct pinpool_ctl_pool *pools = NULL;
	ssize_t count, i, found = 0;

	count = pinpool_ctl_pools(self->ctl, &pools, sizeof(*pools));
	ASSERT_LT(0, count);
	EXPECT_FALSE(pinpool_ctl_torn(self->ctl));
	for (i = 0; i < count; i++)
		found += !memcmp(&pools[i], &self->pool, sizeof(self->pool));
	EXPECT_EQ(1, found);
	free(pools);
}

TEST_F(control, clients_and_buffers_are_listed)
{
	struct pinpool_ctl_client *clients = NULL;
	struct pinpool_ctl_buffer *buffers = NULL;
	struct pinpool *pool, *other;
	struct pinpool_buf bufs[3];
	char comm[16];
	int i, share;

	EXPECT_EQ(0, pinpool_ctl_clients(self->ctl, "control", &clients, sizeof(*clients)));
	EXPECT_EQ(NULL, clients);
	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	ASSERT_EQ(0, pinpool_open("control", 0, &other));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pinpool_alloc(pool, 5000, 0, &bufs[i]));
	share = pinpool_export(pool, bufs[1].handle, 0);
	ASSERT_LE(0, share);

	ASSERT_EQ(2, pinpool_ctl_clients(self->ctl, "control", &clients, sizeof(*clients)));
	prctl(PR_GET_NAME, comm);
	EXPECT_STREQ("control", clients[0].pool);
	EXPECT_STREQ(comm, clients[0].comm);
	EXPECT_EQ(getpid(), clients[0].pid);
	EXPECT_EQ(getuid(), clients[0].uid);
	EXPECT_EQ(3, clients[0].buffers);
	EXPECT_EQ(3 * 8 * KIB, clients[0].used);
	EXPECT_EQ(15000, clients[0].requested);
	EXPECT_EQ(1, clients[0].shares);
	EXPECT_EQ(0, clients[1].buffers);

	ASSERT_EQ(3, pinpool_ctl_buffers(self->ctl, "control", clients[0].id, &buffers,
					 sizeof(*buffers)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(clients[0].id, buffers[i].client);
		EXPECT_EQ(bufs[i].handle, buffers[i].handle);
		EXPECT_EQ(bufs[i].offset, buffers[i].offset);
		EXPECT_EQ(5000, buffers[i].length);
		EXPECT_EQ(8 * KIB, buffers[i].extent);
		EXPECT_EQ(i == 1 ? PINPOOL_BUFFER_STATE_SHARED : 0, buffers[i].state);
	}
	free(buffers);
	EXPECT_EQ(0, pinpool_ctl_buffers(self->ctl, "control", clients[1].id, &buffers,
					 sizeof(*buffers)));
	/* The share has its buffer as well. */
	ASSERT_EQ(4, pinpool_ctl_buffers(self->ctl, "control", 0, &buffers, sizeof(*buffers)));
	EXPECT_EQ(0, buffers[3].client);
	EXPECT_EQ(bufs[1].handle, buffers[3].handle);
	free(buffers);
	free(clients);
	EXPECT_EQ(-ENOENT, pinpool_ctl_clients(self->ctl, "bad", &clients, sizeof(*clients)));
	EXPECT_EQ(-ENOENT, pinpool_ctl_buffers(self->ctl, "bad", 0, &buffers,
					       sizeof(*buffers)));
	close(share);
	pinpool_close(other);
	pinpool_close(pool);
}

#define MANY	1000

static atomic_bool churning = true;

static void *churn(void *arg)
{
	struct pinpool *pool = arg;
	struct pinpool_buf buf;

	while (churning)
		if (!pinpool_alloc(pool, 1, 0, &buf))
			pinpool_free(pool, buf.handle);
	return NULL;
}

/* A list of several messages, while buffers come and go: what stays is in it. */
TEST_F(control, a_list_that_changes_says_so)
{
	struct pinpool_ctl_buffer *buffers;
	struct pinpool_buf bufs[MANY];
	struct pinpool *pool, *other;
	ssize_t count, i, found;
	pthread_t thread;
	int torn = 0;

	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	ASSERT_EQ(0, pinpool_open("control", 0, &other));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, pinpool_alloc(pool, 1, 0, &bufs[i]));
	count = pinpool_ctl_buffers(self->ctl, "control", 0, &buffers, sizeof(*buffers));
	EXPECT_EQ(MANY, count);
	EXPECT_FALSE(pinpool_ctl_torn(self->ctl));
	free(buffers);

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, other));
	while (!torn) {
		count = pinpool_ctl_buffers(self->ctl, "control", 0, &buffers,
					    sizeof(*buffers));
		ASSERT_LE(MANY, count);
		for (i = found = 0; i < count && found < MANY; i++)
			found += buffers[i].handle == bufs[found].handle;
		EXPECT_EQ(MANY, found);
		free(buffers);
		torn = pinpool_ctl_torn(self->ctl);
	}
	churning = false;
	pthread_join(thread, NULL);
	pinpool_close(other);
	pinpool_close(pool);
}

TEST_F(control, stats_have_bins)
{
	struct pinpool_ctl_pool now;
	struct pinpool_ctl_bins bins;
	struct pinpool_buf bufs[4];
	struct pinpool *pool;
	int i;

	ASSERT_EQ(0, pinpool_ctl_stats(self->ctl, "control", &now, sizeof(now), &bins));
	EXPECT_EQ(1, bins.count);
	EXPECT_EQ(4 * MIB, bins.bin[0].min);
	EXPECT_EQ(1, bins.bin[0].extents);

	/* Two free extents of 1 MiB each */
	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pinpool_alloc(pool, MIB, 0, &bufs[i]));
	EXPECT_EQ(0, pinpool_free(pool, bufs[0].handle));
	EXPECT_EQ(0, pinpool_free(pool, bufs[2].handle));
	ASSERT_EQ(0, pinpool_ctl_stats(self->ctl, "control", &now, sizeof(now), &bins));
	EXPECT_STREQ("control", now.name);
	EXPECT_EQ(1, bins.count);
	EXPECT_EQ(MIB, bins.bin[0].min);
	EXPECT_EQ(2, bins.bin[0].extents);
	EXPECT_EQ(500000, now.stats.fragmentation);
	EXPECT_EQ(4, now.stats.allocs);
	EXPECT_EQ(0, pinpool_ctl_stats(self->ctl, "control", &now, sizeof(now), NULL));
	pinpool_close(pool);
}

TEST_F(control, a_pool_in_use_is_deleted_only_by_force)
{
	struct pinpool_buf buf;
	struct pinpool *pool;

	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	EXPECT_EQ(-EBUSY, pinpool_ctl_pool_del(self->ctl, "control", false));
	EXPECT_EQ(0, pinpool_alloc(pool, 1, 0, &buf));
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control", true));
	EXPECT_EQ(-ENODEV, pinpool_alloc(pool, 1, 0, &buf));
	EXPECT_EQ(SIGBUS, pp_probe_read(pinpool_ptr(pool, &buf)));
	EXPECT_EQ(0, make(self->ctl, &self->pool));
	pinpool_close(pool);
}

TEST_F(control, events_of_pools)
{
	struct pinpool_ctl_event event = { 0 };
	struct pinpool_ctl_pool now;
	struct pinpool_buf buf;
	struct pinpool *pool;
	uint32_t id = self->pool.id;

	EXPECT_EQ(-EBADF, pinpool_ctl_fd(self->ctl));
	EXPECT_EQ(-EBADF, pinpool_ctl_event(self->ctl, &event, sizeof(event), 0));
	ASSERT_EQ(0, pinpool_ctl_subscribe(self->ctl, PINPOOL_CTL_EVENTS));
	EXPECT_EQ(FD_CLOEXEC, fcntl(pinpool_ctl_fd(self->ctl), F_GETFD));
	EXPECT_EQ(-EAGAIN, pinpool_ctl_event(self->ctl, &event, sizeof(event), 0));
	EXPECT_EQ(-EAGAIN, pinpool_ctl_event(self->ctl, &event, sizeof(event), 10));

	self->pool.watermarks.high_percent = 50;
	ASSERT_EQ(0, set(self->ctl, &self->pool, PINPOOL_CTL_HAS_HIGH_PERCENT));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_POOL_SET_NTF, &event));
	EXPECT_EQ(id, event.pool_id);
	ASSERT_EQ(0, pinpool_ctl_event_pool(self->ctl, &now, sizeof(now)));
	EXPECT_EQ(2 * MIB, now.watermarks.high);

	ASSERT_EQ(0, pinpool_open("control", 0, &pool));
	ASSERT_EQ(0, pinpool_alloc(pool, 3 * MIB, 0, &buf));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_WATERMARK_NTF, &event));
	EXPECT_STREQ("control", event.pool);
	EXPECT_EQ(PINPOOL_LEVEL_HIGH, event.level);
	EXPECT_EQ(4 * MIB, event.capacity);
	EXPECT_EQ(MIB, event.free);
	EXPECT_EQ(-ENODATA, pinpool_ctl_event_pool(self->ctl, &now, sizeof(now)));

	EXPECT_EQ(-ENOSPC, pinpool_alloc(pool, 2 * MIB, 0, &buf));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_EXHAUSTED_NTF, &event));
	EXPECT_EQ(2 * MIB, event.wanted);
	EXPECT_EQ(MIB, event.free);
	EXPECT_EQ(MIB, event.largest_free);
	EXPECT_EQ(1, event.failures);

	pinpool_close(pool);
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_WATERMARK_NTF, &event));
	EXPECT_EQ(PINPOOL_LEVEL_LOW, event.level);
	EXPECT_EQ(4 * MIB, event.free);
	EXPECT_EQ(0, pinpool_ctl_pool_del(self->ctl, "control", false));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_POOL_DEL_NTF, &event));
	EXPECT_EQ(id, event.pool_id);
	EXPECT_EQ(0, make(self->ctl, &self->pool));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_POOL_NEW_NTF, &event));
	EXPECT_EQ(self->pool.id, event.pool_id);
	EXPECT_NE(id, event.pool_id);
	ASSERT_EQ(0, pinpool_ctl_event_pool(self->ctl, &now, sizeof(now)));
	EXPECT_EQ(4 * MIB, now.capacity);
}

/* Allocates, says so, and waits to be killed */
static void victim(int said)
{
	struct pinpool_buf buf;
	struct pinpool *pool;

	prctl(PR_SET_NAME, "victim");
	if (!pinpool_open("control", 0, &pool) && !pinpool_alloc(pool, 10000, 0, &buf) &&
	    write(said, "", 1) == 1)
		pause();
	_exit(1);
}

TEST_F(control, clients_that_die)
{
	struct pinpool_ctl_event event = { 0 };
	int pipes[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pinpool_ctl_subscribe(self->ctl, PINPOOL_CTL_CLIENTS));
	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid)
		victim(pipes[1]);
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_CLIENT_DIED_NTF, &event));
	EXPECT_EQ(pid, event.pid);
	EXPECT_EQ(SIGKILL, event.signal);
	EXPECT_STREQ("victim", event.comm);
	EXPECT_EQ(getuid(), event.uid);
	EXPECT_EQ(12 * KIB, event.bytes);
	EXPECT_EQ(1, event.buffers);
	EXPECT_LT(0, event.client);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST_F(control, lost_events_are_told)
{
	struct pinpool_ctl_event event = { 0 };
	int size = 1, i, err, got = 0;

	ASSERT_EQ(0, pinpool_ctl_subscribe(self->ctl, PINPOOL_CTL_EVENTS));
	ASSERT_EQ(0, setsockopt(pinpool_ctl_fd(self->ctl), SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, set(self->ctl, &self->pool, 0));
	do {
		err = pinpool_ctl_event(self->ctl, &event, sizeof(event), 0);
		got += !err;
	} while (!err);
	EXPECT_EQ(-ENOBUFS, err);
	EXPECT_GT(100, got);
	while (!pinpool_ctl_event(self->ctl, &event, sizeof(event), 0))
		;
	ASSERT_EQ(0, set(self->ctl, &self->pool, 0));
	EXPECT_EQ(0, await(self->ctl, PINPOOL_NL_CMD_POOL_SET_NTF, &event));
}

TEST_F(control, anybody_may_look_at_pools)
{
	struct pinpool_ctl_client *clients;
	struct pinpool_ctl_buffer *buffers;
	struct pinpool_ctl_pool pool, *pools;
	struct pinpool_ctl *ctl;

	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	ctl = pinpool_ctl_open();
	ASSERT_NE(NULL, ctl);
	EXPECT_LT(0, pinpool_ctl_pools(ctl, &pools, sizeof(*pools)));
	free(pools);
	EXPECT_EQ(0, pinpool_ctl_pool_get(ctl, "control", &pool, sizeof(pool)));
	EXPECT_EQ(0, pinpool_ctl_stats(ctl, "control", &pool, sizeof(pool), NULL));
	EXPECT_EQ(0, pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS));
	EXPECT_EQ(-EPERM, pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS | PINPOOL_CTL_CLIENTS));
	EXPECT_EQ(-EPERM, pinpool_ctl_clients(ctl, NULL, &clients, sizeof(*clients)));
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(ctl), "CAP_SYS_ADMIN"));
	EXPECT_EQ(-EPERM, pinpool_ctl_buffers(ctl, "control", 0, &buffers, sizeof(*buffers)));
	EXPECT_EQ(-EPERM, pinpool_ctl_pool_del(ctl, "control", true));
	EXPECT_EQ(-EPERM, set(ctl, &pool, 0));
	strcpy(pool.name, "other");
	pool.has = PINPOOL_CTL_HAS_CAPACITY;
	EXPECT_EQ(-EPERM, pinpool_ctl_pool_new(ctl, &pool, sizeof(pool)));
	EXPECT_EQ(-EINVAL, pinpool_ctl_subscribe(ctl, 1 << 2));
	pinpool_ctl_close(ctl);
	/* It isn't who connected, but also who asks. */
	EXPECT_EQ(-EPERM, pinpool_ctl_pool_del(self->ctl, "control", true));
	/* The teardown deletes the pool. */
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST(without_the_module)
{
	struct pinpool_ctl *ctl = pinpool_ctl_open();
	struct pinpool_ctl_event event;
	struct pinpool_ctl_pool pool;

	pinpool_ctl_close(NULL);
	ASSERT_NE(NULL, ctl);
	ASSERT_EQ(0, pinpool_ctl_subscribe(ctl, PINPOOL_CTL_EVENTS));
	if (pp_unload())
		SKIP(goto out, "the module can't be unloaded");
	EXPECT_EQ(0, await(ctl, PINPOOL_NL_CMD_POOL_DEL_NTF, &event));
	EXPECT_EQ(-ENODEV, await(ctl, 0, &event));
	EXPECT_EQ(-ENOENT, pinpool_ctl_pool_get(ctl, "default", &pool, sizeof(pool)));
	EXPECT_EQ(NULL, pinpool_ctl_open());
	EXPECT_EQ(ENOENT, errno);
	EXPECT_NE(NULL, strstr(pinpool_ctl_error(NULL), "is the module loaded"));
	EXPECT_EQ(0, pp_load());
out:
	pinpool_ctl_close(ctl);
}

PP_HARNESS_MAIN
