// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a pool node; uapi/linux/pinpool.h is their contract
 */
#include "pinpool.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/**
 * struct ucmd - One call
 * @file: The caller's
 * @client: The caller
 * @user: Its argument struct
 * @user_size: How much of it there is
 */
struct ucmd {
	struct file *file;
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
	struct pinpool_pool *pool = ucmd->client->pool;
	struct pinpool_info *cmd = arg;
	struct pinpool_survey survey;

	if (cmd->flags)
		return -EOPNOTSUPP;
	spin_lock(&pool->lock);
	survey = pool->survey;
	spin_unlock(&pool->lock);
	*cmd = (struct pinpool_info) {
		.size = cmd->size,
		.capacity = READ_ONCE(pool->config.capacity),
		.granule = pool->config.granule,
		.backing = pool->backing->id,
		.zero = pool->config.zero,
		.node = pool->config.node,
		.max_array = PINPOOL_MAX_ARRAY,
		.features = pinpool_pool_features(pool),
		/* Elsewhere it is a physical address. */
		.base = pool->backing->pages ? 0 : pool->config.base,
		.chunks = survey.chunks,
		.chunk_min = survey.min,
		.chunk_max = survey.max,
		.nodes = survey.nodes,
		.longterm = pool->backing->longterm,
	};
	strscpy_pad(cmd->name, pool->config.name, sizeof(cmd->name));
	return ucmd_respond(ucmd, cmd, sizeof(*cmd));
}

/**
 * struct alloc_call - An ALLOC call
 * @client: The caller
 * @waiter: May wait for space, or NULL
 * @holds: On the buffers that it made, not yet published
 * @populate: They shall be mapped at once
 * @at: They shall lie where the caller says
 */
struct alloc_call {
	struct pinpool_client *client;
	struct pinpool_waiter *waiter;
	struct list_head holds;
	bool populate;
	bool at;
};

static int alloc_check(const struct alloc_call *call, u64 length, u64 align)
{
	if (!length || length > READ_ONCE(call->client->pool->config.capacity))
		return -EINVAL;
	return align && !is_power_of_2(align) ? -EINVAL : 0;
}

static int alloc_check_array(const struct pinpool_alloc *cmd)
{
	if (cmd->buf_size < sizeof(struct pinpool_buf))
		return -EINVAL;
	return cmd->buf_size > PAGE_SIZE ? -E2BIG : 0;
}

static void alloc_add(struct alloc_call *call, struct pinpool_buffer *buffer)
{
	buffer->hold.populate = call->populate;
	list_add_tail(&buffer->hold.link, &call->holds);
}

/* A buffer on call->holds, or an ERR_PTR. @offset: with call->at only */
static struct pinpool_buffer *alloc_buffer(struct alloc_call *call, u64 length, u64 align,
					   u64 offset)
{
	struct pinpool_buffer *buffer;
	int err;

	err = alloc_check(call, length, align);
	if (call->at && (align || !IS_ALIGNED(offset, call->client->pool->config.granule)))
		err = -EINVAL;
	if (err)
		return ERR_PTR(err);
	if (call->at)
		buffer = pinpool_buffer_create_at(call->client, length, offset);
	else
		buffer = pinpool_buffer_create(call->client, length, align, call->waiter);
	if (!IS_ERR(buffer))
		alloc_add(call, buffer);
	return buffer;
}

static void alloc_undo(struct alloc_call *call)
{
	struct pinpool_hold *hold, *next;

	list_for_each_entry_safe(hold, next, &call->holds, link) {
		pinpool_hold_end(call->client, hold, false);
		cond_resched();
	}
}

/* Serve one entry of an array. */
static int alloc_entry(struct alloc_call *call, void __user *user, size_t user_size)
{
	struct pinpool_buffer *buffer;
	struct pinpool_buf buf;
	int err;

	err = copy_struct_from_user(&buf, sizeof(buf), user, user_size);
	if (err)
		return err;
	buffer = alloc_buffer(call, buf.length, buf.align, buf.offset);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	buf.offset = buffer->offset;
	buf.handle = buffer->handle;
	if (copy_to_user(user, &buf, sizeof(buf))) {
		list_del(&buffer->hold.link);
		pinpool_hold_end(call->client, &buffer->hold, false);
		return -EFAULT;
	}
	return 0;
}

