// SPDX-License-Identifier: GPL-2.0
/*
 * The control plane: each command and each event, against what ioctls and sysfs say
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"netlink-test"
#define NODE	"/dev/pinpool/" NAME
#define SYSFS	"/sys/class/pinpool/" NAME "/"

/* @listener has joined both groups. */
FIXTURE(netlink)
{
	struct nl nl;
	struct nl listener;
	int fd;
	uint64_t granule;
	uint64_t capacity;
};

FIXTURE_SETUP(netlink)
{
	struct pinpool_info info;

	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, 8 * MIB, 0600));
	self->fd = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	self->granule = info.granule;
	self->capacity = info.capacity;
	ASSERT_EQ(0, nl_open(&self->listener));
	ASSERT_EQ(0, nl_listen(&self->listener, self->listener.events));
	ASSERT_EQ(0, nl_listen(&self->listener, self->listener.clients));
}

FIXTURE_TEARDOWN(netlink)
{
	nl_close(&self->listener);
	close(self->fd);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	nl_close(&self->nl);
}

static uint64_t sysfs(const char *name)
{
	unsigned long long value = ~0ULL;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), SYSFS "%s", name);
	file = fopen(path, "r");
	if (!file)
		return ~0ULL;
	if (fscanf(file, "%llu", &value) != 1)
		value = ~0ULL;
	fclose(file);
	return value;
}

/* A copy of the last message that answered */
struct answer {
	unsigned int nr;
	char bytes[8192];
};

static void keep(const struct nlmsghdr *msg, void *data)
{
	struct answer *answer = data;

	answer->nr++;
	memcpy(answer->bytes, msg, msg->nlmsg_len);
}

static int get(struct nl *nl, uint8_t cmd, const char *name, struct answer *answer)
{
	struct nlmsghdr *msg = nl_request(nl, cmd);

	answer->nr = 0;
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	return nl_talk(nl, msg, keep, answer);
}

TEST_F(netlink, pool_get_tells_what_others_do)
{
	const struct nlattr *attrs[NL_ATTRS], *stats[NL_ATTRS], *nest[NL_ATTRS];
	static const struct {
		const char *name;
		uint16_t type;
	} values[] = {
		{ "used", PINPOOL_A_STATS_USED },
		{ "free", PINPOOL_A_STATS_FREE },
		{ "quarantined", PINPOOL_A_STATS_QUARANTINED },
		{ "requested", PINPOOL_A_STATS_REQUESTED },
		{ "largest_free", PINPOOL_A_STATS_LARGEST_FREE },
		{ "peak", PINPOOL_A_STATS_PEAK },
		{ "buffers", PINPOOL_A_STATS_BUFFERS },
		{ "free_extents", PINPOOL_A_STATS_FREE_EXTENTS },
		{ "quarantined_extents", PINPOOL_A_STATS_QUARANTINED_EXTENTS },
		{ "clients", PINPOOL_A_STATS_CLIENTS },
		{ "shares", PINPOOL_A_STATS_SHARES },
		{ "waiters", PINPOOL_A_STATS_WAITERS },
		{ "allocs", PINPOOL_A_STATS_ALLOCS },
		{ "frees", PINPOOL_A_STATS_FREES },
		{ "failures", PINPOOL_A_STATS_FAILURES },
	};
	struct pinpool_info info;
	struct pinpool_buf buf;
	struct answer answer;
	size_t i;

	ASSERT_EQ(0, pp_alloc(self->fd, 5 * self->granule - 7, 0, &buf));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, pp_alloc(self->fd, 3 * self->granule - 7, 0, &buf));
	ASSERT_EQ(-ENOSPC, pp_alloc(self->fd, self->capacity, 0, &buf));
	ASSERT_EQ(0, pp_info(self->fd, &info));
	ASSERT_EQ(0, get(&self->nl, PINPOOL_NL_CMD_POOL_GET, NAME, &answer));
	ASSERT_EQ(1, answer.nr);
	nl_attrs((struct nlmsghdr *)answer.bytes, attrs);
	EXPECT_STREQ(NAME, nl_string(attrs[PINPOOL_A_POOL_NAME]));
	EXPECT_LT(0, nl_u32(attrs[PINPOOL_A_POOL_ID]));
	EXPECT_EQ(info.capacity, nl_u64(attrs[PINPOOL_A_POOL_CAPACITY]));
	EXPECT_EQ(info.granule, nl_u64(attrs[PINPOOL_A_POOL_GRANULE]));
	EXPECT_EQ(info.backing, nl_u32(attrs[PINPOOL_A_POOL_BACKING]));
	EXPECT_EQ(info.zero, nl_u32(attrs[PINPOOL_A_POOL_ZERO]));
	EXPECT_EQ(info.node, (int)nl_u32(attrs[PINPOOL_A_POOL_NODE]));
	EXPECT_EQ(info.features, nl_u64(attrs[PINPOOL_A_POOL_FEATURES]));
	EXPECT_EQ(0600, nl_u32(attrs[PINPOOL_A_POOL_MODE]));
	nl_nest(attrs[PINPOOL_A_POOL_LIMITS], nest);
	EXPECT_EQ(0, nl_u64(nest[PINPOOL_A_LIMITS_CLIENT_BYTES]));
	nl_nest(attrs[PINPOOL_A_POOL_WATERMARKS], nest);
	EXPECT_EQ(0, nl_u64(nest[PINPOOL_A_WATERMARKS_HIGH]));

	nl_nest(attrs[PINPOOL_A_POOL_STATS], stats);
	for (i = 0; i < ARRAY_LEN(values); i++)
		EXPECT_EQ(sysfs(values[i].name), nl_u64(stats[values[i].type])) {
			TH_LOG("value %zu", i);
		}
	EXPECT_EQ(1, nl_u64(stats[PINPOOL_A_STATS_FAILURES]));
	EXPECT_EQ(0, nl_u64(stats[PINPOOL_A_STATS_REFUSALS]));

	EXPECT_EQ(-ENOENT, get(&self->nl, PINPOOL_NL_CMD_POOL_GET, "nobody", &answer));
	EXPECT_STRNE("", self->nl.error);
}

