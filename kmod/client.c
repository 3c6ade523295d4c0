// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: open files of a pool's node, and the buffers they hold
 */
#include "pinpool.h"

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
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
	client->buffers = RB_ROOT;

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
	struct pinpool_buffer *buffer, *next;

	rbtree_postorder_for_each_entry_safe(buffer, next, &client->buffers, node) {
		pinpool_buffer_destroy(client, buffer);
		cond_resched();
	}
	client_count(client->pool, -1);
	client_inode_put(client->inode);
	put_device(&client->pool->dev);
	kfree(client);
	return 0;
}

const struct file_operations pinpool_client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_release,
	.unlocked_ioctl = pinpool_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = pinpool_mmap,
	.llseek = noop_llseek,
};

static void client_insert(struct pinpool_client *client, struct pinpool_buffer *buffer)
{
	struct rb_node **link = &client->buffers.rb_node;
	struct rb_node *parent = NULL;

	while (*link) {
		parent = *link;
		if (buffer->offset < rb_entry(parent, struct pinpool_buffer, node)->offset)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	buffer->published = true;
	rb_link_node(&buffer->node, parent, link);
	rb_insert_color(&buffer->node, &client->buffers);
}

/**
 * pinpool_client_publish() - Let a client have its new buffers
 * @client: The client
 * @buffers: Linked by their @link; the list is not valid afterwards
 *
 * Context: May sleep. Can't fail: it follows the last thing that can.
 */
void pinpool_client_publish(struct pinpool_client *client, struct list_head *buffers)
{
	struct pinpool_buffer *buffer, *next;

	down_write(&client->lock);
	list_for_each_entry_safe(buffer, next, buffers, link)
		client_insert(client, buffer);
	up_write(&client->lock);
}

/**
 * pinpool_client_find() - Find a client's buffer by its place
 * @client: The client
 * @offset: In bytes
 * @next: Take the first one after @offset if there is none at it
 *
 * Context: client->lock held, which also keeps the buffer alive.
 * Return: The buffer whose extent contains @offset, or NULL
 */
struct pinpool_buffer *pinpool_client_find(struct pinpool_client *client,
					   u64 offset, bool next)
{
	struct rb_node *node = client->buffers.rb_node;
	struct pinpool_buffer *after = NULL;
	struct pinpool_buffer *buffer;

	lockdep_assert_held(&client->lock);
	while (node) {
		buffer = rb_entry(node, struct pinpool_buffer, node);
		if (offset < buffer->offset) {
			after = buffer;
			node = node->rb_left;
		} else if (offset - buffer->offset >=
			   pinpool_buffer_extent(client->pool, buffer)) {
			node = node->rb_right;
		} else {
			return buffer;
		}
	}
	return next ? after : NULL;
}

/**
 * pinpool_client_lookup() - Find a client's buffer by its handle
 * @client: The client
 * @handle: Anything
 *
 * The allocator knows at once where the buffer of a handle lies, and whether the
 * handle is stale; the client's tree, whether the buffer is this client's.
 *
 * Context: client->lock held, which also keeps the buffer alive.
 * Return: The buffer, or NULL
 */
struct pinpool_buffer *pinpool_client_lookup(struct pinpool_client *client, u64 handle)
{
	struct pinpool_pool *pool = client->pool;
	struct pinpool_buffer *buffer;
	struct offset_extent extent;
	int err;

	spin_lock(&pool->lock);
	err = offset_alloc_lookup(pool->oa, handle, &extent);
	spin_unlock(&pool->lock);
	if (err)
		return NULL;
	buffer = pinpool_client_find(client, extent.offset << pool->granule_shift, false);
	return buffer && buffer->handle == handle ? buffer : NULL;
}

/**
 * pinpool_client_remove() - Take a buffer out of a client's hands
 * @client: The client
 * @handle: Anything
 *
 * No fault maps the buffer after this; windows that did still do.
 *
 * Context: May sleep.
 * Return: The buffer, which is the caller's to destroy, or NULL
 */
struct pinpool_buffer *pinpool_client_remove(struct pinpool_client *client, u64 handle)
{
	struct pinpool_buffer *buffer;

	down_write(&client->lock);
	buffer = pinpool_client_lookup(client, handle);
	if (buffer)
		rb_erase(&buffer->node, &client->buffers);
	up_write(&client->lock);
	return buffer;
}
