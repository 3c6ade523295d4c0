// SPDX-License-Identifier: GPL-2.0
/*
 * Finding pools and reading what they tell
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pinpool.h"
#include "pools.h"
#include "text.h"

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/*
 * The names of all pools, sorted, with NULL behind the last. No directory means
 * no pools. Returns 0 or a negative errno.
 */
int pools_names(char ***names)
{
	struct dirent **entries = NULL;
	int i, count;

	count = scandir(PINPOOL_DIR, &entries, not_hidden, alphasort);
	if (count < 0 && errno != ENOENT)
		return -errno;
	if (count < 0)
		count = 0;

	*names = calloc(count + 1, sizeof(**names));
	for (i = 0; i < count; i++) {
		if (*names)
			(*names)[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return *names ? 0 : -ENOMEM;
}

void pools_names_free(char **names)
{
	char **name;

	for (name = names; *name; name++)
		free(*name);
	free(names);
}

void pools_print_none(void)
{
	puts(access("/sys/module/pinpool", F_OK) ?
	     "No pools. `modprobe pinpool pools=kv:64M` loads the module and makes one." :
	     "No pools. `pinpool add kv 64M` makes one.");
}

/* Open @pool, by name or path, and ask it. Returns 0 or a negative errno */
int pools_read(const char *pool, struct pool_state *state)
{
	struct pinpool *p;
	int ret;

	ret = pinpool_open(pool, PINPOOL_RDONLY | PINPOOL_NO_WINDOW, &p);
	if (ret)
		return ret;
	ret = pinpool_info(p, &state->info, sizeof(state->info));
	if (!ret)
		ret = pinpool_stats(p, &state->stats, sizeof(state->stats));
	if (!ret && state->stats.clients)
		state->stats.clients--;
	pinpool_close(p);
	return ret;
}

/* stat() the node of @pool, given by name or path */
int pools_stat(const char *pool, struct stat *st)
{
	char path[sizeof(PINPOOL_DIR) + PINPOOL_NAME_SIZE];

	if (strchr(pool, '/'))
		return stat(pool, st);
	snprintf(path, sizeof(path), "%s/%s", PINPOOL_DIR, pool);
	return stat(path, st);
}

void pools_owner(const struct stat *st, struct node_owner *owner)
{
	struct passwd *user = getpwuid(st->st_uid);
	struct group *group = getgrgid(st->st_gid);

	snprintf(owner->mode, sizeof(owner->mode), "%04o",
		 (unsigned int)st->st_mode & 07777);
	if (user)
		snprintf(owner->user, sizeof(owner->user), "%s", user->pw_name);
	else
		snprintf(owner->user, sizeof(owner->user), "%u", st->st_uid);
	if (group)
		snprintf(owner->group, sizeof(owner->group), "%s",
			 group->gr_name);
	else
		snprintf(owner->group, sizeof(owner->group), "%u", st->st_gid);
}

/* 0 when all free memory is in one extent; towards 1 the more it is scattered */
double stats_fragmentation(const struct pinpool_stats *stats)
{
	if (!stats->free)
		return 0;
	return 1 - (double)stats->largest_free / stats->free;
}

const char *backing_name(uint32_t backing)
{
	switch (backing) {
	case PINPOOL_BACKING_PAGES:
		return "pages";
	case PINPOOL_BACKING_CONTIG:
		return "contig";
	case PINPOOL_BACKING_RESERVED:
		return "reserved";
	case PINPOOL_BACKING_USER:
		return "user";
	case PINPOOL_BACKING_DMABUF:
		return "dmabuf";
	case PINPOOL_BACKING_NONE:
		return "none";
	case PINPOOL_BACKING_CMA:
		return "cma";
	default:
		return "unknown";
	}
}

/* In one word, for programs */
const char *longterm_name(uint32_t longterm)
{
	switch (longterm) {
	case PINPOOL_LONGTERM_YES:
		return "yes";
	case PINPOOL_LONGTERM_NO_MEMORY:
		return "no-memory";
	case PINPOOL_LONGTERM_NO_FOREIGN:
		return "no-foreign";
	case PINPOOL_LONGTERM_NO_MOVABLE:
		return "no-movable";
	default:
		return "unknown";
	}
}

/* Whether windows can be pinned for long, and why not */
const char *longterm_text(uint32_t longterm)
{
	switch (longterm) {
	case PINPOOL_LONGTERM_YES:
		return "yes";
	case PINPOOL_LONGTERM_NO_MEMORY:
		return "no, there is no memory";
	case PINPOOL_LONGTERM_NO_FOREIGN:
		return "no, nor short ones: the pages are not the pool's own";
	case PINPOOL_LONGTERM_NO_MOVABLE:
		return "no, nor short ones: the kernel wants to have the place back";
	default:
		return "unknown";
	}
}

/* As ranges: "0-3,7" */
static struct text nodes_text(uint64_t nodes)
{
	struct text text = { "" };
	unsigned int first, last = 0;
	size_t length = 0;

	while (last < 64 && nodes >> last) {
		first = last + __builtin_ctzll(nodes >> last);
		for (last = first; last < 63 && nodes >> (last + 1) & 1; last++)
			;
		length += snprintf(text.s + length, sizeof(text.s) - length, "%s%u",
				   length ? "," : "", first);
		if (last > first && length < sizeof(text.s))
			length += snprintf(text.s + length, sizeof(text.s) - length, "-%u",
					   last);
		if (length >= sizeof(text.s)) {
			strcpy(text.s + sizeof(text.s) - 4, "...");
			break;
		}
		last++;
	}
	return text;
}

/* "4, of 1.0 MiB to 4.0 MiB, on NUMA node 0" */
void chunks_print(const char *what, uint64_t chunks, uint64_t min, uint64_t max,
		  uint64_t nodes)
{
	printf("%s%s, of %s", what, text_number(chunks).s, text_size(min).s);
	if (max != min)
		printf(" to %s", text_size(max).s);
	if (nodes)
		printf(", on NUMA node%s %s", nodes & (nodes - 1) ? "s" : "",
		       nodes_text(nodes).s);
	putchar('\n');
}

const char *zero_name(uint32_t zero)
{
	switch (zero) {
	case PINPOOL_ZERO_OWNER:
		return "owner";
	case PINPOOL_ZERO_ALWAYS:
		return "always";
	case PINPOOL_ZERO_NEVER:
		return "never";
	default:
		return "unknown";
	}
}
