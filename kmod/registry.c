// SPDX-License-Identifier: GPL-2.0
/*
 * The registry: which pools there are, from their making to their deletion
 *
 *	making ----> published ----> dead ----> gone
 *	   \             ^
 *	    '--> ready --'
 *
 * A pool that is being made has its name, so that nobody else takes it, and no node;
 * it is whoever's who makes it. Those of the module's parameter are ready when they
 * are made, and are published all at once. A dead pool has neither name nor node. Its
 * clients and shares were taken from it, or it had none; its record stays for as long
 * as one of their files does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pinpool.h"
#include "compat.h"
#include "netlink.h"
#include "trace.h"

#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

static DEFINE_MUTEX(pools_lock);
static LIST_HEAD(pools);		/* by id; under pools_lock */
static bool closed;			/* no more pools; under pools_lock */
static u32 last_id;			/* under pools_lock */
static u32 changes = 1;			/* of the list and of what is in it; under pools_lock */
static DEFINE_IDA(minors);
static dev_t first_devt;
static atomic_t nr_pools;		/* whose records are not freed yet */

static char *pool_devnode(PINPOOL_DEVNODE_CONST struct device *dev, umode_t *mode,
			  kuid_t *uid, kgid_t *gid)
{
	const struct pinpool_pool *pool = container_of(dev, struct pinpool_pool, dev);

	if (mode)
		*mode = pool->config.mode;
	if (uid)
		*uid = pool->config.uid;
	/* Without it the node would lie in another place, and stay there. */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "pinpool/%s", dev_name(dev));
}

static struct class pool_class = {
	.name = "pinpool",
	.dev_groups = pinpool_sysfs_groups,
};

static const struct device_type pool_type = {
	.devnode = pool_devnode,
};

/* What a user makes by himself is counted for as long as there is a record of it. */
static int pool_charge(const struct pinpool_config *config)
{
	if (config->backing != PINPOOL_BACKING_USER)
		return 0;
	return pinpool_control_charge(config->uid);
}

static void pool_uncharge(const struct pinpool_config *config)
{
	if (config->backing == PINPOOL_BACKING_USER)
		pinpool_control_uncharge(config->uid);
}

static void pool_release(struct device *dev)
{
	struct pinpool_pool *pool = container_of(dev, struct pinpool_pool, dev);

	cancel_delayed_work_sync(&pool->event_work);
	pinpool_quarantine_exit(pool);
	/* It was never there for anybody, or somebody had pages pinned until now. */
	if (pool->backing && !pool->drained)
		pinpool_backing_destroy(pool);
	if (pool->oa)
		offset_alloc_destroy(pool->oa);
	kvfree(pool->oa);
	ida_free(&minors, MINOR(dev->devt));
	pool_uncharge(&pool->config);
	kfree(pool);
	if (atomic_dec_and_test(&nr_pools))
		wake_up_var(&nr_pools);
}

static int pool_link(struct pinpool_pool *pool)
{
	struct pinpool_pool *other;
	int err = 0;

	mutex_lock(&pools_lock);
	list_for_each_entry(other, &pools, link)
		if (!strcmp(other->config.name, pool->config.name))
			err = -EEXIST;
	if (closed)
		err = -ENODEV;
	if (!err) {
		pool->id = ++last_id;
		list_add_tail(&pool->link, &pools);
	}
	mutex_unlock(&pools_lock);
	return err;
}

static void pool_unlink(struct pinpool_pool *pool)
{
	mutex_lock(&pools_lock);
	list_del(&pool->link);
	changes++;
	mutex_unlock(&pools_lock);
}

