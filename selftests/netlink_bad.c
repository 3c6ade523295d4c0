// SPDX-License-Identifier: GPL-2.0
/*
 * What the control plane is asked that it must refuse: the right error, with words
 * and with the attribute that is wrong, and nothing changed
 */
#include "pinpool_test.h"
#include "netlink.h"

#include <sched.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define NAME	"bad-test"
#define NODE	"/dev/pinpool/" NAME
#define NEW	"bad-new"

/* @client keeps the pool from being deleted. */
FIXTURE(bad)
{
	struct nl nl;
	int client;
	int log;
	char *before;
	size_t before_len;
};

struct state {
	char *bytes;
	size_t len;
};

static void add_state(const struct nlmsghdr *msg, void *data)
{
	size_t len = msg->nlmsg_len - sizeof(*msg);
	struct state *state = data;

	state->bytes = realloc(state->bytes, state->len + len);
	memcpy(state->bytes + state->len, msg + 1, len);
	state->len += len;
}

/* All that pool-get tells of all pools */
static void read_state(struct nl *nl, char **bytes, size_t *len)
{
	struct state state = { };

	nl_talk(nl, nl_dump(nl, PINPOOL_NL_CMD_POOL_GET), add_state, &state);
	*bytes = state.bytes;
	*len = state.len;
}

/* Did the kernel say anything that an administrator must hear? */
static bool log_is_clean(int log)
{
	char line[8192];
	bool clean = true;
	unsigned int level;
	ssize_t len;

	while ((len = read(log, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		if (len < 0)
			continue;
		line[len] = '\0';
		/* What the kernel itself has to say of bad attributes, whose ever they are */
		if (sscanf(line, "%u,", &level) == 1 && level <= 4 &&
		    !strstr(line, "bytes leftover after parsing attributes") &&
		    !strstr(line, "callbacks suppressed") &&
		    !strstr(line, "has an invalid length")) {
			fprintf(stderr, "# log: %s", line);
			clean = false;
		}
	}
	return clean;
}

FIXTURE_SETUP(bad)
{
	ASSERT_EQ(0, nl_open(&self->nl));
	/* Of a test that died */
	nl_pool_del(&self->nl, NAME, true);
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0666));
	self->client = open(NODE, O_RDWR | O_CLOEXEC);
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	lseek(self->log, 0, SEEK_END);
	read_state(&self->nl, &self->before, &self->before_len);
	ASSERT_LT(0, self->before_len);
}

FIXTURE_TEARDOWN(bad)
{
	char *after;
	size_t len;

	read_state(&self->nl, &after, &len);
	EXPECT_EQ(self->before_len, len);
	EXPECT_EQ(0, memcmp(self->before, after, self->before_len));
	EXPECT_TRUE(log_is_clean(self->log));
	free(self->before);
	free(after);
	close(self->log);
	close(self->client);
	EXPECT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	nl_close(&self->nl);
}

/* Sends @msg, which must be refused. Returns the error; 1 if it wasn't explained */
static int send_bad(struct nl *nl, struct nlmsghdr *msg, int attr)
{
	int err = nl_talk(nl, msg, NULL, NULL);

	if (!err)
		return 0;
	if (!nl->error[0]) {
		fprintf(stderr, "# error %d without a word\n", err);
		return 1;
	}
	/* There some kernels have no place for it. */
	if (attr >= 0 && !nl->at_end && nl_bad_attr(nl) != attr) {
		fprintf(stderr, "# error %d, '%s', is about %d and not %d\n", err, nl->error,
			nl_bad_attr(nl), attr);
		return 1;
	}
	return err;
}

/* What has a name, and whether that is enough */
static const struct {
	uint8_t cmd;
	uint16_t name;
	bool dump;
} named[] = {
	{ PINPOOL_NL_CMD_POOL_GET, PINPOOL_A_POOL_NAME, false },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_NAME, false },
	{ PINPOOL_NL_CMD_POOL_SET, PINPOOL_A_POOL_NAME, false },
	{ PINPOOL_NL_CMD_POOL_DEL, PINPOOL_A_POOL_NAME, false },
	{ PINPOOL_NL_CMD_STATS_GET, PINPOOL_A_POOL_NAME, false },
	{ PINPOOL_NL_CMD_POOL_GET, PINPOOL_A_POOL_NAME, true },
	{ PINPOOL_NL_CMD_CLIENT_GET, PINPOOL_A_CLIENT_POOL, true },
	{ PINPOOL_NL_CMD_BUFFER_GET, PINPOOL_A_BUFFER_POOL, true },
};

