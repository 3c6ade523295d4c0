// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a pool node; uapi/linux/pinpool.h is their contract
 */
#include "pinpool.h"

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/**
 * struct ucmd - One call
 * @client: The caller
 * @user: Its argument struct
 * @user_size: How much of it there is
 */
struct ucmd {
	struct pinpool_client *client;
	void __user *user;
	u32 user_size;
};

static int ucmd_respond(const struct ucmd *ucmd, const void *cmd, size_t size)
{
	if (copy_to_user(ucmd->user, cmd, min_t(size_t, ucmd->user_size, size)))
		return -EFAULT;
	return 0;
}

static int ioctl_info(const struct ucmd *ucmd, void *arg)
{
	const struct pinpool_pool *pool = ucmd->client->pool;
	struct pinpool_info *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	*cmd = (struct pinpool_info) {
		.size = cmd->size,
		.capacity = pool->config.capacity,
		.granule = pool->config.granule,
		.backing = pool->backing->id,
		.zero = pool->config.zero,
		.node = pool->config.node,
		.max_array = PINPOOL_MAX_ARRAY,
	};
	strscpy_pad(cmd->name, pool->config.name, sizeof(cmd->name));
	return ucmd_respond(ucmd, cmd, sizeof(*cmd));
}

static struct pinpool_buffer *buffer_create(struct pinpool_client *client,
					    u64 length, u64 align)
{
	if (!length || length > client->pool->config.capacity)
		return ERR_PTR(-EINVAL);
	if (align && !is_power_of_2(align))
		return ERR_PTR(-EINVAL);
	return pinpool_buffer_create(client, length, align);
}

static void destroy_list(struct pinpool_client *client, struct list_head *buffers)
{
	struct pinpool_buffer *buffer, *next;

	list_for_each_entry_safe(buffer, next, buffers, link) {
		pinpool_buffer_destroy(client, buffer);
		cond_resched();
	}
}

/* Serve one entry of an array. */
static int alloc_entry(struct pinpool_client *client, void __user *user,
		       size_t user_size, struct list_head *buffers)
{
	struct pinpool_buffer *buffer;
	struct pinpool_buf buf;
	int err;

	err = copy_struct_from_user(&buf, sizeof(buf), user, user_size);
	if (err)
		return err;
	buffer = buffer_create(client, buf.length, buf.align);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	buf.offset = buffer->offset;
	buf.handle = buffer->handle;
	if (copy_to_user(user, &buf, sizeof(buf))) {
		pinpool_buffer_destroy(client, buffer);
		return -EFAULT;
	}
	list_add_tail(&buffer->link, buffers);
	return 0;
}

static int alloc_array(struct pinpool_client *client, struct pinpool_alloc *cmd,
		       struct list_head *buffers)
{
	void __user *user = u64_to_user_ptr(cmd->bufs);
	int err;

	if (!cmd->count || cmd->count > PINPOOL_MAX_ARRAY || cmd->length || cmd->align)
		return -EINVAL;
	if (cmd->buf_size < sizeof(struct pinpool_buf))
		return -EINVAL;
	if (cmd->buf_size > PAGE_SIZE)
		return -E2BIG;

	for (cmd->done = 0; cmd->done < cmd->count; cmd->done++) {
		err = alloc_entry(client, user, cmd->buf_size, buffers);
		if (err && cmd->done && (cmd->flags & PINPOOL_ALLOC_PARTIAL))
			return 0;
		if (err)
			return err;
		user += cmd->buf_size;
		cond_resched();
	}
	return 0;
}

static int alloc_one(struct pinpool_client *client, struct pinpool_alloc *cmd,
		     struct list_head *buffers)
{
	struct pinpool_buffer *buffer;

	if (cmd->flags || cmd->count || cmd->buf_size)
		return -EINVAL;
	buffer = buffer_create(client, cmd->length, cmd->align);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	cmd->offset = buffer->offset;
	cmd->handle = buffer->handle;
	cmd->done = 1;
	list_add_tail(&buffer->link, buffers);
	return 0;
}

static int ioctl_alloc(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_client *client = ucmd->client;
	struct pinpool_alloc *cmd = arg;
	LIST_HEAD(buffers);
	int err;

	if (cmd->flags & ~PINPOOL_ALLOC_PARTIAL)
		return -EOPNOTSUPP;
	if (cmd->__reserved)
		return -EINVAL;

	if (cmd->bufs)
		err = alloc_array(client, cmd, &buffers);
	else
		err = alloc_one(client, cmd, &buffers);
	if (!err)
		err = ucmd_respond(ucmd, cmd, sizeof(*cmd));
	/* The client knows of all buffers, or shall have none. */
	if (err)
		destroy_list(client, &buffers);
	else
		pinpool_client_publish(client, &buffers);
	return err;
}

static int free_handle(struct pinpool_client *client, u64 handle)
{
	struct pinpool_buffer *buffer = pinpool_client_remove(client, handle);

	if (!buffer)
		return -ENOENT;
	pinpool_buffer_destroy(client, buffer);
	return 0;
}

static int free_array(struct pinpool_client *client, struct pinpool_free *cmd)
{
	u64 *handles;
	int err = 0;

	if (!cmd->count || cmd->count > PINPOOL_MAX_ARRAY || cmd->handle)
		return -EINVAL;
	/* All of them first: they may lie in one of the buffers. */
	handles = vmemdup_user(u64_to_user_ptr(cmd->handles), cmd->count * sizeof(*handles));
	if (IS_ERR(handles))
		return PTR_ERR(handles);
	while (cmd->done < cmd->count) {
		err = free_handle(client, handles[cmd->done]);
		if (err)
			break;
		cmd->done++;
		cond_resched();
	}
	kvfree(handles);
	return err;
}