static struct pinpool_pool *pool_new(const struct pinpool_config *config,
				     const struct pinpool_settings *settings)
{
	struct pinpool_pool *pool;
	int minor, err;

	err = pool_charge(config);
	if (err)
		return ERR_PTR(err);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool) {
		err = -ENOMEM;
		goto err_uncharge;
	}
	minor = ida_alloc_max(&minors, PINPOOL_MAX_POOLS - 1, GFP_KERNEL);
	if (minor < 0) {
		err = minor;
		goto err_free;
	}
	atomic_inc(&nr_pools);
	pool->config = *config;
	pool->granule_shift = ilog2(config->granule);
	mutex_init(&pool->set_lock);
	mutex_init(&pool->members_lock);
	mutex_init(&pool->seek_lock);
	INIT_LIST_HEAD(&pool->client_list);
	INIT_LIST_HEAD(&pool->share_list);
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->users);
	INIT_LIST_HEAD(&pool->waiters);
	init_waitqueue_head(&pool->poll_head);
	pinpool_quarantine_init(pool);
	pinpool_event_init(pool);
	pinpool_quota_set(pool, settings);
	cdev_init(&pool->cdev, &pinpool_client_fops);
	pool->cdev.owner = THIS_MODULE;

	device_initialize(&pool->dev);
	pool->dev.class = &pool_class;
	pool->dev.type = &pool_type;
	pool->dev.devt = MKDEV(MAJOR(first_devt), minor);
	pool->dev.release = pool_release;
	return pool;

err_free:
	kfree(pool);
err_uncharge:
	pool_uncharge(config);
	return ERR_PTR(err);
}

/* What an ALLOC with an alignment looks at under one lock */
#define ALIGN_SCAN	256

static int pool_fill(struct pinpool_pool *pool)
{
	struct offset_alloc_config config = {
		.capacity = pool->config.capacity >> pool->granule_shift,
		.max_capacity = pinpool_resize_max(&pool->config),
		/* Handles of one pool mean nothing to another. */
		.first_generation = get_random_u32(),
		.align_scan = ALIGN_SCAN,
	};
	struct offset_alloc *oa;
	int err;

	oa = kvzalloc(sizeof(*oa), GFP_KERNEL);
	if (!oa)
		return -ENOMEM;
	err = offset_alloc_init(oa, &config);
	if (err) {
		kvfree(oa);
		return err;
	}
	pool->oa = oa;
	return pinpool_backing_create(pool);
}

/*
 * All of a pool but its node. Takes the name for it from the very beginning. *@why: for
 * errors of which there is more to be said
 */
static struct pinpool_pool *pool_create(const struct pinpool_config *config,
					const struct pinpool_settings *settings,
					const char **why)
{
	struct pinpool_pool *pool;
	int err;

	pool = pool_new(config, settings);
	if (IS_ERR(pool))
		return pool;
	err = dev_set_name(&pool->dev, "%s", config->name);
	if (err)
		goto err_put;
	err = pool_link(pool);
	if (err)
		goto err_put;
	err = pool_fill(pool);
	if (err)
		goto err_unlink;
	return pool;

err_unlink:
	*why = pool->why;
	pool_unlink(pool);
err_put:
	put_device(&pool->dev);
	return ERR_PTR(err);
}

static int pool_add_node(struct pinpool_pool *pool)
{
	int err = pinpool_cgroup_register(pool);

	if (err)
		return err;
	err = cdev_device_add(&pool->cdev, &pool->dev);
	if (err)
		pinpool_cgroup_unregister(pool);
	return err;
}

/* Whoever finds the node finds the pool in the list. */
static int pool_publish(struct pinpool_pool *pool)
{
	int err;

	lockdep_assert_held(&pools_lock);
	/* At removal of the module nobody may be left who could open it. */
	err = closed ? -ENODEV : pool_add_node(pool);
	if (err) {
		pr_err("pool '%s': no node can be made: %pe\n", pool->config.name,
		       ERR_PTR(err));
		return err;
	}
	pool->state = PINPOOL_POOL_PUBLISHED;
	changes++;
	trace_pinpool_pool(pool, PINPOOL_TRACE_NEW);
	return 0;
}

/**
 * pinpool_registry_create() - Make a pool, but for its node
 * @config: What it shall be; checked by the caller
 * @settings: What of it may change later; checked by the caller
 *
 * Context: Module load, may sleep, and for long: gets the memory of the pool.
 * Return: 0 or a negative errno, told in the log
 */