static struct nlmsghdr *begin(struct nl *nl, size_t i)
{
	return nl_message(nl, nl->family, named[i].cmd, named[i].dump ? NLM_F_DUMP : 0);
}

TEST_F(bad, names)
{
	static const char too_long[] = "n2345678901234567890123456789012";
	struct nlmsghdr *msg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(named); i++) {
		/* None */
		if (!named[i].dump || named[i].cmd == PINPOOL_NL_CMD_BUFFER_GET)
			EXPECT_EQ(-EINVAL, send_bad(&self->nl, begin(&self->nl, i),
						    named[i].name));
		/* Too long, without an end, and empty */
		msg = begin(&self->nl, i);
		mnl_attr_put_strz(msg, named[i].name, too_long);
		EXPECT_GT(0, send_bad(&self->nl, msg, named[i].name));
		msg = begin(&self->nl, i);
		mnl_attr_put(msg, named[i].name, 4, "abcd");
		EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, named[i].name));
		msg = begin(&self->nl, i);
		mnl_attr_put(msg, named[i].name, 0, "");
		EXPECT_GT(0, send_bad(&self->nl, msg, named[i].name));
		/* Of nobody */
		if (named[i].cmd == PINPOOL_NL_CMD_POOL_NEW ||
		    (named[i].dump && named[i].cmd == PINPOOL_NL_CMD_POOL_GET))
			continue;
		msg = begin(&self->nl, i);
		mnl_attr_put_strz(msg, named[i].name, "nobody");
		EXPECT_EQ(-ENOENT, send_bad(&self->nl, msg, named[i].name));
	}
}

static struct nlmsghdr *new_pool(struct nl *nl, const char *name)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_NEW);

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, name);
	return msg;
}

TEST_F(bad, names_of_new_pools)
{
	static const char * const names[] = {
		"", ".", "..", "../x", "a/b", "a b", ".hidden", "-a", "a\n", "a:b", "a,b", "\303\244",
	};
	struct nlmsghdr *msg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		msg = new_pool(&self->nl, names[i]);
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
		EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, PINPOOL_A_POOL_NAME)) {
			TH_LOG("name %zu", i);
		}
	}
	msg = new_pool(&self->nl, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	EXPECT_EQ(-EEXIST, send_bad(&self->nl, msg, PINPOOL_A_POOL_NAME));
	msg = new_pool(&self->nl, NEW);
	EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, PINPOOL_A_POOL_CAPACITY));
}

TEST_F(bad, values_of_new_pools)
{
	static const struct {
		uint16_t type;
		unsigned int len;
		uint64_t value;
		int err;
	} values[] = {
		{ PINPOOL_A_POOL_CAPACITY, 8, 0, -EINVAL },
		{ PINPOOL_A_POOL_CAPACITY, 8, MIB + 1, -EINVAL },
		{ PINPOOL_A_POOL_CAPACITY, 8, 1ULL << 63, -ENOMEM },
		{ PINPOOL_A_POOL_CAPACITY, 8, 1ULL << 50, -ENOMEM },
		{ PINPOOL_A_POOL_CAPACITY, 8, ~0ULL, -EINVAL },
		{ PINPOOL_A_POOL_CAPACITY, 8, ~0ULL << 12, -ENOMEM },
		{ PINPOOL_A_POOL_GRANULE, 8, 0, -EINVAL },
		{ PINPOOL_A_POOL_GRANULE, 8, 3, -EINVAL },
		{ PINPOOL_A_POOL_GRANULE, 8, 64, -EINVAL },
		{ PINPOOL_A_POOL_GRANULE, 8, 12 * 1024, -EINVAL },
		{ PINPOOL_A_POOL_GRANULE, 8, ~0ULL, -EINVAL },
		{ PINPOOL_A_POOL_BACKING, 4, PINPOOL_BACKING_NONE + 1, -ERANGE },
		{ PINPOOL_A_POOL_BACKING, 4, ~0U, -ERANGE },
		{ PINPOOL_A_POOL_ZERO, 4, 3, -ERANGE },
		{ PINPOOL_A_POOL_NODE, 4, 63, -EINVAL },
		{ PINPOOL_A_POOL_NODE, 4, 1U << 30, -EINVAL },
		{ PINPOOL_A_POOL_NODE, 4, -2U, -EINVAL },
		{ PINPOOL_A_POOL_NODE, 4, 1U << 31, -EINVAL },
		{ PINPOOL_A_POOL_MODE, 4, 0, -EINVAL },
		{ PINPOOL_A_POOL_MODE, 4, 0777, -ERANGE },
		{ PINPOOL_A_POOL_MODE, 4, 0111, -EINVAL },
		{ PINPOOL_A_POOL_MODE, 4, 04600, -ERANGE },
	};
	struct nlmsghdr *msg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		msg = new_pool(&self->nl, NEW);
		if (values[i].type != PINPOOL_A_POOL_CAPACITY)
			mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
		mnl_attr_put(msg, values[i].type, values[i].len, &values[i].value);
		EXPECT_EQ(values[i].err, send_bad(&self->nl, msg, values[i].type)) {
			TH_LOG("value %zu", i);
		}
	}
	/* A granule that the capacity isn't a multiple of */
	msg = new_pool(&self->nl, NEW);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, 2 * MIB);
	EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, PINPOOL_A_POOL_CAPACITY));
}