static int ioctl_free(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_client *client = ucmd->client;
	struct pinpool_free *cmd = arg;
	struct pinpool_free __user *user = ucmd->user;
	int err;

	if (cmd->flags)
		return -EOPNOTSUPP;
	/* What is freed can't be given back: see first that there is an answer. */
	if (put_user(0, &user->done))
		return -EFAULT;
	cmd->done = 0;
	if (cmd->handles) {
		err = free_array(client, cmd);
	} else if (cmd->count) {
		err = -EINVAL;
	} else {
		err = free_handle(client, cmd->handle);
		cmd->done = !err;
	}
	/* If this fails the struct went with a buffer; nobody can look there. */
	put_user(cmd->done, &user->done);
	return err;
}

static int ioctl_query(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_client *client = ucmd->client;
	struct pinpool_query *cmd = arg;
	struct pinpool_buffer *buffer;

	if (cmd->flags & ~(PINPOOL_QUERY_OFFSET | PINPOOL_QUERY_NEXT))
		return -EOPNOTSUPP;
	if (cmd->flags & PINPOOL_QUERY_OFFSET ? cmd->handle : cmd->flags || cmd->offset)
		return -EINVAL;

	down_read(&client->lock);
	if (cmd->flags & PINPOOL_QUERY_OFFSET)
		buffer = pinpool_client_find(client, cmd->offset,
					     cmd->flags & PINPOOL_QUERY_NEXT);
	else
		buffer = pinpool_client_lookup(client, cmd->handle);
	if (buffer) {
		cmd->handle = buffer->handle;
		cmd->offset = buffer->offset;
		cmd->length = buffer->length;
		cmd->extent = pinpool_buffer_extent(client->pool, buffer);
	}
	up_read(&client->lock);
	return buffer ? ucmd_respond(ucmd, cmd, sizeof(*cmd)) : -ENOENT;
}

static int ioctl_stats(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_stats *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	pinpool_pool_stats(ucmd->client, cmd);
	return ucmd_respond(ucmd, cmd, sizeof(*cmd));
}

union ucmd_arg {
	struct pinpool_info info;
	struct pinpool_alloc alloc;
	struct pinpool_free free;
	struct pinpool_query query;
	struct pinpool_stats stats;
};

/**
 * struct ioctl_op - A command
 * @cmd: Its whole number
 * @size: Of the struct that this kernel knows
 * @min_size: Of the struct's first version
 * @mode: What the file must be open for
 * @execute: Does it, and writes the answer
 */
struct ioctl_op {
	unsigned int cmd;
	unsigned int size;
	unsigned int min_size;
	fmode_t mode;
	int (*execute)(const struct ucmd *ucmd, void *arg);
};

#define IOCTL_OP(_name, _fn, _struct, _last, _mode)			\
	[PINPOOL_CMD_##_name] = {					\
		.cmd = PINPOOL_IOC_##_name,				\
		.size = sizeof(_struct) +				\
			BUILD_BUG_ON_ZERO(sizeof(_struct) % 8) +	\
			BUILD_BUG_ON_ZERO(offsetof(_struct, size)),	\
		.min_size = offsetofend(_struct, _last),		\
		.mode = _mode,						\
		.execute = _fn,						\
	}

static const struct ioctl_op ioctl_ops[] = {
	IOCTL_OP(INFO, ioctl_info, struct pinpool_info, name, 0),
	IOCTL_OP(ALLOC, ioctl_alloc, struct pinpool_alloc, __reserved, FMODE_WRITE),
	IOCTL_OP(FREE, ioctl_free, struct pinpool_free, handle, FMODE_WRITE),
	IOCTL_OP(QUERY, ioctl_query, struct pinpool_query, extent, 0),
	IOCTL_OP(STATS, ioctl_stats, struct pinpool_stats, client_buffers, 0),
};

/**
 * pinpool_ioctl() - ioctl of a pool node
 * @file: The client
 * @cmd: The command
 * @arg: User pointer to its struct, the same for 32-bit callers
 *
 * Context: May sleep.
 * Return: 0 or a negative errno, see uapi/linux/pinpool.h
 */
long pinpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ucmd ucmd = {
		.client = file->private_data,
		.user = (void __user *)arg,
	};
	unsigned int nr = _IOC_NR(cmd);
	const struct ioctl_op *op;
	union ucmd_arg buf;
	int err;

	if (nr >= ARRAY_SIZE(ioctl_ops))
		return -ENOIOCTLCMD;
	op = &ioctl_ops[array_index_nospec(nr, ARRAY_SIZE(ioctl_ops))];
	if (op->cmd != cmd)
		return -ENOIOCTLCMD;
	if (op->mode & ~file->f_mode)
		return -EBADF;
	if (get_user(ucmd.user_size, (u32 __user *)ucmd.user))
		return -EFAULT;
	if (ucmd.user_size < op->min_size)
		return -EINVAL;
	/* Looking through more for zeroes is no use to anybody. */
	if (ucmd.user_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&buf, op->size, ucmd.user, ucmd.user_size);
	if (err)
		return err;
	return op->execute(&ucmd, &buf);
}