int __init pinpool_registry_create(const struct pinpool_config *config,
				   const struct pinpool_settings *settings)
{
	struct pinpool_pool *pool;
	const char *why = NULL;

	pool = pool_create(config, settings, &why);
	if (IS_ERR(pool)) {
		pr_err("pool '%s': can't be made: %pe%s%s\n", config->name, pool,
		       why ? ": " : "", why ?: "");
		return PTR_ERR(pool);
	}
	mutex_lock(&pools_lock);
	pool->state = PINPOOL_POOL_READY;
	mutex_unlock(&pools_lock);
	return 0;
}

/**
 * pinpool_registry_add() - Make a pool, with its node
 * @config: What it shall be; checked by the caller
 * @settings: What of it may change later; checked by the caller
 * @why: Set to a constant if there is more to be said of an error
 *
 * Context: May sleep, and for long: gets the memory of the pool.
 * Return: The pool, with a reference that is the caller's, or an ERR_PTR
 */
struct pinpool_pool *pinpool_registry_add(const struct pinpool_config *config,
					  const struct pinpool_settings *settings,
					  const char **why)
{
	struct pinpool_pool *pool = pool_create(config, settings, why);
	int err;

	if (IS_ERR(pool))
		return pool;
	/* Nobody shall be told of its end before its beginning. */
	mutex_lock(&pool->set_lock);
	mutex_lock(&pools_lock);
	err = pool_publish(pool);
	if (!err)
		get_device(&pool->dev);
	mutex_unlock(&pools_lock);
	if (!err)
		pinpool_netlink_pool(pool, PINPOOL_NL_CMD_POOL_NEW_NTF);
	mutex_unlock(&pool->set_lock);
	if (err) {
		pool_unlink(pool);
		put_device(&pool->dev);
		return ERR_PTR(err);
	}
	return pool;
}

/**
 * pinpool_registry_publish_all() - Give the pools of the module's parameter their nodes
 *
 * The last step of loading the module: once a node is there somebody may have it
 * open, and the module would have to stay for them.
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno, told in the log
 */
int __init pinpool_registry_publish_all(void)
{
	struct pinpool_pool *pool;
	int err = 0;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, link) {
		/* The control plane is open already, and may have made others. */
		if (pool->state != PINPOOL_POOL_READY)
			continue;
		err = pool_publish(pool);
		if (err)
			break;
	}
	mutex_unlock(&pools_lock);
	return err;
}

/**
 * pinpool_registry_find() - Find a pool by its name
 * @name: The name
 *
 * Context: May sleep.
 * Return: The pool, with a reference that is the caller's, or NULL
 */
struct pinpool_pool *pinpool_registry_find(const char *name)
{
	struct pinpool_pool *found = NULL;
	struct pinpool_pool *pool;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, link)
		if (pool->state == PINPOOL_POOL_PUBLISHED &&
		    !strcmp(pool->config.name, name))
			found = pool;
	if (found)
		get_device(&found->dev);
	mutex_unlock(&pools_lock);
	return found;
}

/**
 * pinpool_registry_next() - Go through all pools
 * @id: Of the last one, or 0
 * @seq: Gets what is another number when there was a change
 *
 * Context: May sleep.
 * Return: The next pool, with a reference that is the caller's, or NULL
 */
struct pinpool_pool *pinpool_registry_next(u32 id, u32 *seq)
{
	struct pinpool_pool *found = NULL;
	struct pinpool_pool *pool;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, link) {
		if (pool->state == PINPOOL_POOL_PUBLISHED && pool->id > id) {
			found = pool;
			get_device(&found->dev);
			break;
		}
	}
	*seq = changes;
	mutex_unlock(&pools_lock);
	return found;
}

/**
 * pinpool_registry_changed() - Something is to be told of a pool
 * @pool: The pool
 *
 * Context: May sleep.
 */
void pinpool_registry_changed(struct pinpool_pool *pool)
{
	mutex_lock(&pools_lock);
	changes++;
	mutex_unlock(&pools_lock);
	pinpool_netlink_pool(pool, PINPOOL_NL_CMD_POOL_SET_NTF);
}

