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
	KIND_ADDRESS,
	KIND_FD,
	KIND_REGION,
	KIND_FLAG,	/* Has no value */
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
	{ "base", KIND_ADDRESS, true, PINPOOL_CTL_HAS_BASE, 0, POOL(base), 0 },
	{ "align", KIND_SIZE, true, PINPOOL_CTL_HAS_ALIGN, 0, POOL(align), 0 },
	{ "region", KIND_REGION, true, PINPOOL_CTL_HAS_REGION, 0, POOL(region), 0 },
	{ "keep", KIND_FLAG, true, PINPOOL_CTL_HAS_KEEP, 0, POOL(keep), 0 },
	{ "tell-bus", KIND_FLAG, true, PINPOOL_CTL_HAS_TELL_BUS, 0, POOL(tell_bus), 0 },
	{ "fd", KIND_FD, true, PINPOOL_CTL_HAS_FD, 0, POOL(fd), 0 },
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
		[KIND_BACKING] = "one of pages, contig, cma, reserved, dmabuf and none",
		[KIND_NODE] = "the number of a NUMA node, or any",
		[KIND_MODE] = "an octal mode, such as 0660",
		[KIND_ADDRESS] = "an address, such as 0x100000000 or 4G",
		[KIND_FD] = "the number of an open file descriptor",
		[KIND_REGION] = "the name of a region, at most 63 characters",
		[KIND_FLAG] = "a word alone",
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

static int region_read(const char *value, struct pinpool_ctl_pool *pool)
{
	if (!*value || strlen(value) >= sizeof(pool->region))
		return -EINVAL;
	strcpy(pool->region, value);
	pool->has |= PINPOOL_CTL_HAS_REGION;
	return 0;
}

static int address_read(const char *value, uint64_t *address)
{
	char *end;

	if (strncmp(value, "0x", 2) && strncmp(value, "0X", 2))
		return parse_size(value, address);
	errno = 0;
	*address = strtoull(value, &end, 16);
	return *end || !value[2] ? -EINVAL : -errno;
}

static int number_read(enum kind kind, const char *value, uint64_t *number)
{
	if (kind == KIND_ADDRESS)
		return address_read(value, number);
	if (kind == KIND_SIZE || !strcmp(value, "none"))
		return size_read(value, number);
	return parse_number(value, number);
}

static int fd_read(const char *value, uint32_t *fd)
{
	uint64_t number;
	int ret;

	ret = parse_number(value, &number);
	*fd = number;
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
	static const char *const backings[] = {
		[PINPOOL_BACKING_PAGES] = "pages",
		[PINPOOL_BACKING_CONTIG] = "contig",
		[PINPOOL_BACKING_RESERVED] = "reserved",
		[PINPOOL_BACKING_USER] = "user",
		[PINPOOL_BACKING_DMABUF] = "dmabuf",
		[PINPOOL_BACKING_NONE] = "none",
		[PINPOOL_BACKING_CMA] = "cma",
	};
	uint64_t number = 0;
	uint32_t small = 0;
	int ret;

	switch (s->kind) {
	case KIND_SIZE:
	case KIND_NUMBER:
	case KIND_ADDRESS:
		ret = number_read(s->kind, value, &number);
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
	case KIND_FD:
		ret = fd_read(value, &small);
		break;
	case KIND_REGION:
		return region_read(value, pool);
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

/* A word that says it all */
static int flag_read(const struct setting *s, bool has_value, struct pinpool_ctl_pool *pool)
{
	if (has_value)
		return usage_error("%s has no value: the word alone does it", s->name);
	*((bool *)((char *)pool + s->offset)) = true;
	pool->has |= s->has;
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
		if (!ret && s->kind == KIND_FLAG) {
			ret = flag_read(s, (*words)[length], pool);
			if (!ret)
				continue;
		}
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
