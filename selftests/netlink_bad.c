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
	self->log = pp_log_open();
	ASSERT_LE(0, self->log);
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
	struct nlmsghdr *msg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(named); i++) {
		/* None */
		if (!named[i].dump || named[i].cmd == PINPOOL_NL_CMD_BUFFER_GET)
			EXPECT_EQ(-EINVAL, send_bad(&self->nl, begin(&self->nl, i),
						    named[i].name));
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
		{ PINPOOL_A_POOL_BACKING, 4, PINPOOL_BACKING_CMA + 1, -ERANGE },
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

/* What an attribute holds */
enum kind {
	KIND_U32,
	KIND_U64,
	KIND_STRING,
	KIND_FLAG,
	KIND_NEST,
};

/*
 * All attributes that commands take. That these are all of them, and of these kinds,
 * is what the_kernel_takes_nothing_else compares with the kernel's own list. @nest: the
 * attribute that it is in, or 0
 */
static const struct {
	uint8_t cmd;
	bool dump;
	uint16_t nest;
	uint16_t type;
	enum kind kind;
} taken[] = {
	{ PINPOOL_NL_CMD_POOL_GET, false, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_GET, true, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_CAPACITY, KIND_U64 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_GRANULE, KIND_U64 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_BACKING, KIND_U32 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_ZERO, KIND_U32 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_NODE, KIND_U32 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_MODE, KIND_U32 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_BASE, KIND_U64 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_ALIGN, KIND_U64 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_REGION, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_KEEP, KIND_FLAG },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_FD, KIND_U32 },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_TELL_BUS, KIND_FLAG },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_LIMITS, KIND_NEST },
	{ PINPOOL_NL_CMD_POOL_NEW, false, 0, PINPOOL_A_POOL_WATERMARKS, KIND_NEST },
	{ PINPOOL_NL_CMD_POOL_SET, false, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_SET, false, 0, PINPOOL_A_POOL_CAPACITY, KIND_U64 },
	{ PINPOOL_NL_CMD_POOL_SET, false, 0, PINPOOL_A_POOL_LIMITS, KIND_NEST },
	{ PINPOOL_NL_CMD_POOL_SET, false, 0, PINPOOL_A_POOL_WATERMARKS, KIND_NEST },
#define TAKES_LIMIT(cmd, limit)	\
	{ cmd, false, PINPOOL_A_POOL_LIMITS, PINPOOL_A_LIMITS_##limit, KIND_U64 }
#define TAKES_LIMITS(cmd)	\
	TAKES_LIMIT(cmd, CLIENT_BYTES), TAKES_LIMIT(cmd, CLIENT_BUFFERS), \
	TAKES_LIMIT(cmd, UID_BYTES), TAKES_LIMIT(cmd, UID_BUFFERS), \
	TAKES_LIMIT(cmd, CLIENT_SHARES)
	TAKES_LIMITS(PINPOOL_NL_CMD_POOL_NEW),
	TAKES_LIMITS(PINPOOL_NL_CMD_POOL_SET),
#define TAKES_MARK(cmd, mark, kind)	\
	{ cmd, false, PINPOOL_A_POOL_WATERMARKS, PINPOOL_A_WATERMARKS_##mark, kind }
#define TAKES_MARKS(cmd)	\
	TAKES_MARK(cmd, LOW, KIND_U64), TAKES_MARK(cmd, HIGH, KIND_U64), \
	TAKES_MARK(cmd, LOW_PERCENT, KIND_U32), TAKES_MARK(cmd, HIGH_PERCENT, KIND_U32)
	TAKES_MARKS(PINPOOL_NL_CMD_POOL_NEW),
	TAKES_MARKS(PINPOOL_NL_CMD_POOL_SET),
	{ PINPOOL_NL_CMD_POOL_DEL, false, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
	{ PINPOOL_NL_CMD_POOL_DEL, false, 0, PINPOOL_A_POOL_FORCE, KIND_FLAG },
	{ PINPOOL_NL_CMD_CLIENT_GET, true, 0, PINPOOL_A_CLIENT_POOL, KIND_STRING },
	{ PINPOOL_NL_CMD_BUFFER_GET, true, 0, PINPOOL_A_BUFFER_POOL, KIND_STRING },
	{ PINPOOL_NL_CMD_BUFFER_GET, true, 0, PINPOOL_A_BUFFER_CLIENT, KIND_U64 },
	{ PINPOOL_NL_CMD_STATS_GET, false, 0, PINPOOL_A_POOL_NAME, KIND_STRING },
};

/* More than any number of types, so that what is in no set is among those that are tried */
#define TYPES	40

static bool takes(uint8_t cmd, bool dump, uint16_t nest, uint16_t type, enum kind *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(taken); i++) {
		if (taken[i].cmd != cmd || taken[i].dump != dump || taken[i].nest != nest ||
		    taken[i].type != type)
			continue;
		*kind = taken[i].kind;
		return true;
	}
	return false;
}

/* A request that is good but for what comes next */
static struct nlmsghdr *otherwise_good(struct nl *nl, uint8_t cmd, bool dump, uint16_t but)
{
	struct nlmsghdr *msg = nl_message(nl, nl->family, cmd, dump ? NLM_F_DUMP : 0);

	/* All sets have the name at the same place. */
	if (but != PINPOOL_A_POOL_NAME)
		mnl_attr_put_strz(msg, PINPOOL_A_POOL_NAME,
				  cmd == PINPOOL_NL_CMD_POOL_NEW ? NEW : NAME);
	if (cmd == PINPOOL_NL_CMD_POOL_NEW && but != PINPOOL_A_POOL_CAPACITY)
		mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, MIB);
	return msg;
}

