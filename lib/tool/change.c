// SPDX-License-Identifier: GPL-2.0
/*
 * pinpool add, set: make and change pools
 */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "text.h"
#include "tool.h"

typedef int change_fn(struct pinpool_ctl *ctl, struct pinpool_ctl_pool *pool, size_t size);

static int change(struct pinpool_ctl_pool *pool, const char *name, change_fn *fn)
{
	struct pinpool_ctl *ctl = control_open();
	int ret;

	if (!ctl)
		return TOOL_FAILED;
	ret = fn(ctl, pool, sizeof(*pool));
	if (ret)
		control_error(ctl, name, ret);
	else if (json_output)
		pool_json(NULL, pool);
	pinpool_ctl_close(ctl);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static int name_read(const char *name, struct pinpool_ctl_pool *pool)
{
	if (strlen(name) >= sizeof(pool->name))
		return usage_error("%s: a name has at most %d characters", name,
				   PINPOOL_MAX_NAME);
	strcpy(pool->name, name);
	return 0;
}

/*
 * `add kv 64M`, but also `add kv size 64M`, or where it pleases. Returns 0 or an exit
 * code.
 */
static int size_read(const char *word, struct pinpool_ctl_pool *pool)
{
	if (!word || *word < '0' || *word > '9')
		return 0;
	if (parse_size(word, &pool->capacity))
		return usage_error("%s is not a size in bytes, such as 64M", word);
	pool->has |= PINPOOL_CTL_HAS_CAPACITY;
	optind++;
	return 0;
}

static int add_run(int argc, char **argv)
{
	struct pinpool_ctl_pool pool = { 0 };
	const char *name;
	int ret;

	ret = tool_parse(argc, argv, 1, argc);
	if (ret)
		return ret;
	name = argv[optind++];
	ret = name_read(name, &pool);
	if (!ret)
		ret = size_read(argv[optind], &pool);
	if (!ret)
		ret = settings_read(argv + optind, &pool, true);
	if (!ret && !(pool.has & PINPOOL_CTL_HAS_CAPACITY))
		ret = usage_error("how large shall it be?");
	return ret ? ret : change(&pool, name, pinpool_ctl_pool_new);
}

static int set_run(int argc, char **argv)
{
	struct pinpool_ctl_pool pool = { 0 };
	const char *name;
	int ret;

	ret = tool_parse(argc, argv, 1, argc);
	if (ret)
		return ret;
	name = argv[optind++];
	ret = name_read(name, &pool);
	if (!ret && optind == argc)
		ret = usage_error("what shall be set?");
	if (!ret)
		ret = settings_read(argv + optind, &pool, false);
	return ret ? ret : change(&pool, name, pinpool_ctl_pool_set);
}

#define LIMITS_HELP \
	"client-bytes, uid-bytes <size>       what a client, or all clients of a user,\n" \
	"client-buffers, uid-buffers <n>      may have; none for no limit\n" \
	"client-shares <n>                    shares of a client that somebody has\n" \
	"low, high <size>|<percent>%          when events tell how full it is; none\n"

const struct command cmd_add = {
	.name = "add",
	.args = "<pool> <size> [<setting> <value>]...",
	.summary = "Make a pool",
	.help = "Settings may also be written <setting>=<value>; K, M, G and T are powers of\n"
		"1024. Prints nothing; with --json what was made. Until it is done, `pinpool\n"
		"monitor` tells how far it is.\n"
		"\n"
		"granule <size>                       the smallest extent, a power of two\n"
		"mode <octal>                         permissions of its node\n"
		"zero owner|always|never              when memory is zeroed\n"
		"node <n>|any                         the NUMA node of its memory\n"
		"backing pages|contig|cma|reserved|dmabuf|none  where its memory comes from\n"
		"align <size>                         contig: of its physical address\n"
		"base <address>                       reserved: where it begins; none: what\n"
		"                                     offset 0 is called\n"
		"region <name>                        reserved: as in reserve_mem= at boot\n"
		"keep                                 reserved: leave what is in it\n"
		"tell-bus                             contig, cma, reserved: have show tell\n"
		"                                     its address, to the privileged\n"
		"fd <n>                               dmabuf: a descriptor, `fd 3 3<&5`\n"
		LIMITS_HELP,
	.run = add_run,
};

const struct command cmd_set = {
	.name = "set",
	.args = "<pool> <setting> <value>...",
	.summary = "Change a pool",
	.help = "Settings may also be written <setting>=<value>; K, M, G and T are powers of\n"
		"1024. All are changed or none. Prints nothing; with --json the pool.\n"
		"\n"
		"size <size>                          its capacity\n"
		LIMITS_HELP,
	.run = set_run,
};