/* With a limit that isn't set either where the capacity is wrong */
static struct nlmsghdr *resize(struct nl *nl, uint64_t capacity)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_SET);
	struct nlattr *nest;

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, capacity);
	nest = mnl_attr_nest_start(msg, PINPOOL_A_POOL_LIMITS);
	mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_CLIENT_BYTES, 4096);
	mnl_attr_nest_end(msg, nest);
	return msg;
}

TEST_F(bad, capacities_of_pools)
{
	const uint64_t ram = sysconf(_SC_PHYS_PAGES) * 4096ULL;
	struct nl *nl = &self->nl;

	EXPECT_EQ(-EINVAL, send_bad(nl, resize(nl, 0), PINPOOL_A_POOL_CAPACITY));
	EXPECT_EQ(-EINVAL, send_bad(nl, resize(nl, MIB + 1), PINPOOL_A_POOL_CAPACITY));
	/* More than is free, and more than there will ever be */
	EXPECT_EQ(-ENOMEM, send_bad(nl, resize(nl, ram / MIB * MIB), PINPOOL_A_POOL_CAPACITY));
	EXPECT_GT(0, send_bad(nl, resize(nl, -MIB), PINPOOL_A_POOL_CAPACITY));
}

/* All attributes that commands take, with their lengths */
static const struct {
	uint8_t cmd;
	uint16_t type;
	unsigned int len;
} sized[] = {
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_CAPACITY, 8 },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_GRANULE, 8 },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_BACKING, 4 },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_ZERO, 4 },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_NODE, 4 },
	{ PINPOOL_NL_CMD_POOL_NEW, PINPOOL_A_POOL_MODE, 4 },
	{ PINPOOL_NL_CMD_POOL_SET, PINPOOL_A_POOL_CAPACITY, 8 },
	{ PINPOOL_NL_CMD_POOL_DEL, PINPOOL_A_POOL_FORCE, 0 },
};

TEST_F(bad, lengths)
{
	static const char zeroes[64];
	struct nlmsghdr *msg;
	unsigned int len;
	size_t i;

	for (i = 0; i < ARRAY_LEN(sized); i++) {
		for (len = 0; len < 20; len++) {
			if (len == sized[i].len)
				continue;
			msg = nl_request(&self->nl, sized[i].cmd);
			mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME,
					  sized[i].cmd == PINPOOL_NL_CMD_POOL_NEW ? NEW : NAME);
			mnl_attr_put(msg, sized[i].type, len, zeroes);
			EXPECT_GT(0, send_bad(&self->nl, msg, sized[i].type)) {
				TH_LOG("attribute %zu with %u bytes", i, len);
			}
		}
	}
	msg = nl_dump(&self->nl, PINPOOL_NL_CMD_BUFFER_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, NAME);
	mnl_attr_put_u32(msg, PINPOOL_A_BUFFER_CLIENT, 1);
	EXPECT_GT(0, send_bad(&self->nl, msg, PINPOOL_A_BUFFER_CLIENT));
}

