// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/pinpool-control: where processes make pools of memory that they have
 *
 * Each open file makes one pool at most, which goes with it. Whoever may open the
 * node need not be trusted with more than that, so there are only so many pools for
 * each user, and for all: a pool that was deleted counts while its record is there.
 */
#include "pinpool.h"

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* Half of all that there may be is left to the administrator. */
#define MAX_REGISTERED		(PINPOOL_MAX_POOLS / 2)
#define MAX_REGISTERED_UID	16

/**
 * struct creator - A user who has registered memory
 * @link: In the list of them
 * @uid: Constant
 * @pools: How many there are
 */
struct creator {
	struct list_head link;
	kuid_t uid;
	unsigned int pools;
};

static DEFINE_MUTEX(creators_lock);
static LIST_HEAD(creators);		/* under creators_lock */
static unsigned int registered;		/* pools of all of them; under creators_lock */

/**
 * struct control - An open file of the node
 * @lock: Held while a pool is made
 * @pool: The pool, also when it was deleted, with a reference; or NULL. Under @lock
 */
struct control {
	struct mutex lock;	/* pool, while it is made */
	struct pinpool_pool *pool;
};

/* The record of a user, made if there is none; or NULL */
static struct creator *creator_find(kuid_t uid)
{
	struct creator *creator;

	lockdep_assert_held(&creators_lock);
	list_for_each_entry(creator, &creators, link)
		if (uid_eq(creator->uid, uid))
			return creator;
	creator = kzalloc(sizeof(*creator), GFP_KERNEL_ACCOUNT);
	if (creator) {
		creator->uid = uid;
		list_add(&creator->link, &creators);
	}
	return creator;
}

/**
 * pinpool_control_charge() - Count a pool that a user makes
 * @uid: The user
 *
 * Context: May sleep.
 * Return: 0, -EMFILE if it would be one too many, or -ENOMEM
 */
int pinpool_control_charge(kuid_t uid)
{
	struct creator *creator = NULL;
	int err = 0;

	mutex_lock(&creators_lock);
	if (registered < MAX_REGISTERED)
		creator = creator_find(uid);
	if (!creator) {
		err = registered < MAX_REGISTERED ? -ENOMEM : -EMFILE;
	} else if (creator->pools == MAX_REGISTERED_UID) {
		err = -EMFILE;
	} else {
		creator->pools++;
		registered++;
	}
	mutex_unlock(&creators_lock);
	return err;
}

/**
 * pinpool_control_uncharge() - Undo pinpool_control_charge()
 * @uid: The user
 *
 * Context: May sleep.
 */
void pinpool_control_uncharge(kuid_t uid)
{
	struct creator *creator;

	mutex_lock(&creators_lock);
	list_for_each_entry(creator, &creators, link)
		if (uid_eq(creator->uid, uid))
			break;
	registered--;
	if (!--creator->pools) {
		list_del(&creator->link);
		kfree(creator);
	}
	mutex_unlock(&creators_lock);
}

static int control_open(struct inode *inode, struct file *file)
{
	struct control *control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);

	if (!control)
		return -ENOMEM;
	mutex_init(&control->lock);
	file->private_data = control;
	return nonseekable_open(inode, file);
}

static int control_release(struct inode *inode, struct file *file)
{
	struct control *control = file->private_data;

	if (control->pool) {
		/* The administrator may have been quicker. */
		pinpool_registry_delete(control->pool, true);
		put_device(&control->pool->dev);
	}
	kfree(control);
	return 0;
}

/* What is asked for, as for any other pool */
static int control_config(const struct pinpool_register *cmd, struct pinpool_config *config)
{
	pinpool_config_init(config);
	if (strnlen(cmd->name, sizeof(cmd->name)) == sizeof(cmd->name) ||
	    !pinpool_config_name_valid(cmd->name))
		return -EINVAL;
	strscpy(config->name, cmd->name, sizeof(config->name));
	config->backing = PINPOOL_BACKING_USER;
	config->uid = current_euid();
	config->address = cmd->address;
	config->capacity = cmd->length;
	if (cmd->granule)
		config->granule = cmd->granule;
	if (cmd->mode)
		config->mode = cmd->mode;
	config->zero = cmd->zero;
	if (!pinpool_config_granule_valid(config->granule) ||
	    !pinpool_config_mode_valid(cmd->mode ?: config->mode) ||
	    cmd->zero > PINPOOL_ZERO_NEVER)
		return -EINVAL;
	if (!config->capacity || !IS_ALIGNED(config->capacity, config->granule))
		return -EINVAL;
	return pinpool_config_check(config).why ? -EINVAL : 0;
}

static int control_register(struct control *control, const struct pinpool_register *cmd)
{
	struct pinpool_settings settings = { };
	struct pinpool_config config;
	struct pinpool_pool *pool;
	const char *why = NULL;
	int err;

	if (cmd->flags)
		return -EOPNOTSUPP;
	err = control_config(cmd, &config);
	if (err)
		return err;
	/* Memory may come from somebody who lets one wait. */
	if (mutex_lock_killable(&control->lock))
		return -EINTR;
	if (control->pool) {
		err = -EBUSY;
		goto out;
	}
	pool = pinpool_registry_add(&config, &settings, &why);
	if (IS_ERR(pool))
		err = PTR_ERR(pool);
	else
		control->pool = pool;
out:
	mutex_unlock(&control->lock);
	return err;
}

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pinpool_register reg;
	u32 size;
	int err;

	if (cmd != PINPOOL_IOC_REGISTER)
		return -ENOTTY;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = pinpool_ioctl_fetch(&reg, sizeof(reg), offsetofend(struct pinpool_register, zero),
				  (const void __user *)arg, &size);
	return err ?: control_register(file->private_data, &reg);
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice control_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pinpool-control",
	.fops = &control_fops,
	.mode = 0600,
};

/**
 * pinpool_control_init() - Make the node
 *
 * The last step of loading the module: afterwards somebody may have it open.
 *
 * Context: Module load, may sleep.
 * Return: 0 or a negative errno
 */
int __init pinpool_control_init(void)
{
	return misc_register(&control_device);
}

/**
 * pinpool_control_exit() - Undo pinpool_control_init()
 *
 * Context: May sleep. Nobody has the node open.
 */
void pinpool_control_exit(void)
{
	misc_deregister(&control_device);
}
