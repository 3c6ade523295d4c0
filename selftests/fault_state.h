/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that can be told from outside of the pools and of who has them, as text, so that
 * what was can be compared with what is
 */
#ifndef PINPOOL_TEST_FAULT_STATE_H
#define PINPOOL_TEST_FAULT_STATE_H

#include "pinpool_test.h"
#include "netlink.h"

#include <dirent.h>
#include <stdarg.h>
#include <time.h>

/**
 * struct state - What was found
 * @length: Of @text
 * @allocs: Buffers made so far, which no failed call may count
 * @frees: Buffers freed so far
 * @text: Lines
 */
struct state {
	size_t length;
	uint64_t allocs;
	uint64_t frees;
	char text[262144];
};

struct env;

typedef void (*state_fn)(struct state *state, struct env *env);

static inline void __attribute__((format(printf, 2, 3)))
state_add(struct state *state, const char *format, ...)
{
	size_t room = sizeof(state->text) - state->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(state->text + state->length, room, format, args);
	va_end(args);
	/* Else two states would be alike that aren't. */
	if (length < 0 || (size_t)length >= room)
		abort();
	state->length += length;
}

/* How often something happened, which nothing takes back; and how the memory lies */
static inline bool state_ignores(uint16_t nest, uint16_t type)
{
	if (nest == PINPOOL_A_POOL_STATS)
		return type == PINPOOL_A_STATS_PEAK || type == PINPOOL_A_STATS_ALLOCS ||
		       type == PINPOOL_A_STATS_FREES || type == PINPOOL_A_STATS_FAILURES ||
		       type == PINPOOL_A_STATS_REFUSALS;
	return !nest && (type == PINPOOL_A_POOL_CHUNKS || type == PINPOOL_A_POOL_CHUNK_MIN ||
			 type == PINPOOL_A_POOL_CHUNK_MAX);
}

static inline void state_attr(struct state *state, const struct nlattr *attr)
{
	const unsigned char *bytes = mnl_attr_get_payload(attr);
	unsigned int i;

	state_add(state, " %u=", mnl_attr_get_type(attr));
	for (i = 0; i < mnl_attr_get_payload_len(attr); i++)
		state_add(state, "%02x", bytes[i]);
}

static inline void state_message(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attr, *inner;
	struct state *state = data;
	uint8_t cmd = nl_cmd(msg);
	bool is_pool = cmd == PINPOOL_NL_CMD_POOL_GET || cmd == PINPOOL_NL_CMD_STATS_GET;

	state_add(state, "netlink %u:", cmd);
	mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (!(attr->nla_type & NLA_F_NESTED)) {
			if (!is_pool || !state_ignores(0, type))
				state_attr(state, attr);
			continue;
		}
		mnl_attr_for_each_nested(inner, attr)
			if (!is_pool || !state_ignores(type, mnl_attr_get_type(inner)))
				state_attr(state, inner);
	}
	state_add(state, "\n");
}

/* What is asked for; @name: of a pool, as an attribute of type @type; or NULL */
static inline void state_netlink(struct state *state, struct nl *nl, uint8_t cmd, bool dump,
				 uint16_t type, const char *name)
{
	struct nlmsghdr *msg = dump ? nl_dump(nl, cmd) : nl_request(nl, cmd);
	int err;

	if (name)
		mnl_attr_put_strz(msg, type, name);
	err = nl_talk(nl, msg, state_message, state);
	if (err)
		state_add(state, "netlink %u: %s\n", cmd, strerror(-err));
}