/* What a command doesn't take, answers' attributes included, is not passed over. */
TEST_F(bad, unknown_attributes)
{
	static const uint16_t types[] = {
		PINPOOL_A_POOL_PAD, PINPOOL_A_POOL_ID, PINPOOL_A_POOL_FEATURES,
		PINPOOL_A_POOL_STATS, PINPOOL_A_POOL_MAX + 1, 100, 16383,
	};
	struct nlmsghdr *msg;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(named); i++) {
		for (j = 0; j < ARRAY_LEN(types); j++) {
			/* These are what others mean by the number. */
			if (types[j] == PINPOOL_A_POOL_ID && named[i].name != PINPOOL_A_POOL_NAME)
				continue;
			if (types[j] == PINPOOL_A_BUFFER_CLIENT)
				continue;
			msg = begin(&self->nl, i);
			mnl_attr_put_strz(msg, named[i].name, NAME);
			mnl_attr_put_u32(msg, types[j], 0);
			EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, types[j])) {
				TH_LOG("command %u, attribute %u", named[i].cmd, types[j]);
			}
		}
	}
}

static const uint16_t nests[] = { PINPOOL_A_POOL_LIMITS, PINPOOL_A_POOL_WATERMARKS };

TEST_F(bad, nests)
{
	struct nlmsghdr *msg;
	struct nlattr *nest;
	size_t i;

	for (i = 0; i < ARRAY_LEN(nests); i++) {
		/* Not marked as one */
		msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_SET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		mnl_attr_put_u64(msg, nests[i], 0);
		EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, nests[i]));
		/* With what it doesn't have in it */
		msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_SET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		nest = mnl_attr_nest_start(msg, nests[i]);
		mnl_attr_put_u64(msg, 31, 0);
		mnl_attr_nest_end(msg, nest);
		EXPECT_EQ(-EINVAL, send_bad(&self->nl, msg, 31));
		/* With too little in it */
		msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_SET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		nest = mnl_attr_nest_start(msg, nests[i]);
		mnl_attr_put_u16(msg, PINPOOL_A_LIMITS_CLIENT_BYTES, 0);
		mnl_attr_nest_end(msg, nest);
		EXPECT_GT(0, send_bad(&self->nl, msg, PINPOOL_A_LIMITS_CLIENT_BYTES));
		/* Cut off in the middle of an attribute */
		msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_SET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		nest = mnl_attr_nest_start(msg, nests[i]);
		mnl_attr_put_u64(msg, PINPOOL_A_LIMITS_CLIENT_BYTES, 0);
		mnl_attr_nest_end(msg, nest);
		nest->nla_len -= 4;
		msg->nlmsg_len -= 4;
		EXPECT_GT(0, send_bad(&self->nl, msg, -1));
		/* One in the other */
		msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_SET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		nest = mnl_attr_nest_start(msg, nests[i]);
		mnl_attr_nest_end(msg, mnl_attr_nest_start(msg, nests[i]));
		mnl_attr_nest_end(msg, nest);
		EXPECT_GT(0, send_bad(&self->nl, msg, -1));
	}
}

/* A pool-set with these watermarks, where all bits set is none */
static struct nlmsghdr *marks(struct nl *nl, uint64_t low, uint64_t high, uint32_t low_percent,
			      uint32_t high_percent)
{
	struct nlmsghdr *msg = nl_request(nl, PINPOOL_NL_CMD_POOL_SET);
	struct nlattr *nest;

	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	nest = mnl_attr_nest_start(msg, PINPOOL_A_POOL_WATERMARKS);
	if (low != ~0ULL)
		mnl_attr_put_u64(msg, PINPOOL_A_WATERMARKS_LOW, low);
	if (high != ~0ULL)
		mnl_attr_put_u64(msg, PINPOOL_A_WATERMARKS_HIGH, high);
	if (low_percent != ~0U)
		mnl_attr_put_u32(msg, PINPOOL_A_WATERMARKS_LOW_PERCENT, low_percent);
	if (high_percent != ~0U)
		mnl_attr_put_u32(msg, PINPOOL_A_WATERMARKS_HIGH_PERCENT, high_percent);
	mnl_attr_nest_end(msg, nest);
	return msg;
}