TEST_F(netlink, a_new_pool_is_what_was_asked_for)
{
	const struct nlattr *attrs[NL_ATTRS], *nest[NL_ATTRS];
	struct answer answer = { };
	struct nlmsghdr *msg;
	struct nlattr *begin;
	struct stat st;

	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_NEW);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, "netlink-2");
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, 64 * KIB);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, PINPOOL_BACKING_PAGES);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_ZERO, PINPOOL_ZERO_ALWAYS);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_NODE, 0);
	mnl_attr_put_u32(msg, PINPOOL_A_POOL_MODE, 0640);
	begin = mnl_attr_nest_start(msg, PINPOOL_A_POOL_LIMITS);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_CLIENT_BYTES, 1);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_CLIENT_BUFFERS, 2);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_UID_BYTES, 3);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_UID_BUFFERS, 4);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_CLIENT_SHARES, 5);
	mnl_attr_nest_end(msg, begin);
	begin = mnl_attr_nest_start(msg, PINPOOL_A_POOL_WATERMARKS);
	mnl_attr_put_u64(msg, PINPOOL_A_WATERMARKS_LOW, 12345);
	mnl_attr_put_u32(msg, PINPOOL_A_WATERMARKS_HIGH_PERCENT, 75);
	mnl_attr_nest_end(msg, begin);
	ASSERT_EQ(0, nl_talk(&self->nl, msg, keep, &answer));

	nl_attrs((struct nlmsghdr *)answer.bytes, attrs);
	EXPECT_EQ(64 * KIB, nl_u64(attrs[PINPOOL_A_POOL_GRANULE]));
	EXPECT_EQ(PINPOOL_ZERO_ALWAYS, nl_u32(attrs[PINPOOL_A_POOL_ZERO]));
	EXPECT_EQ(0, nl_u32(attrs[PINPOOL_A_POOL_NODE]));
	EXPECT_EQ(0640, nl_u32(attrs[PINPOOL_A_POOL_MODE]));
	nl_nest(attrs[PINPOOL_A_POOL_LIMITS], nest);
	EXPECT_EQ(1, nl_u64(nest[PINPOOL_A_LIMITS_CLIENT_BYTES]));
	EXPECT_EQ(2, nl_u64(nest[PINPOOL_A_LIMITS_CLIENT_BUFFERS]));
	EXPECT_EQ(3, nl_u64(nest[PINPOOL_A_LIMITS_UID_BYTES]));
	EXPECT_EQ(4, nl_u64(nest[PINPOOL_A_LIMITS_UID_BUFFERS]));
	EXPECT_EQ(5, nl_u64(nest[PINPOOL_A_LIMITS_CLIENT_SHARES]));
	nl_nest(attrs[PINPOOL_A_POOL_WATERMARKS], nest);
	EXPECT_EQ(12345, nl_u64(nest[PINPOOL_A_WATERMARKS_LOW]));
	EXPECT_EQ(NULL, nest[PINPOOL_A_WATERMARKS_LOW_PERCENT]);
	EXPECT_EQ(MIB * 3 / 4, nl_u64(nest[PINPOOL_A_WATERMARKS_HIGH]));
	EXPECT_EQ(75, nl_u32(nest[PINPOOL_A_WATERMARKS_HIGH_PERCENT]));
	EXPECT_EQ(0, stat("/dev/pinpool/netlink-2", &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(0, nl_pool_del(&self->nl, "netlink-2", false));
}

struct count {
	const char *prefix;
	unsigned int nr;
	unsigned int bits;
};

static void count_pools(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct count *count = data;
	const char *name;

	nl_attrs(msg, attrs);
	name = nl_string(attrs[PINPOOL_A_POOL_NAME]);
	if (strncmp(name, count->prefix, strlen(count->prefix)))
		return;
	count->nr++;
	count->bits |= 1U << atoi(name + strlen(count->prefix));
}

TEST_F(netlink, pools_are_dumped)
{
	struct count count = { .prefix = "dumped-" };
	struct nlmsghdr *msg;
	char name[32];
	int i;

	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "dumped-%d", i);
		ASSERT_EQ(0, nl_pool_new(&self->nl, name, 64 * KIB, 0600));
	}
	ASSERT_EQ(0, nl_talk(&self->nl, nl_dump(&self->nl, PINPOOL_NL_CMD_POOL_GET),
			     count_pools, &count));
	EXPECT_EQ(30, count.nr);
	EXPECT_EQ((1U << 30) - 1, count.bits);
	EXPECT_FALSE(self->nl.interrupted);

	count = (struct count){ .prefix = "" };
	msg = nl_dump(&self->nl, PINPOOL_NL_CMD_POOL_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, "dumped-7");
	ASSERT_EQ(0, nl_talk(&self->nl, msg, count_pools, &count));
	EXPECT_EQ(1, count.nr);
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "dumped-%d", i);
		EXPECT_EQ(0, nl_pool_del(&self->nl, name, false));
	}
}

/* What a client-get is searched for, and found */
struct client {
	uint32_t pid;
	unsigned int nr;
	uint64_t id;
	char comm[32];
	char pool[32];
	uint32_t uid;
	uint64_t used;
	uint64_t requested;
	uint64_t buffers;
	uint64_t quarantined;
	uint64_t shares;
};

