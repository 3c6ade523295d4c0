// SPDX-License-Identifier: GPL-2.0
/*
 * The settings of pools, as words: `granule 64K` or `granule=64K`
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "text.h"
#include "tool.h"

enum kind {
	KIND_SIZE,
	KIND_NUMBER,
	KIND_MARK,
	KIND_ZERO,
	KIND_BACKING,
	KIND_NODE,
	KIND_MODE,
};

#define POOL(member)	offsetof(struct pinpool_ctl_pool, member)

/**
 * struct setting - Something that is set
 * @name: What the user types
 * @kind: What its values are
 * @is_new: It can be set of new pools only
 * @has: Its bit
 * @has_percent: With KIND_MARK: its bit in percent
 * @offset: Where its value goes
 * @offset_percent: With KIND_MARK: where its value in percent goes
 */
struct setting {
	const char *name;
	enum kind kind;
	bool is_new;
	uint32_t has;
	uint32_t has_percent;
	size_t offset;
	size_t offset_percent;
};

static const struct setting settings[] = {
	{ "size", KIND_SIZE, false, PINPOOL_CTL_HAS_CAPACITY, 0, POOL(capacity), 0 },
	{ "granule", KIND_SIZE, true, PINPOOL_CTL_HAS_GRANULE, 0, POOL(granule), 0 },
	{ "backing", KIND_BACKING, true, PINPOOL_CTL_HAS_BACKING, 0, POOL(backing), 0 },
	{ "zero", KIND_ZERO, true, PINPOOL_CTL_HAS_ZERO, 0, POOL(zero), 0 },
	{ "node", KIND_NODE, true, PINPOOL_CTL_HAS_NODE, 0, POOL(node), 0 },
	{ "mode", KIND_MODE, true, PINPOOL_CTL_HAS_MODE, 0, POOL(mode), 0 },
	{ "client-bytes", KIND_SIZE, false, PINPOOL_CTL_HAS_CLIENT_BYTES, 0,
	  POOL(limits.client_bytes), 0 },
	{ "client-buffers", KIND_NUMBER, false, PINPOOL_CTL_HAS_CLIENT_BUFFERS, 0,
	  POOL(limits.client_buffers), 0 },
	{ "client-shares", KIND_NUMBER, false, PINPOOL_CTL_HAS_CLIENT_SHARES, 0,
	  POOL(limits.client_shares), 0 },
	{ "uid-bytes", KIND_SIZE, false, PINPOOL_CTL_HAS_UID_BYTES, 0,
	  POOL(limits.uid_bytes), 0 },
	{ "uid-buffers", KIND_NUMBER, false, PINPOOL_CTL_HAS_UID_BUFFERS, 0,
	  POOL(limits.uid_buffers), 0 },
	{ "low", KIND_MARK, false, PINPOOL_CTL_HAS_LOW, PINPOOL_CTL_HAS_LOW_PERCENT,
	  POOL(watermarks.low), POOL(watermarks.low_percent) },
	{ "high", KIND_MARK, false, PINPOOL_CTL_HAS_HIGH, PINPOOL_CTL_HAS_HIGH_PERCENT,
	  POOL(watermarks.high), POOL(watermarks.high_percent) },
};

static const struct setting *find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (strlen(settings[i].name) == length &&
		    !strncmp(settings[i].name, name, length))
			return &settings[i];
	/* What the kernel calls it */
	return length == 8 && !strncmp(name, "capacity", length) ? &settings[0] : NULL;
}

static const char *expected(enum kind kind)
{
	static const char *const texts[] = {
		[KIND_SIZE] = "a size in bytes, such as 64K",
		[KIND_NUMBER] = "a number",
		[KIND_MARK] = "a size in bytes, such as 64K, or a percentage, such as 80%",
		[KIND_ZERO] = "one of owner, always and never",
		[KIND_BACKING] = "pages",
		[KIND_NODE] = "the number of a NUMA node, or any",
		[KIND_MODE] = "an octal mode, such as 0660",
	};

	return texts[kind];
}

static void put_u64(struct pinpool_ctl_pool *pool, size_t offset, uint64_t value)
{
	memcpy((char *)pool + offset, &value, sizeof(value));
}

static void put_u32(struct pinpool_ctl_pool *pool, size_t offset, uint32_t value)
{
	memcpy((char *)pool + offset, &value, sizeof(value));
}

/* 0 switches off what can be switched off */
static int size_read(const char *value, uint64_t *bytes)
{
	if (strcmp(value, "none"))
		return parse_size(value, bytes);
	*bytes = 0;
	return 0;
}

