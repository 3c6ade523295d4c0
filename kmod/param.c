// SPDX-License-Identifier: GPL-2.0
/*
 * The module parameter that makes pools at load
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"

#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/string.h>

static char *pools = "default:64M";
module_param(pools, charp, 0444);
MODULE_PARM_DESC(pools,
		 "Pools to make: <name>:<size>[:<option>...][,...] with options granule=<size>, mode=<octal>, node=<number>, zero=owner|always|never, backing=pages|contig|cma|reserved|none, base=<address>, align=<size>, region=<name>, keep, tell-bus, limits client-bytes=, client-buffers=, client-shares=, uid-bytes=, uid-buffers=, and watermarks low=<size>, high=<size>; sizes take K, M, G, T (default \"default:64M\")");

/* A number with an optional K, M, G or T. memparse() would wrap silently. */
static int __init parse_size(const char *arg, u64 *size)
{
	static const char suffixes[] = "kmgt";
	size_t len = strlen(arg);
	unsigned int shift = 0;
	char digits[24];
	const char *suffix;
	u64 value;
	int err;

	if (!len)
		return -EINVAL;
	suffix = strchr(suffixes, tolower(arg[len - 1]));
	if (suffix) {
		shift = 10 * (suffix - suffixes + 1);
		len--;
	}
	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, arg, len);
	digits[len] = '\0';
	err = kstrtou64(digits, 0, &value);
	if (err)
		return err;
	return check_shl_overflow(value, shift, size) ? -ERANGE : 0;
}

/* What may be changed later; uapi/netlink/pinpool.yaml has the same names for it */
struct size_key {
	const char *key;
	size_t field;
};

static const struct size_key sizes[] __initconst = {
	{ "client-bytes", offsetof(struct pinpool_settings, limits.client_bytes) },
	{ "client-buffers", offsetof(struct pinpool_settings, limits.client_buffers) },
	{ "client-shares", offsetof(struct pinpool_settings, limits.client_shares) },
	{ "uid-bytes", offsetof(struct pinpool_settings, limits.uid_bytes) },
	{ "uid-buffers", offsetof(struct pinpool_settings, limits.uid_buffers) },
	{ "low", offsetof(struct pinpool_settings, watermarks.low) },
	{ "high", offsetof(struct pinpool_settings, watermarks.high) },
};

/* Returns 1 if it was one of those */
static int __init parse_setting(const char *name, struct pinpool_settings *settings,
				const char *key, const char *value)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (strcmp(key, sizes[i].key))
			continue;
		if (!parse_size(value, (u64 *)((char *)settings + sizes[i].field)))
			return 1;
		pr_err("pool '%s': %s=%s is no number and no size\n", name, key, value);
		return -EINVAL;
	}
	return 0;
}

static int __init parse_granule(struct pinpool_config *config, const char *value)
{
	return parse_size(value, &config->granule) ?:
	       pinpool_config_granule_valid(config->granule) ? 0 : -EINVAL;
}

static int __init parse_mode(struct pinpool_config *config, const char *value)
{
	return kstrtou16(value, 8, &config->mode) ?:
	       pinpool_config_mode_valid(config->mode) ? 0 : -EINVAL;
}

static int __init parse_node(struct pinpool_config *config, const char *value)
{
	return kstrtoint(value, 10, &config->node) ?:
	       pinpool_config_node_valid(config->node) ? 0 : -EINVAL;
}

static int __init parse_zero(struct pinpool_config *config, const char *value)
{
	int i = match_string(pinpool_zero_names, ARRAY_SIZE(pinpool_zero_names), value);

	config->zero = i;
	return min(i, 0);
}

static int __init parse_backing(struct pinpool_config *config, const char *value)
{
	const struct pinpool_backing_ops *backing = pinpool_backing_find(value);

	if (!backing)
		return -EINVAL;
	config->backing = backing->id;
	return 0;
}

static int __init parse_base(struct pinpool_config *config, const char *value)
{
	return parse_size(value, &config->base);
}

static int __init parse_align(struct pinpool_config *config, const char *value)
{
	return parse_size(value, &config->align) ?: is_power_of_2(config->align) ? 0 : -EINVAL;
}

static int __init parse_region(struct pinpool_config *config, const char *value)
{
	return *value && strscpy(config->region, value, sizeof(config->region)) > 0 ?
	       0 : -EINVAL;
}