static void find_client(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct client *client = data;

	nl_attrs(msg, attrs);
	if (nl_u32(attrs[PINPOOL_A_CLIENT_PID]) != client->pid)
		return;
	client->nr++;
	client->id = nl_u64(attrs[PINPOOL_A_CLIENT_ID]);
	snprintf(client->pool, 32, "%s", nl_string(attrs[PINPOOL_A_CLIENT_POOL]));
	snprintf(client->comm, 32, "%s", nl_string(attrs[PINPOOL_A_CLIENT_COMM]));
	client->uid = nl_u32(attrs[PINPOOL_A_CLIENT_UID]);
	client->used = nl_u64(attrs[PINPOOL_A_CLIENT_USED]);
	client->requested = nl_u64(attrs[PINPOOL_A_CLIENT_REQUESTED]);
	client->buffers = nl_u64(attrs[PINPOOL_A_CLIENT_BUFFERS]);
	client->quarantined = nl_u64(attrs[PINPOOL_A_CLIENT_QUARANTINED]);
	client->shares = nl_u64(attrs[PINPOOL_A_CLIENT_SHARES]);
}

static int get_client(struct nl *nl, const char *pool, uint32_t pid, struct client *client)
{
	struct nlmsghdr *msg = nl_dump(nl, PINPOOL_NL_CMD_CLIENT_GET);

	if (pool)
		mnl_attr_put_strz(msg, PINPOOL_A_CLIENT_POOL, pool);
	*client = (struct client){ .pid = pid };
	return nl_talk(nl, msg, find_client, client);
}

/*
 * A process with a client that has two buffers and a share. Writes a byte when it is
 * ready, and lives until it is killed or @go is closed.
 */
static pid_t spawn(const char *comm, int ready, int go, uint64_t granule)
{
	struct pinpool_buf bufs[2] = { { .length = 3 * granule - 1 }, { .length = 1 } };
	pid_t pid = fork();
	char byte = 0;
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_NAME, comm);
	fd = open(NODE, O_RDWR);
	if (fd < 0 || pp_alloc_array(fd, bufs, 2, 0, NULL) ||
	    pp_export(fd, bufs[0].handle, 0) < 0 || write(ready, &byte, 1) != 1)
		_exit(1);
	_exit(read(go, &byte, 1));
}

TEST_F(netlink, clients_are_dumped)
{
	struct client client;
	int ready[2], go[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = spawn("client of test", ready[1], go[0], self->granule);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, get_client(&self->nl, NULL, pid, &client));
	ASSERT_EQ(1, client.nr);
	EXPECT_STREQ(NAME, client.pool);
	EXPECT_STREQ("client of test", client.comm);
	EXPECT_EQ(getuid(), client.uid);
	EXPECT_EQ(4 * self->granule, client.used);
	EXPECT_EQ(3 * self->granule, client.requested);
	EXPECT_EQ(2, client.buffers);
	EXPECT_EQ(0, client.quarantined);
	EXPECT_EQ(1, client.shares);

	ASSERT_EQ(0, get_client(&self->nl, NAME, getpid(), &client));
	EXPECT_EQ(1, client.nr);
	EXPECT_EQ(0, client.used);
	ASSERT_EQ(0, get_client(&self->nl, "default", pid, &client));
	EXPECT_EQ(0, client.nr);
	EXPECT_EQ(-ENOENT, get_client(&self->nl, "nobody", pid, &client));
	EXPECT_STRNE("", self->nl.error);

	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, get_client(&self->nl, NULL, pid, &client));
	EXPECT_EQ(0, client.nr);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
}

/* What buffer-get tells, as far as it fits */
struct told {
	unsigned int nr;
	struct {
		uint64_t client;
		uint64_t handle;
		uint64_t offset;
		uint64_t length;
		uint64_t extent;
		uint32_t state;
	} at[8192];
};

static void keep_buffer(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct told *told = data;

	nl_attrs(msg, attrs);
	if (told->nr == ARRAY_LEN(told->at))
		return;
	told->at[told->nr].client = nl_u64(attrs[PINPOOL_A_BUFFER_CLIENT]);
	told->at[told->nr].handle = nl_u64(attrs[PINPOOL_A_BUFFER_HANDLE]);
	told->at[told->nr].offset = nl_u64(attrs[PINPOOL_A_BUFFER_OFFSET]);
	told->at[told->nr].length = nl_u64(attrs[PINPOOL_A_BUFFER_LENGTH]);
	told->at[told->nr].extent = nl_u64(attrs[PINPOOL_A_BUFFER_EXTENT]);
	told->at[told->nr].state = nl_u32(attrs[PINPOOL_A_BUFFER_STATE]);
	told->nr++;
}

static int get_buffers(struct nl *nl, uint64_t client, struct told *told)
{
	struct nlmsghdr *msg = nl_dump(nl, PINPOOL_NL_CMD_BUFFER_GET);

	mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, NAME);
	if (client)
		mnl_attr_put_u64(msg, PINPOOL_A_BUFFER_CLIENT, client);
	told->nr = 0;
	return nl_talk(nl, msg, keep_buffer, told);
}

/* The id that fdinfo tells */
static uint64_t client_id(int fd)
{
	unsigned long long id = 0;
	char line[128];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	file = fopen(line, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "pinpool-client-id: %llu", &id) == 1)
			break;
	if (file)
		fclose(file);
	return id;
}

