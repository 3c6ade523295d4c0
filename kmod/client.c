// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: open files of a pool's node
 */
#include "pinpool.h"
#include "netlink.h"

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pid.h>
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
static struct inode *client_inode_new(void)
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
		/* Huge pages are mapped below it only; and the pool may grow. */
		i_size_write(inode, MAX_LFS_FILESIZE);
	return inode;
}

static void client_inode_put(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&client_fs_mnt, &client_fs_users);
}

static struct pinpool_client *client_new(struct pinpool_pool *pool)
{
	struct pinpool_client *client;
	int err;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return ERR_PTR(-ENOMEM);
	client->pool = pool;
	INIT_LIST_HEAD(&client->shares);
	init_rwsem(&client->lock);
	client->holds = RB_ROOT;
	client->quarantine = RB_ROOT;
	client->uid = current_euid();
	get_task_comm(client->comm, current->group_leader);
	client->inode = client_inode_new();
	if (IS_ERR(client->inode)) {
		err = PTR_ERR(client->inode);
		goto err_free;
	}
	err = pinpool_quota_join(client);
	if (err)
		goto err_inode;
	client->pid = get_pid(task_tgid(current));
	return client;

err_inode:
	client_inode_put(client->inode);
err_free:
	kfree(client);
	return ERR_PTR(err);
}

static void client_free(struct pinpool_client *client)
{
	put_pid(client->pid);
	pinpool_quota_leave(client);
	client_inode_put(client->inode);
	kfree(client);
}

/* Nobody joins a dead pool, or is in its list without being counted. */
static int client_join(struct pinpool_client *client)
{
	static atomic_long_t last_id;
	struct pinpool_pool *pool = client->pool;
	int err = 0;

	mutex_lock(&pool->members_lock);
	pinpool_netlink_members_changed();
	spin_lock(&pool->lock);
	if (pool->dead) {
		err = -ENODEV;
	} else {
		pool->clients++;
		pool->changes++;
		client->id = atomic_long_inc_return(&last_id);
		list_add_tail(&client->link, &pool->client_list);
	}
	spin_unlock(&pool->lock);
	mutex_unlock(&pool->members_lock);
	return err;
}

static void client_leave(struct pinpool_client *client)
{
	struct pinpool_pool *pool = client->pool;

	mutex_lock(&pool->members_lock);
	pinpool_netlink_members_changed();
	spin_lock(&pool->lock);
	pool->clients--;
	pool->changes++;
	list_del(&client->link);
	spin_unlock(&pool->lock);
	pinpool_dmabuf_forget(client);
	mutex_unlock(&pool->members_lock);
}

static int client_open(struct inode *inode, struct file *file)
{
	struct pinpool_pool *pool = container_of(inode->i_cdev, struct pinpool_pool, cdev);
	struct pinpool_client *client;
	int err;

	client = client_new(pool);
	if (IS_ERR(client))
		return PTR_ERR(client);
	err = client_join(client);
	if (err) {
		client_free(client);
		return err;
	}
	get_device(&pool->dev);
	file->private_data = client;
	file->f_mapping = client->inode->i_mapping;
	return nonseekable_open(inode, file);
}

/* What those are told who listen, if there is something to tell */
static void client_died(const struct pinpool_client *client, struct pinpool_died *died)
{
	spin_lock(&client->pool->lock);
	*died = (struct pinpool_died) {
		.client = client->id,
		.pid = pid_nr(client->pid),
		.uid = from_kuid_munged(&init_user_ns, client->uid),
		.bytes = client->used,
		.buffers = client->nr_buffers,
	};
	spin_unlock(&client->pool->lock);
	memcpy(died->comm, client->comm, sizeof(died->comm));
	if (current->flags & PF_EXITING)
		died->signal = current->exit_code & 0x7f;
}

/*
 * The last reference to the file is gone, and with it all windows: each had one.
 * Once it has left the pool nobody else can find the client any more, so no lock is
 * needed.
 */
static int client_release(struct inode *inode, struct file *file)
{
	struct pinpool_client *client = file->private_data;
	struct pinpool_pool *pool = client->pool;
	struct pinpool_hold *hold, *next;
	struct pinpool_died died;

	client_leave(client);
	client_died(client, &died);
	rbtree_postorder_for_each_entry_safe(hold, next, &client->holds, node) {
		pinpool_hold_end(client, hold, true);
		cond_resched();
	}
	pinpool_quarantine_close(client);
	if (died.buffers)
		pinpool_netlink_died(pool, &died);
	client_free(client);
	put_device(&pool->dev);
	return 0;
}

/* Keys are an interface: see pinpool(7). */
static void client_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct pinpool_client *client = file->private_data;
	struct pinpool_pool *pool = client->pool;
	u64 used, requested, buffers, quarantined, shares;

	spin_lock(&pool->lock);
	used = client->used;
	requested = client->requested;
	buffers = client->nr_buffers;
	quarantined = client->quarantined;
	shares = client->nr_shares;
	spin_unlock(&pool->lock);

	seq_printf(m, "pinpool-pool:\t%s\n", pool->config.name);
	seq_printf(m, "pinpool-client-id:\t%lu\n", client->id);
	seq_printf(m, "pinpool-used:\t%llu\n", used);
	seq_printf(m, "pinpool-requested:\t%llu\n", requested);
	seq_printf(m, "pinpool-buffers:\t%llu\n", buffers);
	seq_printf(m, "pinpool-quarantined:\t%llu\n", quarantined);
	seq_printf(m, "pinpool-shares:\t%llu\n", shares);
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