static int mark_read(const struct setting *s, const char *value, struct pinpool_ctl_pool *pool)
{
	size_t length = strlen(value);
	unsigned long percent;
	uint64_t bytes;
	char *end;
	int ret;

	if (!length || value[length - 1] != '%') {
		ret = size_read(value, &bytes);
		put_u64(pool, s->offset, bytes);
		pool->has |= s->has;
		return ret;
	}
	if (*value < '0' || *value > '9')
		return -EINVAL;
	percent = strtoul(value, &end, 10);
	if (strcmp(end, "%"))
		return -EINVAL;
	if (percent > 100)
		return -ERANGE;
	put_u32(pool, s->offset_percent, percent);
	pool->has |= s->has_percent;
	return 0;
}

static int word_read(const char *value, const char *const *words, size_t count,
		     uint32_t *number)
{
	for (*number = 0; *number < count; (*number)++)
		if (!strcmp(value, words[*number]))
			return 0;
	return -EINVAL;
}

static int octal_read(const char *value, uint32_t *mode)
{
	unsigned long number;
	char *end;

	if (*value < '0' || *value > '7')
		return -EINVAL;
	number = strtoul(value, &end, 8);
	if (*end)
		return -EINVAL;
	*mode = number;
	return number > 0666 ? -ERANGE : 0;
}

static int node_read(const char *value, uint32_t *node)
{
	uint64_t number;
	int ret;

	*node = -1;
	if (!strcmp(value, "any") || !strcmp(value, "-1"))
		return 0;
	ret = parse_number(value, &number);
	*node = number;
	return !ret && number > INT32_MAX ? -ERANGE : ret;
}

/* Returns 0 or a negative errno */
static int value_read(const struct setting *s, const char *value, struct pinpool_ctl_pool *pool)
{
	static const char *const zeros[] = {
		[PINPOOL_ZERO_OWNER] = "owner",
		[PINPOOL_ZERO_ALWAYS] = "always",
		[PINPOOL_ZERO_NEVER] = "never",
	};
	static const char *const backings[] = { [PINPOOL_BACKING_PAGES] = "pages" };
	uint64_t number = 0;
	uint32_t small = 0;
	int ret;

	switch (s->kind) {
	case KIND_SIZE:
	case KIND_NUMBER:
		ret = s->kind == KIND_SIZE || !strcmp(value, "none") ?
			size_read(value, &number) : parse_number(value, &number);
		put_u64(pool, s->offset, number);
		pool->has |= s->has;
		return ret;
	case KIND_MARK:
		return mark_read(s, value, pool);
	case KIND_ZERO:
		ret = word_read(value, zeros, ARRAY_SIZE(zeros), &small);
		break;
	case KIND_BACKING:
		ret = word_read(value, backings, ARRAY_SIZE(backings), &small);
		break;
	case KIND_NODE:
		ret = node_read(value, &small);
		break;
	default:
		ret = octal_read(value, &small);
	}
	put_u32(pool, s->offset, small);
	pool->has |= s->has;
	return ret;
}

static int setting_check(const struct setting *s, const char *word,
			 const struct pinpool_ctl_pool *pool, bool is_new)
{
	if (!s)
		return usage_error("%s: no such setting; `pinpool %s --help` lists them", word,
				   is_new ? "add" : "set");
	if (s->is_new && !is_new)
		return usage_error("%s is settled when a pool is made", s->name);
	if (pool->has & (s->has | s->has_percent))
		return usage_error("%s is given twice", s->name);
	return 0;
}

/*
 * Read the settings in @words, which end in NULL, into @pool. Returns 0 or an exit
 * code.
 */
int settings_read(char **words, struct pinpool_ctl_pool *pool, bool is_new)
{
	const struct setting *s;
	const char *value;
	size_t length;
	int ret;

	for (; *words; words++) {
		length = strcspn(*words, "=");
		s = find(*words, length);
		ret = setting_check(s, *words, pool, is_new);
		if (ret)
			return ret;
		value = (*words)[length] ? *words + length + 1 : *++words;
		if (!value)
			return usage_error("%s needs a value: %s", s->name, expected(s->kind));
		ret = value_read(s, value, pool);
		if (ret == -ERANGE)
			return usage_error("%s: %s is out of range", s->name, value);
		if (ret)
			return usage_error("%s: %s is not %s", s->name, value,
					   expected(s->kind));
	}
	return 0;
}