TEST_F(netlink, buffers_are_dumped)
{
	struct told *told = malloc(sizeof(*told));
	static struct pinpool_buf bufs[1500];
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	struct pinpool_query query;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bufs); i++)
		bufs[i].length = 1 + i % 3;
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, 1000, 0, NULL));
	ASSERT_EQ(0, pp_alloc_array(other, bufs + 1000, 500, 0, NULL));
	ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
	ASSERT_EQ(1500, told->nr);
	EXPECT_FALSE(self->nl.interrupted);
	for (i = 0; i < told->nr; i++) {
		int fd = told->at[i].client == client_id(self->fd) ? self->fd : other;

		ASSERT_EQ(client_id(fd), told->at[i].client);
		ASSERT_EQ(0, pp_query(fd, told->at[i].handle, &query));
		ASSERT_EQ(query.offset, told->at[i].offset);
		ASSERT_EQ(query.length, told->at[i].length);
		ASSERT_EQ(query.extent, told->at[i].extent);
		ASSERT_EQ(0, told->at[i].state);
		/* So none is told twice. */
		if (i && told->at[i].client == told->at[i - 1].client)
			ASSERT_GT(told->at[i].offset, told->at[i - 1].offset);
	}
	ASSERT_EQ(0, get_buffers(&self->nl, client_id(other), told));
	EXPECT_EQ(500, told->nr);
	ASSERT_EQ(0, get_buffers(&self->nl, ~0ULL, told));
	EXPECT_EQ(0, told->nr);
	close(other);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
	EXPECT_EQ(0, told->nr);
	free(told);
}

TEST_F(netlink, holders_and_quarantine_are_told)
{
	struct told *told = malloc(sizeof(*told));
	int other = open(NODE, O_RDWR | O_CLOEXEC);
	struct pinpool_buf buf, copy;
	struct iovec iov;
	int share, pins[2];
	char *window;

	ASSERT_EQ(0, pp_alloc(self->fd, 3 * self->granule, 0, &buf));
	share = pp_export(self->fd, buf.handle, 0);
	ASSERT_LE(0, share);
	ASSERT_EQ(0, pp_import(other, share, PINPOOL_SHARE_RDONLY, &copy));
	ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
	ASSERT_EQ(3, told->nr);
	EXPECT_EQ(client_id(self->fd), told->at[0].client);
	EXPECT_EQ(PINPOOL_BUFFER_STATE_SHARED, told->at[0].state);
	EXPECT_EQ(client_id(other), told->at[1].client);
	EXPECT_EQ(PINPOOL_BUFFER_STATE_SHARED | PINPOOL_BUFFER_STATE_READONLY,
		  told->at[1].state);
	EXPECT_EQ(~0ULL, told->at[2].client);
	EXPECT_EQ(PINPOOL_BUFFER_STATE_SHARED, told->at[2].state);
	EXPECT_EQ(told->at[0].handle, told->at[2].handle);

	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, pp_free(other, copy.handle));
	ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
	EXPECT_EQ(1, told->nr);
	close(share);

	ASSERT_EQ(0, pp_alloc(self->fd, 2 * self->granule, 0, &buf));
	window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_probe_write(window + buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = window + buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	ASSERT_EQ(0, get_buffers(&self->nl, client_id(self->fd), told));
	ASSERT_EQ(1, told->nr);
	EXPECT_EQ(PINPOOL_BUFFER_STATE_QUARANTINED, told->at[0].state);
	EXPECT_EQ(buf.offset, told->at[0].offset);
	EXPECT_EQ(2 * self->granule, told->at[0].extent);
	close(pins[0]);
	close(pins[1]);
	munmap(window, self->capacity);
	close(other);
	free(told);
}

/* Open, allocate, free and close until killed. */
static void churn(uint64_t granule)
{
	struct pinpool_buf bufs[16];
	int fd, i;

	for (;;) {
		fd = open(NODE, O_RDWR);
		for (i = 0; i < 16; i++)
			pp_alloc(fd, granule, 0, &bufs[i]);
		for (i = 0; i < 16; i += 2)
			pp_free(fd, bufs[i].handle);
		close(fd);
	}
}

TEST_F(netlink, dumps_tell_of_changes)
{
	struct told *told = malloc(sizeof(*told));
	static struct pinpool_buf bufs[1000];
	unsigned int clients = 0, buffers = 0;
	unsigned int i, mine;
	struct client client;
	pid_t pid;

	for (i = 0; i < ARRAY_LEN(bufs); i++)
		bufs[i].length = 1;
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, ARRAY_LEN(bufs), 0, NULL));
	pid = fork();
	if (!pid)
		churn(self->granule);
	/* What stays is told, each once, whatever else comes and goes. */
	while (!buffers) {
		ASSERT_EQ(0, get_client(&self->nl, NAME, getpid(), &client));
		EXPECT_EQ(1, client.nr);
		clients += self->nl.interrupted;
		ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
		buffers += self->nl.interrupted;
		for (i = mine = 0; i < told->nr; i++)
			mine += told->at[i].client == client_id(self->fd);
		EXPECT_EQ(1000, mine);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, get_buffers(&self->nl, 0, told));
	EXPECT_FALSE(self->nl.interrupted);
	free(told);
}

/* Something that changes while a dump is under way */
struct change {
	struct nl nl;
	int fd;
	bool made;
};

static int change_set(struct change *change)
{
	return nl_set_limit(&change->nl, NAME, PINPOOL_A_LIMITS_UID_BUFFERS, 1000000);
}

static int change_new(struct change *change)
{
	return nl_pool_new(&change->nl, "netlink-2", 64 * KIB, 0600);
}

static int change_del(struct change *change)
{
	return nl_pool_del(&change->nl, "netlink-2", false);
}

static int change_take(struct change *change)
{
	return nl_pool_del(&change->nl, "netlink-2", true);
}

static int change_open(struct change *change)
{
	change->fd = open(NODE, O_RDWR | O_CLOEXEC);
	return change->fd;
}

static int change_close(struct change *change)
{
	return close(change->fd);
}

static int (*change_make)(struct change *change);

static void change_once(const struct nlmsghdr *msg, void *data)
{
	struct change *change = data;

	if (!change->made)
		change->made = change_make(change) >= 0;
}

/* Dump what is too much to be made ready ahead; @make: when the first of it is there */
static bool interrupted(struct nl *nl, uint8_t cmd, struct change *change,
			int (*make)(struct change *change))
{
	change->made = !make;
	change_make = make;
	return !nl_talk(nl, nl_dump(nl, cmd), change_once, change) && change->made &&
	       nl->interrupted;
}