TEST_F(bad, watermarks)
{
	struct nl *nl = &self->nl;

	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, ~0ULL, MIB + 1, ~0U, ~0U),
				    PINPOOL_A_POOL_WATERMARKS));
	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, 2, 1, ~0U, ~0U), PINPOOL_A_POOL_WATERMARKS));
	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, 1, ~0ULL, ~0U, ~0U),
				    PINPOOL_A_POOL_WATERMARKS));
	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, ~0ULL, ~0ULL, 60, 50),
				    PINPOOL_A_POOL_WATERMARKS));
	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, MIB, ~0ULL, ~0U, 50),
				    PINPOOL_A_POOL_WATERMARKS));
	EXPECT_EQ(-EINVAL, send_bad(nl, marks(nl, ~0ULL, 1, ~0U, 50),
				    PINPOOL_A_WATERMARKS_HIGH_PERCENT));
	EXPECT_EQ(-ERANGE, send_bad(nl, marks(nl, ~0ULL, ~0ULL, ~0U, 101),
				    PINPOOL_A_WATERMARKS_HIGH_PERCENT));
	EXPECT_EQ(-ERANGE, send_bad(nl, marks(nl, ~0ULL, ~0ULL, 1U << 31, ~0U),
				    PINPOOL_A_WATERMARKS_LOW_PERCENT));
}

TEST_F(bad, commands)
{
	static const int cmds[] = {
		0, PINPOOL_NL_CMD_POOL_NEW_NTF, PINPOOL_NL_CMD_CLIENT_DIED_NTF,
		PINPOOL_NL_CMD_MAX + 1, 255,
	};
	struct nlmsghdr *msg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cmds); i++) {
		EXPECT_EQ(-EOPNOTSUPP, nl_talk(&self->nl, nl_request(&self->nl, cmds[i]), NULL,
					       NULL));
		EXPECT_EQ(-EOPNOTSUPP, nl_talk(&self->nl, nl_dump(&self->nl, cmds[i]), NULL, NULL));
	}
	/* What can only be done, and what can only be dumped */
	msg = nl_dump(&self->nl, PINPOOL_NL_CMD_POOL_DEL);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	EXPECT_EQ(-EOPNOTSUPP, nl_talk(&self->nl, msg, NULL, NULL));
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_CLIENT_GET);
	EXPECT_EQ(-EOPNOTSUPP, nl_talk(&self->nl, msg, NULL, NULL));
	/* It is in use. */
	msg = nl_request(&self->nl, PINPOOL_NL_CMD_POOL_DEL);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	EXPECT_EQ(-EBUSY, send_bad(&self->nl, msg, PINPOOL_A_POOL_NAME));
}

/* What somebody without privileges may do, and what not: 0, or where it went wrong */
static int unprivileged(struct nl *nl)
{
	struct nlmsghdr *msg;

	if (nl_open(nl))
		return 1;
	if (nl_stat(nl, NAME, PINPOOL_A_STATS_CLIENTS) != 1 || nl_listen(nl, nl->events))
		return 2;
	msg = nl_request(nl, PINPOOL_NL_CMD_STATS_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
	if (nl_talk(nl, msg, NULL, NULL) ||
	    nl_talk(nl, nl_dump(nl, PINPOOL_NL_CMD_POOL_GET), NULL, NULL))
		return 3;
	if (nl_listen(nl, nl->clients) != -EPERM)
		return 4;
	if (nl_pool_new(nl, NEW, MIB, 0600) != -EPERM || !nl->error[0])
		return 5;
	if (nl_set_limit(nl, NAME, PINPOOL_A_LIMITS_CLIENT_BYTES, 1) != -EPERM || !nl->error[0])
		return 6;
	if (nl_set_capacity(nl, NAME, 4 * MIB) != -EPERM || !nl->error[0])
		return 7;
	if (nl_pool_del(nl, NAME, false) != -EPERM || !nl->error[0])
		return 8;
	if (nl_pool_del(nl, NAME, true) != -EPERM || !nl->error[0])
		return 9;
	/* Not even whether there is such a pool */
	if (nl_pool_del(nl, "nobody", true) != -EPERM)
		return 10;
	if (nl_talk(nl, nl_dump(nl, PINPOOL_NL_CMD_CLIENT_GET), NULL, NULL) != -EPERM ||
	    !nl->error[0])
		return 11;
	msg = nl_dump(nl, PINPOOL_NL_CMD_BUFFER_GET);
	mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, NAME);
	if (nl_talk(nl, msg, NULL, NULL) != -EPERM || !nl->error[0])
		return 12;
	return 0;
}