static int alloc_array(struct alloc_call *call, struct pinpool_alloc *cmd)
{
	void __user *user = u64_to_user_ptr(cmd->bufs);
	int err;

	if (!cmd->count || cmd->count > PINPOOL_MAX_ARRAY || cmd->length || cmd->align)
		return -EINVAL;
	err = alloc_check_array(cmd);
	if (err)
		return err;

	for (cmd->done = 0; cmd->done < cmd->count; cmd->done++) {
		err = alloc_entry(call, user, cmd->buf_size);
		if (err && cmd->done && (cmd->flags & PINPOOL_ALLOC_PARTIAL))
			return 0;
		if (err)
			return err;
		user += cmd->buf_size;
		/* Who is killed for want of memory shall not take more of it. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* One length, and an array to tell of what it was divided into */
static int alloc_scatter(struct alloc_call *call, struct pinpool_alloc *cmd)
{
	void __user *user = u64_to_user_ptr(cmd->bufs);
	struct pinpool_scatter scatter = { .max = cmd->count };
	struct pinpool_buffer *buffer;
	struct pinpool_buf buf;
	int err;
	u32 i;

	if (!cmd->bufs || !cmd->count || cmd->count > PINPOOL_MAX_SCATTER || cmd->align)
		return -EINVAL;
	if (cmd->flags & PINPOOL_ALLOC_PARTIAL)
		return -EINVAL;
	err = alloc_check(call, cmd->length, 0) ?: alloc_check_array(cmd);
	if (err)
		return err;
	err = pinpool_buffer_create_several(call->client, cmd->length, call->waiter, &scatter);
	if (err)
		return err;
	for (i = 0; i < scatter.nr; i++) {
		buffer = scatter.buffers[i];
		alloc_add(call, buffer);
		buf = (struct pinpool_buf) {
			.length = buffer->length,
			.offset = buffer->offset,
			.handle = buffer->handle,
		};
		/* The caller undoes all of it. */
		if (copy_to_user(user, &buf, sizeof(buf)))
			err = -EFAULT;
		user += cmd->buf_size;
	}
	cmd->done = scatter.nr;
	return err;
}

static int alloc_one(struct alloc_call *call, struct pinpool_alloc *cmd)
{
	struct pinpool_buffer *buffer;

	if ((cmd->flags & PINPOOL_ALLOC_PARTIAL) || cmd->count || cmd->buf_size)
		return -EINVAL;
	buffer = alloc_buffer(call, cmd->length, cmd->align, cmd->offset);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	cmd->offset = buffer->offset;
	cmd->handle = buffer->handle;
	cmd->done = 1;
	return 0;
}

/*
 * Map what the client was told of. Another thread may free it meanwhile, so only
 * the places of the buffers are used.
 */
static void alloc_populate(const struct ucmd *ucmd, const struct pinpool_alloc *cmd)
{
	const void __user *user = u64_to_user_ptr(cmd->bufs);
	struct pinpool_buf buf;
	u32 i;

	if (!cmd->bufs)
		pinpool_mmap_populate(ucmd->file, cmd->window, cmd->offset, cmd->length);
	for (i = 0; cmd->bufs && i < cmd->done; i++) {
		if (copy_from_user(&buf, user + (u64)i * cmd->buf_size, sizeof(buf)))
			return;
		pinpool_mmap_populate(ucmd->file, cmd->window, buf.offset, buf.length);
	}
}

static int ioctl_alloc(const struct ucmd *ucmd, void *arg)
{
	struct alloc_call call = { .client = ucmd->client };
	struct pinpool_alloc *cmd = arg;
	struct pinpool_waiter waiter;
	int err;

	if (cmd->flags & ~(PINPOOL_ALLOC_PARTIAL | PINPOOL_ALLOC_POPULATE |
			   PINPOOL_ALLOC_SCATTER | PINPOOL_ALLOC_AT))
		return -EOPNOTSUPP;
	if (cmd->__reserved)
		return -EINVAL;
	call.at = cmd->flags & PINPOOL_ALLOC_AT;
	if (call.at && (cmd->deadline_ns || (cmd->flags & PINPOOL_ALLOC_SCATTER)))
		return -EINVAL;
	call.populate = cmd->flags & PINPOOL_ALLOC_POPULATE;
	if (call.populate != !!cmd->window || !PAGE_ALIGNED(cmd->window))
		return -EINVAL;
	if (call.populate && !ucmd->client->pool->backing->pages)
		return -ENODEV;

	INIT_LIST_HEAD(&call.holds);
	if (cmd->deadline_ns) {
		pinpool_wait_init(&waiter, cmd->deadline_ns);
		call.waiter = &waiter;
	}
	if (cmd->flags & PINPOOL_ALLOC_SCATTER)
		err = alloc_scatter(&call, cmd);
	else if (cmd->bufs)
		err = alloc_array(&call, cmd);
	else
		err = alloc_one(&call, cmd);
	if (call.waiter)
		pinpool_wait_done(ucmd->client->pool, &waiter);
	if (!err)
		err = ucmd_respond(ucmd, cmd, sizeof(*cmd));
	/* The client knows of all buffers, or shall have none. */
	if (!err)
		err = pinpool_hold_publish(ucmd->client, &call.holds);
	if (err) {
		alloc_undo(&call);
		return err;
	}
	if (call.populate)
		alloc_populate(ucmd, cmd);
	return 0;
}

static int free_handle(const struct ucmd *ucmd, u64 handle)
{
	struct pinpool_hold *hold = pinpool_hold_remove(ucmd->client, handle);

	if (!hold)
		return ucmd->file->f_mode & FMODE_WRITE ? -ENOENT : -EBADF;
	pinpool_hold_end(ucmd->client, hold, false);
	return 0;
}

static int free_array(const struct ucmd *ucmd, struct pinpool_free *cmd)
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
		err = free_handle(ucmd, handles[cmd->done]);
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
		err = free_array(ucmd, cmd);
	} else if (cmd->count) {
		err = -EINVAL;
	} else {
		err = free_handle(ucmd, cmd->handle);
		cmd->done = !err;
	}
	/* If this fails the struct went with a buffer; nobody can look there. */
	put_user(cmd->done, &user->done);
	return err;
}