TEST_F(netlink, each_change_interrupts)
{
	static int fds[800];
	struct change change;
	char name[32];
	int i;

	ASSERT_EQ(0, nl_open(&change.nl));
	for (i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "dumped-%d", i);
		ASSERT_EQ(0, nl_pool_new(&self->nl, name, 4 * KIB, 0600));
	}
	EXPECT_FALSE(interrupted(&self->nl, PINPOOL_NL_CMD_POOL_GET, &change, NULL));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_POOL_GET, &change, change_set));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_POOL_GET, &change, change_new));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_POOL_GET, &change, change_del));
	for (i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "dumped-%d", i);
		ASSERT_EQ(0, nl_pool_del(&self->nl, name, false));
	}

	for (i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = open(NODE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fds[ARRAY_LEN(fds) - 1]);
	EXPECT_FALSE(interrupted(&self->nl, PINPOOL_NL_CMD_CLIENT_GET, &change, NULL));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_CLIENT_GET, &change, change_open));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_CLIENT_GET, &change, change_close));
	for (i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	nl_close(&change.nl);
}

/* Even if there is nothing left that the rest of the dump could tell. */
TEST_F(netlink, a_pool_that_goes_interrupts)
{
	static int fds[800];
	struct change change;
	int i;

	ASSERT_EQ(0, nl_open(&change.nl));
	ASSERT_EQ(0, change_new(&change));
	for (i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = open("/dev/pinpool/netlink-2", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fds[ARRAY_LEN(fds) - 1]);
	EXPECT_FALSE(interrupted(&self->nl, PINPOOL_NL_CMD_CLIENT_GET, &change, NULL));
	EXPECT_TRUE(interrupted(&self->nl, PINPOOL_NL_CMD_CLIENT_GET, &change, change_take));
	for (i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	nl_close(&change.nl);
}

/*
 * An ALLOC, in a thread, that can't write its answer before @guard is lifted: its buffer
 * is charged by then, but is not the client's yet
 */
struct coming {
	pthread_t thread;
	int fd;
	int guard;
	struct pinpool_buf *buf;
	size_t page;
};

static void *let_come(void *arg)
{
	struct coming *coming = arg;

	return (void *)(intptr_t)pp_alloc_array(coming->fd, coming->buf, 1, 0, NULL);
}

/* Returns 0 or a negative errno */
static int guard_set(struct coming *coming)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect protect = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };

	coming->page = sysconf(_SC_PAGESIZE);
	coming->buf = mmap(NULL, coming->page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	coming->buf->length = 1;
	coming->guard = syscall(__NR_userfaultfd, O_CLOEXEC);
	area.range.start = (uintptr_t)coming->buf;
	area.range.len = coming->page;
	protect.range = area.range;
	if (coming->guard < 0 || ioctl(coming->guard, UFFDIO_API, &api) ||
	    ioctl(coming->guard, UFFDIO_REGISTER, &area) ||
	    ioctl(coming->guard, UFFDIO_WRITEPROTECT, &protect))
		return -errno;
	return 0;
}

static void let_go(const struct nlmsghdr *msg, void *data)
{
	struct uffdio_writeprotect protect = { };
	struct coming *coming = data;
	void *result;

	(void)msg;
	if (!coming->thread)
		return;
	protect.range.start = (uintptr_t)coming->buf;
	protect.range.len = coming->page;
	ioctl(coming->guard, UFFDIO_WRITEPROTECT, &protect);
	pthread_join(coming->thread, &result);
	coming->thread = 0;
}

/* What comes after the dump began, though it was charged before, is a change of it. */
TEST_F(netlink, buffers_that_come_interrupt)
{
	static struct pinpool_buf bufs[1000];
	struct coming coming = { .fd = self->fd };
	struct nlmsghdr *msg;
	struct uffd_msg fault;
	int i, err;

	for (i = 0; i < ARRAY_LEN(bufs); i++)
		bufs[i].length = 1;
	ASSERT_EQ(0, pp_alloc_array(self->fd, bufs, ARRAY_LEN(bufs), 0, NULL));
	err = guard_set(&coming);
	if (err == -EINVAL)
		SKIP(return, "this kernel's userfaultfd can't protect from writing");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, pthread_create(&coming.thread, NULL, let_come, &coming));
	ASSERT_EQ(sizeof(fault), read(coming.guard, &fault, sizeof(fault)));
	EXPECT_EQ(1001, nl_stat(&self->nl, NAME, PINPOOL_A_STATS_BUFFERS));
	msg = nl_dump(&self->nl, PINPOOL_NL_CMD_BUFFER_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, NAME);
	ASSERT_EQ(0, nl_talk(&self->nl, msg, let_go, &coming));
	EXPECT_TRUE(self->nl.interrupted);
	EXPECT_EQ(0, pp_free(self->fd, coming.buf->handle));
	close(coming.guard);
	munmap(coming.buf, coming.page);
}

