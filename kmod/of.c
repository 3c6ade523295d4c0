// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of the device tree
 *
 * A node compatible with "pinpool,pool" makes a pool of the memory that it refers to,
 * a child of /reserved-memory. doc/pinpool,pool.yaml is the binding. The pool is there
 * while the driver is bound to the node, unless somebody deletes it before.
 */
#include "pinpool.h"

#include <linux/device.h>
#include <linux/init.h>
#include <linux/math.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/string.h>

/* A number, if there is one. Returns 0 or a negative errno */
static int read_u32(struct device *dev, const char *property, u32 *value)
{
	int err = of_property_read_u32(dev->of_node, property, value);

	if (err && err != -EINVAL)
		return dev_err_probe(dev, err, "%s is not one cell\n", property);
	return 0;
}

static int read_name(struct device *dev, struct pinpool_config *config)
{
	const char *label;
	int err;

	err = of_property_read_string(dev->of_node, "label", &label);
	if (err == -EINVAL)
		snprintf(config->name, sizeof(config->name), "%pOFn", dev->of_node);
	else if (err || strscpy(config->name, label, sizeof(config->name)) < 0)
		return dev_err_probe(dev, -EINVAL, "label is not a string of up to %d characters\n",
				     PINPOOL_NAME_SIZE - 1);
	if (!pinpool_config_name_valid(config->name))
		return dev_err_probe(dev, -EINVAL, "'%s' is no name for a pool\n", config->name);
	return 0;
}

static int read_settings(struct device *dev, struct pinpool_config *config)
{
	u32 granule = config->granule, mode = config->mode;
	const char *zero = pinpool_zero_names[config->zero];
	int i, err;

	err = read_u32(dev, "pinpool,granule", &granule) ?: read_u32(dev, "pinpool,mode", &mode);
	if (err)
		return err;
	if (!pinpool_config_granule_valid(granule))
		return dev_err_probe(dev, -EINVAL,
				     "pinpool,granule is no power of two of at least a page\n");
	if (!pinpool_config_mode_valid(mode))
		return dev_err_probe(dev, -EINVAL, "pinpool,mode is none like 0600 or 0666\n");
	config->granule = granule;
	config->mode = mode;

	err = of_property_read_string(dev->of_node, "pinpool,zero", &zero);
	i = match_string(pinpool_zero_names, ARRAY_SIZE(pinpool_zero_names), zero);
	if ((err && err != -EINVAL) || i < 0)
		return dev_err_probe(dev, -EINVAL,
				     "pinpool,zero is none of owner, always, never\n");
	config->zero = i;
	config->keep = of_property_read_bool(dev->of_node, "pinpool,keep");
	config->tell_bus = of_property_read_bool(dev->of_node, "pinpool,tell-bus");
	return 0;
}

static int read_region(struct device *dev, struct pinpool_config *config)
{
	const struct reserved_mem *memory;
	struct device_node *region;
	bool no_map;

	region = of_parse_phandle(dev->of_node, "memory-region", 0);
	if (!region)
		return dev_err_probe(dev, -EINVAL, "memory-region is missing, or leads nowhere\n");
	memory = of_reserved_mem_lookup(region);
	no_map = of_property_read_bool(region, "no-map");
	of_node_put(region);
	if (!memory)
		return dev_err_probe(dev, -ENODEV,
				     "memory-region is none that was reserved: a child of /reserved-memory\n");
	if (no_map)
		return dev_err_probe(dev, -EOPNOTSUPP,
				     "memory-region has no-map, so that there are no pages that could be pinned\n");
	if (memory->ops)
		return dev_err_probe(dev, -EBUSY, "memory-region is another driver's\n");
	config->mapped = true;
	config->base = memory->base;
	config->capacity = round_down(memory->size, config->granule);
	if (!config->capacity)
		return dev_err_probe(dev, -EINVAL, "memory-region is less than a granule\n");
	return 0;
}

static void delete_pool(void *data)
{
	struct pinpool_pool *pool = data;

	/* Somebody may have been before us. */
	pinpool_registry_delete(pool, true);
	put_device(&pool->dev);
}

static int pinpool_of_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct pinpool_settings settings = { };
	struct pinpool_config config;
	struct pinpool_pool *pool;
	const char *why;
	int err;

	pinpool_config_init(&config);
	config.backing = PINPOOL_BACKING_RESERVED;
	err = read_name(dev, &config) ?: read_settings(dev, &config) ?: read_region(dev, &config);
	if (err)
		return err;
	why = pinpool_config_check(&config).why;
	if (why)
		return dev_err_probe(dev, -EINVAL, "%s\n", why);
	pool = pinpool_registry_add(&config, &settings, &why);
	if (IS_ERR(pool))
		return dev_err_probe(dev, PTR_ERR(pool), "pool '%s' can't be made%s%s\n",
				     config.name, why ? ": " : "", why ?: "");
	return devm_add_action_or_reset(dev, delete_pool, pool);
}

static const struct of_device_id pinpool_of_match[] = {
	{ .compatible = "pinpool,pool" },
	{ }
};
MODULE_DEVICE_TABLE(of, pinpool_of_match);

static struct platform_driver pinpool_of_driver = {
	.probe = pinpool_of_probe,
	.driver = {
		/* Not that of any device of ours, to which it would be bound for that */
		.name = "pinpool-of",
		.of_match_table = pinpool_of_match,
	},
};

/**
 * pinpool_of_init() - Make the pools of the device tree
 *
 * A node that is wrong makes no pool, and says so in the log; the others do.
 *
 * Context: Module load, may sleep, and for long.
 * Return: 0 or a negative errno
 */
int __init pinpool_of_init(void)
{
	return platform_driver_register(&pinpool_of_driver);
}

/**
 * pinpool_of_exit() - Delete the pools that pinpool_of_init() made
 *
 * Context: May sleep.
 */
void pinpool_of_exit(void)
{
	platform_driver_unregister(&pinpool_of_driver);
}