static int __init parse_keep(struct pinpool_config *config, const char *value)
{
	config->keep = true;
	return *value ? -EINVAL : 0;
}

static int __init parse_tell_bus(struct pinpool_config *config, const char *value)
{
	config->tell_bus = true;
	return *value ? -EINVAL : 0;
}

struct option {
	const char *key;
	const char *wanted;
	int (*parse)(struct pinpool_config *config, const char *value);
};

static const struct option options[] __initconst = {
	{ "granule", "a power of two of at least a page", parse_granule },
	{ "mode", "an octal mode like 0600 or 0666", parse_mode },
	{ "node", "an online NUMA node", parse_node },
	{ "zero", "one of owner, always, never", parse_zero },
	{ "backing", "a backing that this kernel can have", parse_backing },
	{ "base", "an address", parse_base },
	{ "align", "a power of two", parse_align },
	{ "region", "a name of up to " __stringify(PINPOOL_MAX_REGION) " letters", parse_region },
	{ "keep", "without a value", parse_keep },
	{ "tell-bus", "without a value", parse_tell_bus },
};

static int __init parse_option(struct pinpool_config *config,
			       struct pinpool_settings *settings, const char *key,
			       const char *value)
{
	int i;

	i = parse_setting(config->name, settings, key, value);
	if (i)
		return min(i, 0);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(key, options[i].key))
			continue;
		if (!options[i].parse(config, value))
			return 0;
		pr_err("pool '%s': %s=%s is not %s\n", config->name, key, value,
		       options[i].wanted);
		return -EINVAL;
	}
	pr_err("pool '%s': unknown option '%s'; there are granule=, mode=, node=, zero=, backing=, base=, align=, region=, keep, tell-bus, client-bytes=, client-buffers=, client-shares=, uid-bytes=, uid-buffers=, low= and high=\n",
	       config->name, key);
	return -EINVAL;
}

/* Takes @spec apart in place. */
static int __init parse_pool(char *spec, struct pinpool_config *config,
			     struct pinpool_settings *settings)
{
	char *name = strsep(&spec, ":");
	char *size = strsep(&spec, ":");
	const char *why;
	char *option;
	int err;

	if (!pinpool_config_name_valid(name)) {
		pr_err("'%s' is no name for a pool: up to %d letters, digits, '-', '_' and '.', a letter or digit first\n",
		       name, PINPOOL_NAME_SIZE - 1);
		return -EINVAL;
	}
	pinpool_config_init(config);
	*settings = (struct pinpool_settings) { };
	strscpy(config->name, name, sizeof(config->name));
	if (!size || parse_size(size, &config->capacity) || !config->capacity) {
		pr_err("pool '%s': '%s' is no size; write it like %s:64M\n",
		       name, size ?: "", name);
		return -EINVAL;
	}
	while ((option = strsep(&spec, ":"))) {
		char *key = strsep(&option, "=");

		err = parse_option(config, settings, key, option ?: "");
		if (err)
			return err;
	}
	if (!IS_ALIGNED(config->capacity, config->granule)) {
		pr_err("pool '%s': size %s is not a multiple of the granule of %llu bytes\n",
		       name, size, config->granule);
		return -EINVAL;
	}
	why = pinpool_config_check(config).why;
	if (why) {
		pr_err("pool '%s': %s\n", name, why);
		return -EINVAL;
	}
	if (settings->watermarks.high > config->capacity ||
	    settings->watermarks.low > settings->watermarks.high) {
		pr_err("pool '%s': low=%llu, high=%llu: watermarks go from low to high, and no further than the pool\n",
		       name, settings->watermarks.low, settings->watermarks.high);
		return -EINVAL;
	}
	return 0;
}

/**
 * pinpool_param_create_pools() - Make the pools that the parameter asks for
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno, told in the log; pools made before an error are
 *         left for the caller to destroy
 */
int __init pinpool_param_create_pools(void)
{
	struct pinpool_settings settings;
	struct pinpool_config config;
	char *copy, *rest, *spec;
	int err = 0;

	copy = kstrdup(pools, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = *copy ? copy : NULL;
	while (!err && (spec = strsep(&rest, ","))) {
		err = parse_pool(spec, &config, &settings);
		if (!err)
			err = pinpool_registry_create(&config, &settings);
	}
	kfree(copy);
	/* To insmod and modprobe EEXIST means that the module is there already. */
	return err == -EEXIST ? -EINVAL : err;
}