TEST_F(netlink, free_extents_are_told_by_size)
{
	const struct nlattr *attrs[NL_ATTRS], *stats[NL_ATTRS], *bin[NL_ATTRS];
	struct pinpool_buf bufs[3];
	const struct nlattr *attr;
	struct answer answer;
	uint64_t min[2] = { };
	unsigned int nr = 0;
	int i;

	/* Free: 3 granules, and the rest of the pool */
	ASSERT_EQ(0, pp_alloc(self->fd, 3 * self->granule, 0, &bufs[0]));
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, pp_alloc(self->fd, self->granule, 0, &bufs[i]));
	ASSERT_EQ(0, pp_free(self->fd, bufs[0].handle));
	ASSERT_EQ(0, get(&self->nl, PINPOOL_NL_CMD_STATS_GET, NAME, &answer));
	nl_attrs((struct nlmsghdr *)answer.bytes, attrs);
	EXPECT_EQ(self->capacity, nl_u64(attrs[PINPOOL_A_POOL_CAPACITY]));
	nl_nest(attrs[PINPOOL_A_POOL_STATS], stats);
	EXPECT_EQ(2, nl_u64(stats[PINPOOL_A_STATS_FREE_EXTENTS]));
	EXPECT_EQ(3 * self->granule * 1000000 / (self->capacity - 2 * self->granule),
		  nl_u32(stats[PINPOOL_A_STATS_FRAGMENTATION]));
	mnl_attr_for_each_nested(attr, attrs[PINPOOL_A_POOL_STATS]) {
		if (mnl_attr_get_type(attr) != PINPOOL_A_STATS_BIN)
			continue;
		ASSERT_GT(2, nr);
		nl_nest(attr, bin);
		EXPECT_EQ(1, nl_u64(bin[PINPOOL_A_BIN_EXTENTS]));
		min[nr++] = nl_u64(bin[PINPOOL_A_BIN_MIN]);
	}
	EXPECT_EQ(2 * self->granule, min[0]);
	EXPECT_EQ(self->capacity / 2, min[1]);
}

TEST_F(netlink, pools_tell_of_themselves)
{
	const struct nlattr *attrs[NL_ATTRS], *nest[NL_ATTRS];
	const struct nlmsghdr *msg;
	uint32_t id;

	ASSERT_EQ(0, nl_pool_new(&self->nl, "netlink-2", MIB, 0600));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_NEW_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_STREQ("netlink-2", nl_string(attrs[PINPOOL_A_POOL_NAME]));
	EXPECT_EQ(MIB, nl_u64(attrs[PINPOOL_A_POOL_CAPACITY]));
	id = nl_u32(attrs[PINPOOL_A_POOL_ID]);

	ASSERT_EQ(0, nl_set_limit(&self->nl, "netlink-2", PINPOOL_A_LIMITS_UID_BYTES, 77));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_SET_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(id, nl_u32(attrs[PINPOOL_A_POOL_ID]));
	nl_nest(attrs[PINPOOL_A_POOL_LIMITS], nest);
	EXPECT_EQ(77, nl_u64(nest[PINPOOL_A_LIMITS_UID_BYTES]));

	ASSERT_EQ(0, nl_pool_del(&self->nl, "netlink-2", false));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(id, nl_u32(attrs[PINPOOL_A_POOL_ID]));
	EXPECT_STREQ("netlink-2", nl_string(attrs[PINPOOL_A_POOL_NAME]));
}

static uint32_t level_told(const struct nlmsghdr *msg, uint64_t *free)
{
	const struct nlattr *attrs[NL_ATTRS];

	if (!msg || nl_cmd(msg) != PINPOOL_NL_CMD_WATERMARK_NTF)
		return 99;
	nl_attrs(msg, attrs);
	*free = nl_u64(attrs[PINPOOL_A_EVENT_FREE]);
	return nl_u32(attrs[PINPOOL_A_EVENT_LEVEL]);
}

static uint32_t next_level(struct nl *listener, uint64_t *free)
{
	return level_told(nl_event(listener, 0, NL_SOON_MS), free);
}

/* That of a change, which is told as well: before it, or after */
static uint32_t next_level_and_change(struct nl *listener, uint64_t *free)
{
	const struct nlmsghdr *msg = nl_event(listener, 0, NL_SOON_MS);
	uint32_t level;

	if (msg && nl_cmd(msg) == PINPOOL_NL_CMD_POOL_SET_NTF)
		return next_level(listener, free);
	level = level_told(msg, free);
	msg = nl_event(listener, 0, NL_SOON_MS);
	return msg && nl_cmd(msg) == PINPOOL_NL_CMD_POOL_SET_NTF ? level : 99;
}

TEST_F(netlink, watermarks_are_told)
{
	uint64_t eighth = self->capacity / 8;
	struct pinpool_buf bufs[8];
	uint64_t free;
	int i;

	ASSERT_EQ(0, nl_set_watermarks(&self->nl, NAME, 2 * eighth, 4 * eighth));
	ASSERT_NE(NULL, nl_event(&self->listener, PINPOOL_NL_CMD_POOL_SET_NTF, NL_SOON_MS));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pp_alloc(self->fd, eighth, 0, &bufs[i]));
	EXPECT_EQ(PINPOOL_LEVEL_HIGH, next_level(&self->listener, &free));
	EXPECT_EQ(4 * eighth, free);
	/* Between the two, either way, nothing is told. */
	ASSERT_EQ(0, pp_free(self->fd, bufs[3].handle));
	ASSERT_EQ(0, pp_alloc(self->fd, eighth, 0, &bufs[3]));
	ASSERT_EQ(0, pp_alloc(self->fd, eighth, 0, &bufs[4]));
	for (i = 2; i < 5; i++)
		ASSERT_EQ(0, pp_free(self->fd, bufs[i].handle));
	EXPECT_EQ(PINPOOL_LEVEL_LOW, next_level(&self->listener, &free));
	EXPECT_EQ(6 * eighth, free);

	/* Whoever sets a mark below what is used is told at once. */
	ASSERT_EQ(0, nl_set_watermarks(&self->nl, NAME, 0, eighth));
	EXPECT_EQ(PINPOOL_LEVEL_HIGH, next_level_and_change(&self->listener, &free));
	ASSERT_EQ(0, pp_free(self->fd, bufs[0].handle));
	/* Without a low one it is told below the high one. */
	ASSERT_EQ(0, pp_free(self->fd, bufs[1].handle));
	EXPECT_EQ(PINPOOL_LEVEL_LOW, next_level(&self->listener, &free));
	EXPECT_EQ(self->capacity, free);
}