/* Sends a request with this attribute, in @nest if that isn't 0. Returns as send_bad() */
static int send_attr(struct nl *nl, uint8_t cmd, bool dump, uint16_t nest, uint16_t type,
		     size_t len, const void *data)
{
	struct nlmsghdr *msg = otherwise_good(nl, cmd, dump, nest ? 0 : type);
	struct nlattr *start = NULL;

	if (nest)
		start = mnl_attr_nest_start(msg, nest);
	mnl_attr_put(msg, type, len, data);
	if (nest)
		mnl_attr_nest_end(msg, start);
	return send_bad(nl, msg, type & NLA_TYPE_MASK);
}

/* What the kernel says to an attribute of @len zero bytes; 0 where that is all right */
static int wrong_length(enum kind kind, size_t len)
{
	switch (kind) {
	case KIND_U32:
		return len == 4 ? 0 : -EINVAL;
	case KIND_U64:
		return len == 8 ? 0 : -EINVAL;
	case KIND_FLAG:
		return len ? -ERANGE : 0;
	case KIND_STRING:
		return len ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* Too short, too long, as a nest where it is none, and not as one where it is */
TEST_F(bad, forms)
{
	static const char zeroes[64];
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(taken); i++) {
		for (len = 0; len <= 20; len++) {
			int err = wrong_length(taken[i].kind, len);

			if (!err)
				continue;
			EXPECT_EQ(err, send_attr(&self->nl, taken[i].cmd, taken[i].dump,
						 taken[i].nest, taken[i].type, len, zeroes)) {
				TH_LOG("attribute %zu with %zu bytes", i, len);
			}
		}
		if (taken[i].kind == KIND_NEST)
			continue;
		EXPECT_EQ(-EINVAL, send_attr(&self->nl, taken[i].cmd, taken[i].dump, taken[i].nest,
					     taken[i].type | NLA_F_NESTED, 8, zeroes)) {
			TH_LOG("attribute %zu as a nest", i);
		}
	}
}

TEST_F(bad, strings)
{
	static char text[70];
	size_t i, max;

	memset(text, 'a', sizeof(text) - 1);
	for (i = 0; i < ARRAY_LEN(taken); i++) {
		if (taken[i].kind != KIND_STRING)
			continue;
		max = taken[i].type == PINPOOL_A_POOL_REGION ? PINPOOL_MAX_REGION :
		      PINPOOL_MAX_NAME;
		/* Without its end, and by one too long */
		EXPECT_EQ(-EINVAL, send_attr(&self->nl, taken[i].cmd, taken[i].dump, 0,
					     taken[i].type, 4, text));
		EXPECT_EQ(-EINVAL, send_attr(&self->nl, taken[i].cmd, taken[i].dump, 0,
					     taken[i].type, max + 2,
					     text + sizeof(text) - max - 2));
	}
}

/* What a command doesn't take, answers' attributes included, is not passed over. */
TEST_F(bad, unknown_attributes)
{
	static const uint16_t nests[] = { 0, PINPOOL_A_POOL_LIMITS, PINPOOL_A_POOL_WATERMARKS };
	unsigned int type;
	enum kind kind;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(named); i++) {
		for (j = 0; j < ARRAY_LEN(nests); j++) {
			if (nests[j] && !takes(named[i].cmd, named[i].dump, 0, nests[j], &kind))
				continue;
			for (type = 0; type <= TYPES; type++) {
				if (takes(named[i].cmd, named[i].dump, nests[j], type, &kind))
					continue;
				/* The largest that there can be */
				EXPECT_EQ(-EINVAL,
					  send_attr(&self->nl, named[i].cmd, named[i].dump,
						    nests[j], type == TYPES ? NLA_TYPE_MASK : type,
						    4, "abc")) {
					TH_LOG("command %u, attribute %u in %u", named[i].cmd,
					       type, nests[j]);
				}
			}
		}
	}
}