/* The lines of a file that begin with @prefix */
static inline void state_lines(struct state *state, const char *path, const char *prefix)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file) {
		state_add(state, "%s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, prefix, strlen(prefix)))
			state_add(state, "%s: %s", path, line);
	fclose(file);
}

static inline int state_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static inline int state_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The names in a directory that have @part in them; and what is in the files, if asked */
static inline void state_directory(struct state *state, const char *path, const char *part,
				   bool read)
{
	static const char * const counters[] = { "allocs", "frees", "failures", "peak" };
	struct dirent **entries;
	char file[512];
	size_t c;
	int i, nr;

	nr = scandir(path, &entries, state_visible, state_by_name);
	if (nr < 0)
		state_add(state, "%s: %s\n", path, strerror(errno));
	for (i = 0; i < nr; i++) {
		const struct dirent *entry = entries[i];

		for (c = 0; c < ARRAY_LEN(counters); c++)
			if (read && !strcmp(entry->d_name, counters[c]))
				break;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (!read && strstr(entry->d_name, part))
			state_add(state, "%s\n", file);
		if (read && entry->d_type == DT_REG && c == ARRAY_LEN(counters))
			state_lines(state, file, "");
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

/* Of a pool and its clients, as root sees it; @fd: one of the clients, or -1 */
static inline void state_pool(struct state *state, struct nl *nl, const char *name, int fd)
{
	char path[128];

	state_netlink(state, nl, PINPOOL_NL_CMD_STATS_GET, false, PINPOOL_A_POOL_NAME, name);
	state_netlink(state, nl, PINPOOL_NL_CMD_BUFFER_GET, true, PINPOOL_A_BUFFER_POOL, name);
	snprintf(path, sizeof(path), "/sys/class/pinpool/%s", name);
	state_directory(state, path, "", true);
	state->allocs += nl_stat(nl, name, PINPOOL_A_STATS_ALLOCS);
	state->frees += nl_stat(nl, name, PINPOOL_A_STATS_FREES);
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	state_lines(state, path, "pinpool");
}

/* Of all pools, of the module, and of what this process has of them */
static inline void state_all(struct state *state, struct nl *nl)
{
	state_netlink(state, nl, PINPOOL_NL_CMD_POOL_GET, true, 0, NULL);
	state_netlink(state, nl, PINPOOL_NL_CMD_CLIENT_GET, true, 0, NULL);
	state_lines(state, "/sys/module/pinpool/refcnt", "");
	state_directory(state, "/dev/pinpool", "", false);
	state_directory(state, "/dev", "fault", false);
	state_directory(state, "/sys/class/pinpool", "", false);
	/* The directory itself is open now, as it will be then. */
	state_directory(state, "/proc/self/fd", "", false);
	state_lines(state, "/proc/self/status", "VmPin");
	state_lines(state, "/proc/self/status", "VmLck");
}

static inline void state_begin(struct state *state)
{
	state->length = 0;
	state->text[0] = '\0';
	state->allocs = 0;
	state->frees = 0;
}

static inline void state_tell_change(const struct state *a, const struct state *b)
{
	const char *was = a->text, *is = b->text;
	size_t i;

	while (*was && *was == *is) {
		was++;
		is++;
	}
	while (was > a->text && was[-1] != '\n') {
		was--;
		is--;
	}
	i = strcspn(was, "\n");
	fprintf(stderr, "# was: %.*s\n", (int)i, was);
	i = strcspn(is, "\n");
	fprintf(stderr, "# is:  %.*s\n", (int)i, is);
	fprintf(stderr, "# %llu allocs and %llu frees were, %llu and %llu are\n",
		(unsigned long long)a->allocs, (unsigned long long)a->frees,
		(unsigned long long)b->allocs, (unsigned long long)b->frees);
}

/*
 * Whether all is as it was, and with @exact nothing was counted either; else @was gets
 * what was counted. What ends some time after a call gets a few seconds: pins, and works
 * that let go of something.
 */
static inline bool state_settles(struct state *was, state_fn take, struct env *env,
				 bool exact)
{
	time_t end = time(NULL) + 10;
	static struct state now;

	for (;;) {
		take(&now, env);
		if (!strcmp(was->text, now.text) &&
		    now.allocs - now.frees == was->allocs - was->frees &&
		    (!exact || now.allocs == was->allocs)) {
			was->allocs = now.allocs;
			was->frees = now.frees;
			return true;
		}
		if (time(NULL) > end)
			break;
		usleep(5000);
	}
	state_tell_change(was, &now);
	return false;
}

#endif /* PINPOOL_TEST_FAULT_STATE_H */