static int ioctl_resize(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_client *client = ucmd->client;
	struct pinpool_resize *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (!cmd->length || cmd->length > READ_ONCE(client->pool->config.capacity))
		return -EINVAL;
	return pinpool_buffer_resize(client, cmd->handle, cmd->length);
}

static int ioctl_query(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_client *client = ucmd->client;
	struct pinpool_query *cmd = arg;
	struct pinpool_buffer *buffer;
	struct pinpool_hold *hold;

	if (cmd->flags & ~(PINPOOL_QUERY_OFFSET | PINPOOL_QUERY_NEXT))
		return -EOPNOTSUPP;
	if (cmd->flags & PINPOOL_QUERY_OFFSET ? cmd->handle : cmd->flags || cmd->offset)
		return -EINVAL;

	down_read(&client->lock);
	if (cmd->flags & PINPOOL_QUERY_OFFSET)
		hold = pinpool_hold_find(client, cmd->offset,
					 cmd->flags & PINPOOL_QUERY_NEXT);
	else
		hold = pinpool_hold_lookup(client, cmd->handle);
	if (hold) {
		buffer = hold->buffer;
		cmd->handle = buffer->handle;
		cmd->offset = buffer->offset;
		cmd->length = buffer->length;
		cmd->extent = pinpool_buffer_extent(buffer);
	}
	up_read(&client->lock);
	return hold ? ucmd_respond(ucmd, cmd, sizeof(*cmd)) : -ENOENT;
}

static int ioctl_stats(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_stats *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	pinpool_pool_stats(ucmd->client->pool, ucmd->client, cmd);
	return ucmd_respond(ucmd, cmd, sizeof(*cmd));
}