static int in_child(int (*fn)(struct nl *nl), int (*prepare)(void))
{
	struct nl nl;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(prepare() ? 100 : fn(&nl));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int be_nobody(void)
{
	return setresuid(65534, 65534, 65534);
}

/* root, but of a user namespace of its own */
static int be_root_elsewhere(void)
{
	return unshare(CLONE_NEWUSER);
}

TEST_F(bad, users)
{
	EXPECT_EQ(0, in_child(unprivileged, be_nobody));
}

TEST_F(bad, root_of_another_user_namespace)
{
	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, in_child(unprivileged, be_root_elsewhere));
}

static int be_elsewhere(void)
{
	return unshare(CLONE_NEWNET);
}

static int no_family(struct nl *nl)
{
	return nl_open(nl) != -ENOENT;
}

TEST_F(bad, other_network_namespaces)
{
	EXPECT_EQ(0, in_child(no_family, be_elsewhere));
}

/* A valid request of any kind that changes nothing, and one that does */
static struct nlmsghdr *some_request(struct nl *nl, unsigned int *seed)
{
	struct nlmsghdr *msg;

	switch (rand_r(seed) % 6) {
	case 0:
		msg = marks(nl, 4096, 65536, ~0U, ~0U);
		break;
	case 1:
		msg = new_pool(nl, NEW);
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, 64 * KIB);
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_GRANULE, 4096);
		mnl_attr_put_u32(msg, PINPOOL_A_POOL_ZERO, 1);
		break;
	case 2:
		msg = nl_request(nl, PINPOOL_NL_CMD_POOL_DEL);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NEW);
		break;
	case 3:
		msg = nl_dump(nl, PINPOOL_NL_CMD_BUFFER_GET);
		mnl_attr_put_strz(msg, PINPOOL_A_BUFFER_POOL, NAME);
		mnl_attr_put_u64(msg, PINPOOL_A_BUFFER_CLIENT, 1);
		break;
	case 4:
		msg = nl_dump(nl, PINPOOL_NL_CMD_CLIENT_GET);
		break;
	default:
		msg = nl_request(nl, PINPOOL_NL_CMD_STATS_GET);
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME, NAME);
		break;
	}
	return msg;
}

/* Whatever comes: an answer, and the pools that are in use stay. */
TEST_F_TIMEOUT(bad, anything, 120)
{
	unsigned int seed = getenv("PINPOOL_SEED") ? atoi(getenv("PINPOOL_SEED")) : 1;
	unsigned int refused = 0;
	struct pinpool_buf buf;
	struct nlmsghdr *msg;
	unsigned int i, at;
	int err;

	TH_LOG("PINPOOL_SEED=%u", seed);
	for (i = 0; i < 5000; i++) {
		msg = some_request(&self->nl, &seed);
		do {
			at = sizeof(*msg) + rand_r(&seed) % (msg->nlmsg_len - sizeof(*msg));
			self->nl.request[at] = rand_r(&seed) % 3 ? rand_r(&seed) :
					       self->nl.request[at] ^ 1 << rand_r(&seed) % 8;
		} while (rand_r(&seed) % 2);
		err = nl_talk(&self->nl, msg, NULL, NULL);
		refused += err < 0;
		ASSERT_NE(-ETIMEDOUT, err);
	}
	EXPECT_LT(1000, refused);
	nl_pool_del(&self->nl, NEW, true);
	ASSERT_EQ(0, pp_alloc(self->client, MIB, 0, &buf));
	close(self->client);
	/* What it may have set, and made under other names */
	ASSERT_EQ(0, nl_pool_del(&self->nl, NAME, false));
	ASSERT_EQ(0, nl_pool_new(&self->nl, NAME, MIB, 0666));
	self->client = open(NODE, O_RDWR | O_CLOEXEC);
	free(self->before);
	read_state(&self->nl, &self->before, &self->before_len);
}

PP_HARNESS_MAIN
