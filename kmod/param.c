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
#include <linux/string.h>

static char *pools = "default:64M";
module_param(pools, charp, 0444);
MODULE_PARM_DESC(pools,
		 "Pools to make: <name>:<size>[:<option>...][,...] with options granule=<size>, mode=<octal>, node=<number>, zero=owner|always|never; sizes take K, M, G, T (default \"default:64M\")");

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

static int __init parse_option(struct pinpool_config *config, const char *key,
			       const char *value)
{
	u16 mode;
	int i;

	if (!strcmp(key, "granule")) {
		if (parse_size(value, &config->granule) ||
		    !pinpool_config_granule_valid(config->granule)) {
			pr_err("pool '%s': granule=%s is not a power of two of at least %lu\n",
			       config->name, value, PAGE_SIZE);
			return -EINVAL;
		}
		return 0;
	}
	if (!strcmp(key, "mode")) {
		if (kstrtou16(value, 8, &mode) || !pinpool_config_mode_valid(mode)) {
			pr_err("pool '%s': mode=%s is no octal mode like 0600 or 0666\n",
			       config->name, value);
			return -EINVAL;
		}
		config->mode = mode;
		return 0;
	}
	if (!strcmp(key, "node")) {
		if (kstrtoint(value, 10, &config->node) ||
		    !pinpool_config_node_valid(config->node)) {
			pr_err("pool '%s': node=%s is not an online NUMA node\n",
			       config->name, value);
			return -EINVAL;
		}
		return 0;
	}
	if (!strcmp(key, "zero")) {
		i = match_string(pinpool_zero_names, ARRAY_SIZE(pinpool_zero_names), value);
		if (i < 0) {
			pr_err("pool '%s': zero=%s is none of owner, always, never\n",
			       config->name, value);
			return -EINVAL;
		}
		config->zero = i;
		return 0;
	}
	pr_err("pool '%s': unknown option '%s'; there are granule=, mode=, node= and zero=\n",
	       config->name, key);
	return -EINVAL;
}

/* Takes @spec apart in place. */
static int __init parse_pool(char *spec, struct pinpool_config *config)
{
	char *name = strsep(&spec, ":");
	char *size = strsep(&spec, ":");
	char *option;
	int err;

	if (!pinpool_config_name_valid(name)) {
		pr_err("'%s' is no name for a pool: up to %d letters, digits, '-', '_' and '.', a letter or digit first\n",
		       name, PINPOOL_NAME_SIZE - 1);
		return -EINVAL;
	}
	pinpool_config_init(config);
	strscpy(config->name, name, sizeof(config->name));
	if (!size || parse_size(size, &config->capacity) || !config->capacity) {
		pr_err("pool '%s': '%s' is no size; write it like %s:64M\n",
		       name, size ?: "", name);
		return -EINVAL;
	}
	while ((option = strsep(&spec, ":"))) {
		char *key = strsep(&option, "=");

		err = parse_option(config, key, option ?: "");
		if (err)
			return err;
	}
	if (!IS_ALIGNED(config->capacity, config->granule)) {
		pr_err("pool '%s': size %s is not a multiple of the granule of %llu bytes\n",
		       name, size, config->granule);
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
	struct pinpool_config config;
	char *copy, *rest, *spec;
	int err = 0;

	copy = kstrdup(pools, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = *copy ? copy : NULL;
	while (!err && (spec = strsep(&rest, ","))) {
		err = parse_pool(spec, &config);
		if (!err)
			err = pinpool_registry_create(&config);
	}
	kfree(copy);
	/* To insmod and modprobe EEXIST means that the module is there already. */
	return err == -EEXIST ? -EINVAL : err;
}