/* Events of a pool are told once in a while; its end doesn't overtake them. */
TEST_F(netlink, the_end_is_told_last)
{
	static const char name[] = "netlink-2";
	const struct nlmsghdr *msg;
	struct pinpool_buf buf;
	uint64_t free;
	int i, fd;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, nl_pool_new(&self->nl, name, MIB, 0600));
		ASSERT_EQ(0, nl_set_watermarks(&self->nl, name, 0, MIB / 2));
		ASSERT_NE(NULL, nl_event(&self->listener, PINPOOL_NL_CMD_POOL_SET_NTF,
					 NL_SOON_MS));
		fd = open("/dev/pinpool/netlink-2", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, pp_alloc(fd, MIB / 2, 0, &buf));
		ASSERT_EQ(PINPOOL_LEVEL_HIGH, next_level(&self->listener, &free));
		ASSERT_EQ(0, pp_free(fd, buf.handle));
		ASSERT_EQ(0, nl_pool_del(&self->nl, name, true));
		EXPECT_EQ(PINPOOL_LEVEL_LOW, next_level(&self->listener, &free));
		msg = nl_event(&self->listener, 0, NL_SOON_MS);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(msg));
		close(fd);
	}
}

/* Deleted by somebody else, as soon as it can be found */
TEST_F(netlink, the_beginning_is_told_first)
{
	static const char name[] = "netlink-2";
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	uint32_t id;
	pid_t pid;
	int i;

	pid = fork();
	if (!pid) {
		struct nl nl;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (nl_open(&nl))
			_exit(1);
		for (;;)
			nl_pool_del(&nl, name, true);
	}
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, nl_pool_new(&self->nl, name, MIB, 0600));
		msg = nl_event(&self->listener, 0, NL_SOON_MS);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(PINPOOL_NL_CMD_POOL_NEW_NTF, nl_cmd(msg));
		nl_attrs(msg, attrs);
		id = nl_u32(attrs[PINPOOL_A_POOL_ID]);
		msg = nl_event(&self->listener, 0, NL_SOON_MS);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(msg));
		nl_attrs(msg, attrs);
		EXPECT_EQ(id, nl_u32(attrs[PINPOOL_A_POOL_ID]));
		/* Its name comes free only after that. */
		while (nl_stat(&self->nl, name, PINPOOL_A_STATS_CLIENTS) != ~0ULL)
			sched_yield();
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST_F(netlink, exhaustion_is_told_once)
{
	const struct nlattr *attrs[NL_ATTRS];
	struct pinpool_buf buf, more;
	const struct nlmsghdr *msg;
	int i;

	ASSERT_EQ(0, pp_alloc(self->fd, self->capacity / 2, 0, &buf));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(-ENOSPC, pp_alloc(self->fd, self->capacity - 1, 0, &more));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_EXHAUSTED_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_STREQ(NAME, nl_string(attrs[PINPOOL_A_EVENT_POOL]));
	EXPECT_EQ(self->capacity, nl_u64(attrs[PINPOOL_A_EVENT_WANTED]));
	EXPECT_EQ(self->capacity / 2, nl_u64(attrs[PINPOOL_A_EVENT_FREE]));
	EXPECT_EQ(self->capacity / 2, nl_u64(attrs[PINPOOL_A_EVENT_LARGEST_FREE]));

	/* The next event is that of the next time. */
	ASSERT_EQ(0, pp_alloc(self->fd, 1, 0, &more));
	ASSERT_EQ(-ENOSPC, pp_alloc(self->fd, self->capacity / 2, 0, &more));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_EXHAUSTED_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(self->capacity / 2, nl_u64(attrs[PINPOOL_A_EVENT_WANTED]));
	EXPECT_EQ(4, nl_u64(attrs[PINPOOL_A_EVENT_FAILURES]));
}

/* Not for each call that goes wrong, however long after; what is due comes before the end. */
TEST_F(netlink, exhaustion_goes_on_silently)
{
	static const char name[] = "netlink-2";
	struct pinpool_buf buf;
	int fd, i;

	ASSERT_EQ(0, nl_pool_new(&self->nl, name, MIB, 0600));
	fd = open("/dev/pinpool/netlink-2", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_alloc(fd, MIB / 2, 0, &buf));
	ASSERT_EQ(-ENOSPC, pp_alloc(fd, MIB, 0, &buf));
	ASSERT_NE(NULL, nl_event(&self->listener, PINPOOL_NL_CMD_EXHAUSTED_NTF, NL_SOON_MS));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(-ENOSPC, pp_alloc(fd, MIB, 0, &buf));
	ASSERT_EQ(0, nl_pool_del(&self->nl, name, true));
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_DEL_NTF, nl_cmd(nl_event(&self->listener, 0, NL_SOON_MS)));
	close(fd);
}

static void *wait_for_space(void *arg)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = 9 * MIB, .deadline_ns = ~0ULL,
	};

	return (void *)(intptr_t)pp_ioctl(*(int *)arg, PINPOOL_IOC_ALLOC, &alloc);
}

/* So that somebody can make some. */
TEST_F(netlink, who_waits_for_space_is_told_of)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	struct pinpool_buf buf;
	pthread_t thread;
	void *result;

	/* What is larger than the pool would not wait. */
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, 9 * MIB));
	ASSERT_EQ(0, pp_alloc(self->fd, MIB, 0, &buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_space, &self->fd));
	msg = nl_event(&self->listener, PINPOOL_NL_CMD_EXHAUSTED_NTF, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	nl_attrs(msg, attrs);
	EXPECT_EQ(9 * MIB, nl_u64(attrs[PINPOOL_A_EVENT_WANTED]));
	EXPECT_EQ(8 * MIB, nl_u64(attrs[PINPOOL_A_EVENT_FREE]));
	EXPECT_EQ(0, nl_u64(attrs[PINPOOL_A_EVENT_FAILURES]));
	ASSERT_EQ(0, nl_set_capacity(&self->nl, NAME, 10 * MIB));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
}