/* From here on there are no new clients and no new shares. */
static int pool_kill(struct pinpool_pool *pool, bool force)
{
	int err = 0;

	mutex_lock(&pool->members_lock);
	spin_lock(&pool->lock);
	if (pool->dead)
		err = -ENOENT;
	else if (!force && (pool->clients || pool->shares))
		err = -EBUSY;
	else
		WRITE_ONCE(pool->dead, true);
	spin_unlock(&pool->lock);
	mutex_unlock(&pool->members_lock);
	return err;
}

/**
 * pinpool_registry_delete() - Delete a pool
 * @pool: The pool; it is published, and the caller has a reference
 * @force: Take it from its clients
 *
 * Its memory goes back to the kernel, but for what is in the hands of drivers that
 * are attached to a share: that goes with the share. Pages that are pinned go when
 * they are let go.
 *
 * Context: May sleep, and for long: for as long as all its clients' closes take.
 * Return: 0, -EBUSY if it has clients or shares, -ENOENT if it was deleted
 *         meanwhile
 */
int pinpool_registry_delete(struct pinpool_pool *pool, bool force)
{
	int err;

	mutex_lock(&pool->set_lock);
	err = pool_kill(pool, force);
	if (err)
		goto out;
	/* The name is free for another one only when nothing has it any more. */
	cdev_device_del(&pool->cdev, &pool->dev);
	pinpool_cgroup_unregister(pool);
	trace_pinpool_pool(pool, PINPOOL_TRACE_GONE);
	/* That it is gone is the last that is told of it. */
	flush_delayed_work(&pool->event_work);
	pinpool_netlink_pool(pool, PINPOOL_NL_CMD_POOL_DEL_NTF);
	pool_unlink(pool);
	pinpool_revoke(pool);
	put_device(&pool->dev);
out:
	mutex_unlock(&pool->set_lock);
	return err;
}

/**
 * pinpool_registry_init() - Get ready to make pools
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno
 */
int __init pinpool_registry_init(void)
{
	int err;

	err = alloc_chrdev_region(&first_devt, 0, PINPOOL_MAX_POOLS, "pinpool");
	if (err)
		return err;
	err = class_register(&pool_class);
	if (err)
		unregister_chrdev_region(first_devt, PINPOOL_MAX_POOLS);
	return err;
}

/* The first pool that is left, with a reference, and may there be no more. */
static struct pinpool_pool *close_next(void)
{
	struct pinpool_pool *found = NULL;
	struct pinpool_pool *pool;

	mutex_lock(&pools_lock);
	closed = true;
	/* Whoever is making one finds out by himself. */
	list_for_each_entry(pool, &pools, link) {
		if (pool->state != PINPOOL_POOL_MAKING) {
			found = pool;
			get_device(&found->dev);
			break;
		}
	}
	mutex_unlock(&pools_lock);
	return found;
}

/**
 * pinpool_registry_close() - Delete all pools
 *
 * Context: Module load (after a failure) or removal, may sleep. Waits for those
 *          who have a pool open, which at removal is nobody.
 */
void pinpool_registry_close(void)
{
	struct pinpool_pool *pool;

	while ((pool = close_next())) {
		if (pool->state == PINPOOL_POOL_PUBLISHED) {
			pinpool_registry_delete(pool, true);
		} else {
			pool_unlink(pool);
			put_device(&pool->dev);
		}
		put_device(&pool->dev);
	}
	/* The last reference may be a client's, or of somebody who looks at sysfs. */
	wait_var_event(&nr_pools, !atomic_read(&nr_pools));
}

/**
 * pinpool_registry_exit() - Undo pinpool_registry_init()
 *
 * Context: May sleep. There are no pools.
 */
void pinpool_registry_exit(void)
{
	class_unregister(&pool_class);
	unregister_chrdev_region(first_devt, PINPOOL_MAX_POOLS);
	ida_destroy(&minors);
}
