// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: open files of a pool's node
 */
#include "pinpool.h"

#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define PINPOOL_FS_MAGIC	0x70696e70	/* "pinp" */

/* Only there to hold the inodes of clients. */
static struct vfsmount *client_fs_mnt;
static int client_fs_users;

static int client_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, PINPOOL_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type client_fs_type = {
	.name = "pinpool",
	.owner = THIS_MODULE,
	.init_fs_context = client_fs_init_context,
	.kill_sb = kill_anon_super,
};

/*
 * The node's own inode is no good for windows: all clients share it, and it
 * lives in whatever file system holds the node, whose write-back rules would
 * forbid long-term pins.
 */
static struct inode *client_inode_new(u64 capacity)
{
	struct inode *inode;
	int err;

	err = simple_pin_fs(&client_fs_type, &client_fs_mnt, &client_fs_users);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(client_fs_mnt->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&client_fs_mnt, &client_fs_users);
	else
		i_size_write(inode, capacity);
	return inode;
}

static void client_inode_put(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&client_fs_mnt, &client_fs_users);
}

static void client_count(struct pinpool_pool *pool, int delta)
{
	spin_lock(&pool->lock);
	pool->clients += delta;
	spin_unlock(&pool->lock);
}

static int client_open(struct inode *inode, struct file *file)
{
	static atomic_long_t last_id;
	struct pinpool_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->pool = container_of(inode->i_cdev, struct pinpool_pool, cdev);
	client->inode = client_inode_new(client->pool->config.capacity);
	if (IS_ERR(client->inode)) {
		int err = PTR_ERR(client->inode);

		kfree(client);
		return err;
	}
	client->id = atomic_long_inc_return(&last_id);
	init_rwsem(&client->lock);
	client->holds = RB_ROOT;
	client->quarantine = RB_ROOT;

	get_device(&client->pool->dev);
	client_count(client->pool, 1);
	file->private_data = client;
	file->f_mapping = client->inode->i_mapping;
	return nonseekable_open(inode, file);
}

/*
 * The last reference to the file is gone, and with it all windows: each had one.
 * Nobody else can find the client any more, so no lock is needed.
 */
static int client_release(struct inode *inode, struct file *file)
{
	struct pinpool_client *client = file->private_data;
	struct pinpool_hold *hold, *next;

	rbtree_postorder_for_each_entry_safe(hold, next, &client->holds, node) {
		pinpool_hold_end(client, hold, true);
		cond_resched();
	}
	pinpool_quarantine_close(client);
	client_count(client->pool, -1);
	client_inode_put(client->inode);
	put_device(&client->pool->dev);
	kfree(client);
	return 0;
}

/* Keys are an interface: see pinpool(7). */
static void client_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct pinpool_client *client = file->private_data;
	struct pinpool_pool *pool = client->pool;
	u64 used, requested, buffers, quarantined;

	spin_lock(&pool->lock);
	used = client->used;
	requested = client->requested;
	buffers = client->nr_buffers;
	quarantined = client->quarantined;
	spin_unlock(&pool->lock);

	seq_printf(m, "pinpool-pool:\t%s\n", pool->config.name);
	seq_printf(m, "pinpool-client-id:\t%lu\n", client->id);
	seq_printf(m, "pinpool-used:\t%llu\n", used);
	seq_printf(m, "pinpool-requested:\t%llu\n", requested);
	seq_printf(m, "pinpool-buffers:\t%llu\n", buffers);
	seq_printf(m, "pinpool-quarantined:\t%llu\n", quarantined);
}

const struct file_operations pinpool_client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_release,
	.unlocked_ioctl = pinpool_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = pinpool_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.poll = pinpool_poll,
	.llseek = noop_llseek,
	.show_fdinfo = client_show_fdinfo,
};