TEST_F(netlink, quarantine_is_told)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	struct pinpool_buf buf;
	struct iovec iov;
	char *window;
	int pins[2];

	ASSERT_EQ(0, pp_alloc(self->fd, 3 * self->granule, 0, &buf));
	window = pp_window(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, window);
	ASSERT_EQ(0, pp_probe_write(window + buf.offset));
	ASSERT_EQ(0, pipe(pins));
	iov = (struct iovec){ .iov_base = window + buf.offset, .iov_len = 4096 };
	ASSERT_EQ(4096, vmsplice(pins[1], &iov, 1, 0));
	ASSERT_EQ(0, pp_free(self->fd, buf.handle));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_QUARANTINE_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(3 * self->granule, nl_u64(attrs[PINPOOL_A_EVENT_QUARANTINED]));
	EXPECT_EQ(3 * self->granule, nl_u64(attrs[PINPOOL_A_EVENT_ENTERED]));
	EXPECT_EQ(0, nl_u64(attrs[PINPOOL_A_EVENT_LEFT]));

	close(pins[0]);
	close(pins[1]);
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_QUARANTINE_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(0, nl_u64(attrs[PINPOOL_A_EVENT_QUARANTINED]));
	EXPECT_EQ(3 * self->granule, nl_u64(attrs[PINPOOL_A_EVENT_LEFT]));
	munmap(window, self->capacity);
}

TEST_F(netlink, deaths_are_told)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	int ready[2], go[2];
	struct client client;
	char byte;
	pid_t pid;
	int killed;

	for (killed = 0; killed < 2; killed++) {
		ASSERT_EQ(0, pipe(ready));
		ASSERT_EQ(0, pipe(go));
		pid = spawn("mortal", ready[1], go[0], self->granule);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		ASSERT_EQ(0, get_client(&self->nl, NAME, pid, &client));
		if (killed)
			kill(pid, SIGKILL);
		else
			ASSERT_EQ(1, write(go[1], &byte, 1));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		msg = nl_event(&self->listener, 0, NL_SOON_MS);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(PINPOOL_NL_CMD_CLIENT_DIED_NTF, nl_cmd(msg));
		nl_attrs(msg, attrs);
		EXPECT_STREQ(NAME, nl_string(attrs[PINPOOL_A_EVENT_POOL]));
		EXPECT_EQ(client.id, nl_u64(attrs[PINPOOL_A_EVENT_CLIENT]));
		EXPECT_EQ(pid, nl_u32(attrs[PINPOOL_A_EVENT_PID]));
		EXPECT_STREQ("mortal", nl_string(attrs[PINPOOL_A_EVENT_COMM]));
		EXPECT_EQ(getuid(), nl_u32(attrs[PINPOOL_A_EVENT_UID]));
		EXPECT_EQ(4 * self->granule, nl_u64(attrs[PINPOOL_A_EVENT_BYTES]));
		EXPECT_EQ(2, nl_u64(attrs[PINPOOL_A_EVENT_BUFFERS]));
		EXPECT_EQ(killed ? SIGKILL : ~0U, nl_u32(attrs[PINPOOL_A_EVENT_SIGNAL]));
		close(ready[0]);
		close(ready[1]);
		close(go[0]);
		close(go[1]);
	}
	/* Who leaves nothing behind is not worth a word. */
	close(open(NODE, O_RDWR | O_CLOEXEC));
	ASSERT_EQ(0, nl_set_limit(&self->nl, NAME, PINPOOL_A_LIMITS_UID_BYTES, 0));
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_POOL_SET_NTF, nl_cmd(msg));
}

/* It is told of who opened it, whoever has it last. */
TEST_F(netlink, the_dead_are_told_by_name)
{
	const struct nlattr *attrs[NL_ATTRS];
	const struct nlmsghdr *msg;
	struct pinpool_buf buf;
	int sockets[2], fd, status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "ancestor");
		fd = open(NODE, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 || pp_alloc(fd, 1, 0, &buf) || !pp_send_file(sockets[1], fd));
	}
	fd = pp_receive_file(sockets[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
	msg = nl_event(&self->listener, 0, NL_SOON_MS);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(PINPOOL_NL_CMD_CLIENT_DIED_NTF, nl_cmd(msg));
	nl_attrs(msg, attrs);
	EXPECT_EQ(pid, nl_u32(attrs[PINPOOL_A_EVENT_PID]));
	EXPECT_STREQ("ancestor", nl_string(attrs[PINPOOL_A_EVENT_COMM]));
	EXPECT_EQ(NULL, attrs[PINPOOL_A_EVENT_SIGNAL]);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(netlink, who_reads_too_slowly_is_told)
{
	int size = 4096;
	struct nl slow;
	int i;

	ASSERT_EQ(0, nl_open(&slow));
	ASSERT_EQ(0, setsockopt(mnl_socket_get_fd(slow.sock), SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, nl_listen(&slow, slow.events));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, nl_set_limit(&self->nl, NAME, PINPOOL_A_LIMITS_UID_BYTES, i));
	while (mnl_socket_recvfrom(slow.sock, slow.reply, sizeof(slow.reply)) > 0)
		;
	EXPECT_EQ(ENOBUFS, errno);
	/* And goes on from there. */
	while (recv(mnl_socket_get_fd(slow.sock), slow.reply, sizeof(slow.reply),
		    MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(0, nl_set_limit(&self->nl, NAME, PINPOOL_A_LIMITS_UID_BYTES, 0));
	EXPECT_NE(NULL, nl_event(&slow, PINPOOL_NL_CMD_POOL_SET_NTF, NL_SOON_MS));
	nl_close(&slow);
}

PP_HARNESS_MAIN