/* What the kernel says of a command: which policy it has, and what is in the policies */
struct policies {
	bool dump;
	int first;
	struct {
		unsigned int type;
		unsigned int nested;
	} at[16][TYPES];
};

static void keep_policy(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS], *values[NL_ATTRS], *ops[NL_ATTRS];
	const struct nlattr *policy, *attr, *op;
	struct policies *policies = data;

	nl_attrs(msg, attrs);
	if (attrs[CTRL_ATTR_OP_POLICY]) {
		op = mnl_attr_get_payload(attrs[CTRL_ATTR_OP_POLICY]);
		nl_nest(op, ops);
		op = ops[policies->dump ? CTRL_ATTR_POLICY_DUMP : CTRL_ATTR_POLICY_DO];
		policies->first = op ? (int)nl_u32(op) : -1;
	}
	if (!attrs[CTRL_ATTR_POLICY])
		return;
	mnl_attr_for_each_nested(policy, attrs[CTRL_ATTR_POLICY]) {
		mnl_attr_for_each_nested(attr, policy) {
			unsigned int index = mnl_attr_get_type(policy);
			unsigned int type = mnl_attr_get_type(attr);

			if (index >= ARRAY_LEN(policies->at) || type >= TYPES)
				continue;
			nl_nest(attr, values);
			policies->at[index][type].type = nl_u32(values[NL_POLICY_TYPE_ATTR_TYPE]);
			policies->at[index][type].nested =
				nl_u32(values[NL_POLICY_TYPE_ATTR_POLICY_IDX]);
		}
	}
}

static bool is_kind(unsigned int type, enum kind kind)
{
	switch (kind) {
	case KIND_U32:
		return type == NL_ATTR_TYPE_U32 || type == NL_ATTR_TYPE_S32;
	case KIND_U64:
		return type == NL_ATTR_TYPE_U64;
	case KIND_STRING:
		return type == NL_ATTR_TYPE_NUL_STRING;
	case KIND_FLAG:
		return type == NL_ATTR_TYPE_FLAG;
	default:
		return type == NL_ATTR_TYPE_NESTED;
	}
}

/* So nothing that it takes is left out above. */
TEST_F(bad, the_kernel_takes_nothing_else)
{
	struct policies *policies = calloc(1, sizeof(*policies));
	unsigned int type, inner, nested, nr = 0;
	struct nlmsghdr *msg;
	enum kind kind;
	size_t i;

	for (i = 0; i < ARRAY_LEN(named); i++) {
		uint8_t cmd = named[i].cmd;

		memset(policies, 0, sizeof(*policies));
		policies->dump = named[i].dump;
		policies->first = -1;
		msg = nl_message(&self->nl, GENL_ID_CTRL, CTRL_CMD_GETPOLICY, NLM_F_DUMP);
		mnl_attr_put_u16(msg, CTRL_ATTR_FAMILY_ID, self->nl.family);
		mnl_attr_put_u32(msg, CTRL_ATTR_OP, cmd);
		ASSERT_EQ(0, nl_talk(&self->nl, msg, keep_policy, policies));
		ASSERT_LE(0, policies->first);
		ASSERT_GT(ARRAY_LEN(policies->at), policies->first);
		for (type = 1; type < TYPES; type++) {
			unsigned int has = policies->at[policies->first][type].type;

			if (!has)
				continue;
			nr++;
			ASSERT_TRUE(takes(cmd, named[i].dump, 0, type, &kind)) {
				TH_LOG("command %u takes attribute %u", cmd, type);
			}
			EXPECT_TRUE(is_kind(has, kind));
			if (has != NL_ATTR_TYPE_NESTED)
				continue;
			nested = policies->at[policies->first][type].nested;
			ASSERT_GT(ARRAY_LEN(policies->at), nested);
			for (inner = 1; inner < TYPES; inner++) {
				has = policies->at[nested][inner].type;
				if (!has)
					continue;
				nr++;
				ASSERT_TRUE(takes(cmd, named[i].dump, type, inner, &kind)) {
					TH_LOG("command %u takes %u in %u", cmd, inner, type);
				}
				EXPECT_TRUE(is_kind(has, kind));
			}
		}
	}
	EXPECT_EQ(ARRAY_LEN(taken), nr);
	free(policies);
}

/* What there are commands for is all that is tried above. */
static void count_commands(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attrs[NL_ATTRS], *op[NL_ATTRS];
	unsigned int *nr = data, flags;
	const struct nlattr *nest;

	nl_attrs(msg, attrs);
	if (!attrs[CTRL_ATTR_OPS])
		return;
	mnl_attr_for_each_nested(nest, attrs[CTRL_ATTR_OPS]) {
		nl_nest(nest, op);
		flags = nl_u32(op[CTRL_ATTR_OP_FLAGS]);
		*nr += !!(flags & GENL_CMD_CAP_DO) + !!(flags & GENL_CMD_CAP_DUMP);
	}
}