static int ioctl_export(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_export *cmd = arg;
	bool readonly = cmd->flags & PINPOOL_SHARE_RDONLY;
	struct file *share;
	int err;

	if (cmd->flags & ~PINPOOL_SHARE_RDONLY)
		return -EOPNOTSUPP;
	if (cmd->__reserved)
		return -EINVAL;
	if (!readonly && !(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;

	cmd->fd = get_unused_fd_flags(O_CLOEXEC);
	if (cmd->fd < 0)
		return cmd->fd;
	share = pinpool_dmabuf_export(ucmd->client, cmd->handle, readonly);
	if (IS_ERR(share)) {
		err = PTR_ERR(share);
		goto err_fd;
	}
	err = ucmd_respond(ucmd, cmd, sizeof(*cmd));
	if (err)
		goto err_share;
	pinpool_dmabuf_exported(ucmd->client, share, readonly);
	fd_install(cmd->fd, share);
	return 0;

err_share:
	fput(share);
err_fd:
	put_unused_fd(cmd->fd);
	return err;
}

static int ioctl_import(const struct ucmd *ucmd, void *arg)
{
	struct pinpool_import *cmd = arg;
	bool readonly = cmd->flags & PINPOOL_SHARE_RDONLY;
	struct pinpool_hold *hold;
	int err;

	if (cmd->flags & ~PINPOOL_SHARE_RDONLY)
		return -EOPNOTSUPP;
	if (cmd->__reserved)
		return -EINVAL;
	if (!readonly && !(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;

	hold = pinpool_dmabuf_import(ucmd->client, cmd->fd, readonly);
	if (IS_ERR(hold))
		return PTR_ERR(hold);
	cmd->handle = hold->buffer->handle;
	cmd->offset = hold->buffer->offset;
	cmd->length = hold->buffer->length;
	err = ucmd_respond(ucmd, cmd, sizeof(*cmd));
	return pinpool_hold_imported(ucmd->client, hold, !err) ?: err;
}

union ucmd_arg {
	struct pinpool_info info;
	struct pinpool_alloc alloc;
	struct pinpool_free free;
	struct pinpool_query query;
	struct pinpool_stats stats;
	struct pinpool_export export;
	struct pinpool_import import;
	struct pinpool_resize resize;
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
	IOCTL_OP(FREE, ioctl_free, struct pinpool_free, handle, 0),
	IOCTL_OP(QUERY, ioctl_query, struct pinpool_query, extent, 0),
	IOCTL_OP(STATS, ioctl_stats, struct pinpool_stats, client_buffers, 0),
	IOCTL_OP(EXPORT, ioctl_export, struct pinpool_export, __reserved, 0),
	IOCTL_OP(IMPORT, ioctl_import, struct pinpool_import, length, 0),
	IOCTL_OP(RESIZE, ioctl_resize, struct pinpool_resize, length, FMODE_WRITE),
};

/**
 * pinpool_ioctl_fetch() - Get the argument of a command
 * @arg: Gets it; what the caller's has not is zero
 * @size: Of the struct that this kernel knows
 * @min_size: Of the struct's first version
 * @user: The caller's, which begins with its own size
 * @user_size: Gets that
 *
 * Context: May sleep.
 * Return: 0, -EFAULT, -EINVAL or -E2BIG
 */
int pinpool_ioctl_fetch(void *arg, u32 size, u32 min_size, const void __user *user,
			u32 *user_size)
{
	if (get_user(*user_size, (const u32 __user *)user))
		return -EFAULT;
	if (*user_size < min_size)
		return -EINVAL;
	/* Looking through more for zeroes is no use to anybody. */
	if (*user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, size, user, *user_size);
}

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
		.file = file,
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
	err = pinpool_ioctl_fetch(&buf, op->size, op->min_size, ucmd.user, &ucmd.user_size);
	if (err)
		return err;
	if (READ_ONCE(ucmd.client->pool->dead))
		return -ENODEV;
	err = op->execute(&ucmd, &buf);
	/* What the client had is gone with the pool. */
	if (err == -ENOENT && READ_ONCE(ucmd.client->pool->dead))
		err = -ENODEV;
	return err;
}