TEST_F(bad, the_kernel_has_no_other_command)
{
	struct nlmsghdr *msg = nl_message(&self->nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	unsigned int nr = 0;

	mnl_attr_put_strz(msg, CTRL_ATTR_FAMILY_NAME, PINPOOL_FAMILY_NAME);
	ASSERT_EQ(0, nl_talk(&self->nl, msg, count_commands, &nr));
	EXPECT_EQ(ARRAY_LEN(named), nr);
}

static const uint16_t nests[] = { PINPOOL_A_POOL_LIMITS, PINPOOL_A_POOL_WATERMARKS };

TEST_F(bad, nests)
{
	struct nlmsghdr *msg;
	struct nlattr *nest;
	size_t i;

	for (i = 0; i < ARRAY_LEN(nests); i++) {
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

/* What fits no pool as a whole: the attribute is told that is wrong, or missing. */
TEST_F(bad, backings_of_new_pools)
{
#define IS(backing, err, type, len, value)	\
	{ PINPOOL_BACKING_##backing, err, PINPOOL_A_POOL_##type, PINPOOL_A_POOL_##type, len, \
	  value, NULL }
#define LACKS(backing, missing, type, len)	\
	{ PINPOOL_BACKING_##backing, -EINVAL, PINPOOL_A_POOL_##missing, PINPOOL_A_POOL_##type, \
	  len, 0, NULL }
#define REGION(backing, err, name)		\
	{ PINPOOL_BACKING_##backing, err, PINPOOL_A_POOL_REGION, PINPOOL_A_POOL_REGION, \
	  sizeof(name), 0, name }
	static const struct {
		uint32_t backing;
		int err;
		uint16_t told;
		uint16_t type;
		size_t len;
		uint64_t value;
		const char *text;
	} values[] = {
		IS(PAGES, -EINVAL, BASE, 8, 4096),
		IS(PAGES, -EINVAL, ALIGN, 8, 4096),
		REGION(PAGES, -EINVAL, "here"),
		IS(PAGES, -EINVAL, KEEP, 0, 0),
		IS(PAGES, -EINVAL, TELL_BUS, 0, 0),
		IS(PAGES, -EINVAL, FD, 4, 0),
		IS(CONTIG, -EINVAL, ALIGN, 8, 3),
		IS(CONTIG, -EINVAL, ALIGN, 8, 0),
		IS(CONTIG, -EINVAL, ALIGN, 8, 1ULL << 31),
		LACKS(RESERVED, BASE, KEEP, 0),
		IS(RESERVED, -EINVAL, BASE, 8, 4096),
		IS(RESERVED, -EBUSY, BASE, 8, 16 * MIB),
		REGION(RESERVED, -ENOENT, "nowhere"),
		IS(NONE, -EINVAL, NODE, 4, 0),
		LACKS(DMABUF, FD, ZERO, 4),
		IS(DMABUF, -EBADF, FD, 4, 1U << 31),
		IS(DMABUF, -EBADF, FD, 4, 999999),
		IS(DMABUF, -EINVAL, FD, 4, 0),
		LACKS(USER, BACKING, ZERO, 4),
		IS(NONE, -EINVAL, BASE, 8, -MIB),
		IS(NONE, -EINVAL, CAPACITY, 8, 1ULL << 63),
	};
	struct nlmsghdr *msg;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		msg = new_pool(&self->nl, NEW);
		/* Which also keeps what the kernel uses from being taken */
		if (values[i].type != PINPOOL_A_POOL_CAPACITY)
			mnl_attr_put_u64(msg, PINPOOL_A_POOL_CAPACITY, 2 * MIB);
		mnl_attr_put_u32(msg, PINPOOL_A_POOL_BACKING, values[i].backing);
		if (values[i].text)
			mnl_attr_put(msg, values[i].type, values[i].len, values[i].text);
		else
			mnl_attr_put(msg, values[i].type, values[i].len, &values[i].value);
		err = send_bad(&self->nl, msg, values[i].told);
		/* Debian's kernel for arm64 can't have pages of any range. */
		if (err == -EOPNOTSUPP && strstr(self->nl.error, "without ZONE_DEVICE"))
			continue;
		EXPECT_EQ(values[i].err, err) {
			TH_LOG("value %zu", i);
		}
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
	if (access("/proc/self/ns/net", F_OK))
		SKIP(return, "no network namespaces");
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
TEST_F(bad, anything)
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
