// SPDX-License-Identifier: GPL-2.0
/*
 * Who is a client, and for how long: fork, exec, dup, passed files, windows that
 * outlive their file, threads, and every way to die
 */
#define _FILE_OFFSET_BITS 64
#include "pinpool_test.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define RW	(PROT_READ | PROT_WRITE)

/* What a copy of this program shall do instead of testing; see role_run() */
#define ROLE	"PINPOOL_LIFETIME_ROLE"

static char *const role_argv[] = { "lifetime", NULL };

/* For child processes, which the harness's macros know nothing of */
#define NEED(condition)								\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "# %s:%d: not so: %s\n", __func__,	\
				__LINE__, #condition);				\
			_exit(1);						\
		}								\
	} while (0)

extern char **environ;

/* A client with a window on all of the pool */
struct client {
	int fd;
	char *window;
	size_t capacity;
};

static int client_open(struct client *client)
{
	struct pinpool_info info;

	client->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	if (client->fd < 0)
		return -errno;
	if (pp_info(client->fd, &info))
		return -EIO;
	client->capacity = info.capacity;
	client->window = pp_window(client->fd, RW);
	return client->window == MAP_FAILED ? -errno : 0;
}

static void client_unmap(struct client *client)
{
	munmap(client->window, client->capacity);
}

static void client_close(struct client *client)
{
	client_unmap(client);
	close(client->fd);
}

/* A buffer with the pattern of @seed */
static int client_alloc(const struct client *client, uint64_t length, uint64_t seed,
			struct pinpool_buf *buf)
{
	int err = pp_alloc(client->fd, length, 0, buf);

	if (!err)
		pp_fill(client->window + buf->offset, length, seed);
	return err;
}

static bool has_pattern(const struct client *client, const struct pinpool_buf *buf,
			uint64_t seed)
{
	return pp_matches(client->window + buf->offset, buf->length, seed);
}

/* Whether all the pool's clients are @clients, and their buffers @buffers */
static bool pool_has(int fd, unsigned int clients, uint64_t buffers)
{
	struct pinpool_stats s;
	int err = pp_stats(fd, &s);

	if (!err && s.clients == clients && s.buffers == buffers && !s.quarantined)
		return true;
	fprintf(stderr, "# error %d, %llu clients of %u, %llu buffers of %llu, %llu quarantined\n",
		err, s.clients, clients, s.buffers, (unsigned long long)buffers, s.quarantined);
	return false;
}

/* A child process, and a line to it that tells of its death, too */
struct peer {
	pid_t pid;
	int sock;
};

static void peer_start(struct peer *peer, void (*run)(int sock, void *arg), void *arg)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		abort();
	peer->sock = socks[0];
	peer->pid = fork();
	if (!peer->pid) {
		/* A test that fails must not leave clients to those after it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[0]);
		run(socks[1], arg);
		_exit(0);
	}
	close(socks[1]);
}

static bool tell_data(int sock, const void *data, size_t length)
{
	return send(sock, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static bool hear_data(int sock, void *data, size_t length)
{
	return recv(sock, data, length, 0) == (ssize_t)length;
}

static bool tell(int sock)
{
	return tell_data(sock, "", 1);
}

static bool hear(int sock)
{
	char byte;

	return hear_data(sock, &byte, 1);
}

static int wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* 0 if the child ended well */
static int peer_end(struct peer *peer)
{
	int status = wait_for(peer->pid);

	close(peer->sock);
	return status;
}

static bool peer_kill(struct peer *peer)
{
	int status;

	kill(peer->pid, SIGKILL);
	status = peer_end(peer);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool send_file(int sock, int fd, const void *data, size_t length)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = length };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)length;
}

/* The file, or -1 */
static int receive_file(int sock, void *data, size_t length)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = data, .iov_len = length };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)length)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static void role_become(const char *role, int sock)
{
	fcntl(sock, F_SETFD, 0);
	setenv(ROLE, role, 1);
	execv("/proc/self/exe", role_argv);
	NEED(!"exec");
}

/* What the holder is told */
struct held {
	int fd;
	int sock;
	struct pinpool_buf buf;
};

static void role_hold(struct held *held)
{
	struct client client = { .fd = held->fd };
	struct pinpool_query query;
	struct pinpool_info info;

	NEED(!pp_info(held->fd, &info));
	client.window = pp_window(held->fd, RW);
	NEED(client.window != MAP_FAILED);
	NEED(!pp_query(held->fd, held->buf.handle, &query));
	NEED(query.offset == held->buf.offset && query.length == held->buf.length);
	NEED(has_pattern(&client, &held->buf, 1));
	NEED(tell(held->sock) && hear(held->sock));
	NEED(!pp_free(held->fd, held->buf.handle));
	NEED(pp_probe_read(client.window + held->buf.offset) == SIGBUS);
	NEED(tell(held->sock) && hear(held->sock));
}

/* A process that exec made ends here, before it takes itself for a test. */
static void __attribute__((constructor(101))) role_run(void)
{
	const char *role = getenv(ROLE);
	struct held held;
	int sock;

	if (!role)
		return;
	if (sscanf(role, "wait %d", &sock) == 1)
		NEED(tell(sock) && hear(sock));
	else if (sscanf(role, "hold %d %d", &held.sock, &held.fd) == 2 &&
		 hear_data(held.sock, &held.buf, sizeof(held.buf)))
		role_hold(&held);
	else
		NEED(!strcmp(role, "end"));
	_exit(0);
}

FIXTURE(lifetime)
{
	int fd;			/* of a bystander, who sees what the pool has */
	size_t page;
	size_t granule;
	size_t capacity;
	struct client client;	/* opened by the tests that want one */
};

FIXTURE_SETUP(lifetime)
{
	struct pinpool_info info;

	self->fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pp_info(self->fd, &info));
	self->page = sysconf(_SC_PAGESIZE);
	self->granule = info.granule;
	self->capacity = info.capacity;
}

FIXTURE_TEARDOWN(lifetime)
{
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	close(self->fd);
}

/* What a child forked from a client is given */
struct family {
	struct client client;
	struct pinpool_buf bufs[3];
};

static void child_shares_window(int sock, void *arg)
{
	struct family *family = arg;
	struct client *client = &family->client;

	/* One touched by the parent before the fork, one by nobody yet */
	NEED(has_pattern(client, &family->bufs[0], 1));
	pp_fill(client->window + family->bufs[1].offset, family->bufs[1].length, 2);
	NEED(tell(sock) && hear(sock));
	NEED(has_pattern(client, &family->bufs[0], 3));
	pp_fill(client->window + family->bufs[0].offset, family->bufs[0].length, 4);
	NEED(tell(sock));
}

TEST_F(lifetime, fork_shares_the_window)
{
	struct family family;
	struct client *client = &family.client;
	struct peer child;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 3 * self->page, 1, &family.bufs[0]));
	ASSERT_EQ(0, pp_alloc(client->fd, 3 * self->page, 0, &family.bufs[1]));
	peer_start(&child, child_shares_window, &family);
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(has_pattern(client, &family.bufs[1], 2));
	EXPECT_TRUE(has_pattern(client, &family.bufs[0], 1));
	pp_fill(client->window + family.bufs[0].offset, family.bufs[0].length, 3);
	ASSERT_TRUE(tell(child.sock));
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(has_pattern(client, &family.bufs[0], 4));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_TRUE(pool_has(self->fd, 2, 2));
	client_close(client);
}

static void child_allocs(int sock, void *arg)
{
	struct family *family = arg;
	struct client *client = &family->client;
	struct pinpool_stats stats;
	struct pinpool_query query;

	NEED(!pp_query(client->fd, family->bufs[0].handle, &query));
	NEED(!client_alloc(client, family->bufs[0].length, 2, &family->bufs[1]));
	NEED(!pp_stats(client->fd, &stats) && stats.client_buffers == 2 && stats.clients == 2);
	NEED(!pp_free(client->fd, family->bufs[0].handle));
	NEED(tell_data(sock, &family->bufs[1], sizeof(family->bufs[1])));
	/* The parent frees what the child allocated. */
	NEED(hear(sock));
	NEED(pp_free(client->fd, family->bufs[1].handle) == -ENOENT);
	NEED(pp_probe_read(client->window + family->bufs[1].offset) == SIGBUS);
}

TEST_F(lifetime, fork_child_allocs_and_frees_as_the_same_client)
{
	struct family family;
	struct client *client = &family.client;
	struct pinpool_buf buf;
	struct pinpool_query query;
	struct peer child;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, self->page, 1, &family.bufs[0]));
	peer_start(&child, child_allocs, &family);
	ASSERT_TRUE(hear_data(child.sock, &buf, sizeof(buf)));
	EXPECT_EQ(0, pp_query(client->fd, buf.handle, &query));
	EXPECT_EQ(buf.offset, query.offset);
	EXPECT_TRUE(has_pattern(client, &buf, 2));
	EXPECT_EQ(-ENOENT, pp_query(client->fd, family.bufs[0].handle, &query));
	EXPECT_EQ(SIGBUS, pp_probe_read(client->window + family.bufs[0].offset));
	EXPECT_EQ(0, pp_free(client->fd, buf.handle));
	ASSERT_TRUE(tell(child.sock));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_TRUE(pool_has(self->fd, 2, 0));
	client_close(client);
}

static void child_loses_buffer(int sock, void *arg)
{
	struct family *family = arg;
	struct client *client = &family->client;
	char *first = client->window + family->bufs[0].offset;
	size_t page = sysconf(_SC_PAGESIZE);
	size_t at;

	/* Mapped here, too, or else there is nothing to take away. */
	NEED(has_pattern(client, &family->bufs[0], 1));
	NEED(tell(sock) && hear(sock));
	for (at = 0; at < family->bufs[0].length; at += page) {
		NEED(pp_probe_read(first + at) == SIGBUS);
		NEED(pp_probe_write(first + at) == SIGBUS);
	}
	NEED(has_pattern(client, &family->bufs[1], 2));
}

TEST_F(lifetime, fork_free_takes_the_buffer_from_all_processes)
{
	struct family family;
	struct client *client = &family.client;
	struct peer children[3];
	unsigned int i;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 40 * self->page, 1, &family.bufs[0]));
	ASSERT_EQ(0, client_alloc(client, self->page, 2, &family.bufs[1]));
	for (i = 0; i < ARRAY_LEN(children); i++)
		peer_start(&children[i], child_loses_buffer, &family);
	for (i = 0; i < ARRAY_LEN(children); i++)
		ASSERT_TRUE(hear(children[i].sock));
	EXPECT_EQ(0, pp_free(client->fd, family.bufs[0].handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(client->window + family.bufs[0].offset));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	for (i = 0; i < ARRAY_LEN(children); i++)
		ASSERT_TRUE(tell(children[i].sock));
	for (i = 0; i < ARRAY_LEN(children); i++)
		EXPECT_EQ(0, peer_end(&children[i]));
	EXPECT_TRUE(has_pattern(client, &family.bufs[1], 2));
	client_close(client);
}

static void child_frees(int sock, void *arg)
{
	struct family *family = arg;

	NEED(!pp_free(family->client.fd, family->bufs[0].handle));
	NEED(pp_probe_read(family->client.window + family->bufs[0].offset) == SIGBUS);
}

TEST_F(lifetime, fork_free_by_the_child_takes_the_buffer_from_the_parent)
{
	struct family family;
	struct client *client = &family.client;
	struct peer child;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 2 * self->page, 1, &family.bufs[0]));
	peer_start(&child, child_frees, &family);
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_EQ(SIGBUS, pp_probe_read(client->window + family.bufs[0].offset));
	EXPECT_EQ(SIGBUS, pp_probe_write(client->window + family.bufs[0].offset));
	EXPECT_TRUE(pool_has(self->fd, 2, 0));
	client_close(client);
}

static void child_ends(int sock, void *arg)
{
	struct family *family = arg;

	NEED(has_pattern(&family->client, &family->bufs[0], 1));
	NEED(tell(sock));
	hear(sock);
}

TEST_F(lifetime, fork_end_of_the_child_frees_nothing)
{
	struct family family;
	struct client *client = &family.client;
	struct peer child;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 20 * self->page, 1, &family.bufs[0]));

	peer_start(&child, child_ends, &family);
	ASSERT_TRUE(hear(child.sock));
	ASSERT_TRUE(tell(child.sock));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(client, &family.bufs[0], 1));

	peer_start(&child, child_ends, &family);
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(peer_kill(&child));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(client, &family.bufs[0], 1));
	EXPECT_EQ(0, pp_alloc(client->fd, self->page, 0, &family.bufs[1]));
	client_close(client);
}

/* Opens, forks and is gone; the orphan lives on with what was opened. */
static void parent_leaves(int sock, void *arg)
{
	struct client client;
	struct pinpool_buf buf;
	struct pinpool_buf more;

	NEED(!client_open(&client));
	NEED(!client_alloc(&client, *(size_t *)arg, 1, &buf));
	if (fork())
		_exit(0);
	NEED(hear(sock));
	NEED(has_pattern(&client, &buf, 1));
	NEED(!client_alloc(&client, *(size_t *)arg, 2, &more));
	NEED(tell(sock));
	hear(sock);
	/* What is told next must not be heard before all is closed. */
	client_close(&client);
	NEED(tell(sock));
}

TEST_F(lifetime, fork_child_outlives_the_parent)
{
	struct peer parent;
	int status;

	peer_start(&parent, parent_leaves, &self->page);
	status = wait_for(parent.pid);
	EXPECT_EQ(0, status);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	ASSERT_TRUE(tell(parent.sock));
	ASSERT_TRUE(hear(parent.sock));
	EXPECT_TRUE(pool_has(self->fd, 2, 2));
	ASSERT_TRUE(tell(parent.sock));
	ASSERT_TRUE(hear(parent.sock));
	EXPECT_TRUE(pool_has(self->fd, 1, 0));
	close(parent.sock);
}

static void child_execs_without_file(int sock, void *arg)
{
	struct client client;
	struct pinpool_buf buf;
	char role[32];

	NEED(!client_open(&client));
	NEED(!client_alloc(&client, *(size_t *)arg, 1, &buf));
	NEED(tell(sock) && hear(sock));
	snprintf(role, sizeof(role), "wait %d", sock);
	role_become(role, sock);
}

TEST_F(lifetime, exec_ends_a_client_with_cloexec)
{
	size_t length = 100 * self->page;
	struct peer child;

	peer_start(&child, child_execs_without_file, &length);
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	ASSERT_TRUE(tell(child.sock));
	/* From here on it is the new image that talks. */
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	ASSERT_TRUE(tell(child.sock));
	EXPECT_EQ(0, peer_end(&child));
}

static void child_execs_with_file(int sock, void *arg)
{
	struct client client;
	struct pinpool_buf buf;
	char role[32];

	NEED(!client_open(&client));
	NEED(!client_alloc(&client, *(size_t *)arg, 1, &buf));
	NEED(!fcntl(client.fd, F_SETFD, 0));
	/* The image hears this, through the parent. */
	NEED(tell_data(sock, &buf, sizeof(buf)));
	snprintf(role, sizeof(role), "hold %d %d", sock, client.fd);
	role_become(role, sock);
}

TEST_F(lifetime, exec_keeps_a_client_without_cloexec)
{
	struct pinpool_buf buf;
	struct peer child;

	peer_start(&child, child_execs_with_file, &self->page);
	ASSERT_TRUE(hear_data(child.sock, &buf, sizeof(buf)));
	ASSERT_TRUE(tell_data(child.sock, &buf, sizeof(buf)));
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	ASSERT_TRUE(tell(child.sock));
	ASSERT_TRUE(hear(child.sock));
	EXPECT_TRUE(pool_has(self->fd, 2, 0));
	ASSERT_TRUE(tell(child.sock));
	EXPECT_EQ(0, peer_end(&child));
}

static void child_fails_to_exec(int sock, void *arg)
{
	struct family *family = arg;

	NEED(execv("/proc/self/nonexistent", role_argv) == -1 && errno == ENOENT);
	NEED(has_pattern(&family->client, &family->bufs[0], 1));
}

TEST_F(lifetime, failed_exec_changes_nothing)
{
	struct family family;
	struct peer child;

	ASSERT_EQ(0, client_open(&family.client));
	ASSERT_EQ(0, client_alloc(&family.client, self->page, 1, &family.bufs[0]));
	peer_start(&child, child_fails_to_exec, &family);
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	client_close(&family.client);
}

TEST_F(lifetime, spawn_and_vfork_leave_the_parent_alone)
{
	struct client *client = &self->client;
	struct pinpool_buf buf;
	pid_t pid;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 20 * self->page, 1, &buf));

	ASSERT_EQ(0, setenv(ROLE, "end", 1));
	ASSERT_EQ(0, posix_spawn(&pid, "/proc/self/exe", NULL, NULL, role_argv, environ));
	unsetenv(ROLE);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(client, &buf, 1));

	/* The child borrows the address space; dying it must not take it away. */
	pid = vfork();
	if (!pid)
		_exit(!has_pattern(client, &buf, 1));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(client, &buf, 1));
	EXPECT_EQ(0, pp_free(client->fd, buf.handle));
	client_close(client);
}

TEST_F(lifetime, dup_is_the_same_client)
{
	int first = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_buf bufs[2] = {};
	struct pinpool_query query;
	int second, third;

	ASSERT_LE(0, first);
	ASSERT_EQ(0, pp_alloc(first, self->page, 0, &bufs[0]));
	second = dup(first);
	ASSERT_LE(0, second);
	third = fcntl(second, F_DUPFD_CLOEXEC, 100);
	ASSERT_LE(100, third);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));

	close(first);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_EQ(0, pp_query(second, bufs[0].handle, &query));
	EXPECT_EQ(0, pp_alloc(second, self->page, 0, &bufs[1]));
	close(second);
	EXPECT_TRUE(pool_has(self->fd, 2, 2));
	EXPECT_EQ(0, pp_query(third, bufs[1].handle, &query));
	EXPECT_EQ(0, pp_free(third, bufs[0].handle));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	close(third);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

static void child_passes_file(int sock, void *arg)
{
	struct client client;
	struct pinpool_buf buf;

	NEED(!client_open(&client));
	NEED(!client_alloc(&client, *(size_t *)arg, 1, &buf));
	NEED(send_file(sock, client.fd, &buf, sizeof(buf)));
	hear(sock);
}

TEST_F(lifetime, passed_file_is_the_same_client)
{
	struct client *client = &self->client;
	struct pinpool_buf buf, more;
	struct pinpool_query query;
	struct peer sender;

	peer_start(&sender, child_passes_file, &self->page);
	client->fd = receive_file(sender.sock, &buf, sizeof(buf));
	ASSERT_LE(0, client->fd);
	client->capacity = self->capacity;
	client->window = pp_window(client->fd, RW);
	ASSERT_TRUE(client->window != MAP_FAILED);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_EQ(0, pp_query(client->fd, buf.handle, &query));
	EXPECT_EQ(buf.offset, query.offset);
	EXPECT_TRUE(has_pattern(client, &buf, 1));

	EXPECT_TRUE(peer_kill(&sender));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(client, &buf, 1));
	EXPECT_EQ(0, client_alloc(client, self->page, 2, &more));
	EXPECT_EQ(0, pp_free(client->fd, buf.handle));
	EXPECT_EQ(SIGBUS, pp_probe_read(client->window + buf.offset));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	client_close(client);
}

TEST_F(lifetime, file_on_its_way_keeps_its_buffers)
{
	struct pinpool_buf buf;
	struct pinpool_query query;
	int socks[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks));
	fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, pp_alloc(fd, self->page, 0, &buf));
	ASSERT_TRUE(send_file(socks[0], fd, &buf, sizeof(buf)));
	close(fd);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	fd = receive_file(socks[1], &buf, sizeof(buf));
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, pp_query(fd, buf.handle, &query));
	/* Sent once more, and never received */
	ASSERT_TRUE(send_file(socks[0], fd, &buf, sizeof(buf)));
	close(fd);
	close(socks[0]);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	close(socks[1]);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(lifetime, window_outlives_its_file)
{
	struct client *client = &self->client;
	struct pinpool_buf touched, untouched;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, 20 * self->page, 1, &touched));
	ASSERT_EQ(0, pp_alloc(client->fd, 20 * self->page, 0, &untouched));
	close(client->fd);
	EXPECT_TRUE(pool_has(self->fd, 2, 2));
	EXPECT_TRUE(has_pattern(client, &touched, 1));
	EXPECT_TRUE(pp_is_zero(client->window + untouched.offset, untouched.length));
	pp_fill(client->window + untouched.offset, untouched.length, 2);
	EXPECT_TRUE(has_pattern(client, &untouched, 2));
	client_unmap(client);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(lifetime, part_of_a_window_keeps_all)
{
	size_t half = self->capacity / 2 & ~(self->page - 1);
	size_t rest = self->capacity - half;
	struct client *client = &self->client;
	struct pinpool_buf buf;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, self->capacity, 1, &buf));
	close(client->fd);
	ASSERT_EQ(0, munmap(client->window, half));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_EQ(pp_pattern(1, half / 8), *(uint64_t *)(client->window + half));
	/* All but the last page, which keeps the buffer all the same */
	ASSERT_EQ(0, munmap(client->window + half, rest - self->page));
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_EQ(0, pp_probe_write(client->window + self->capacity - self->page));
	ASSERT_EQ(0, munmap(client->window + self->capacity - self->page, self->page));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(lifetime, each_of_several_windows_keeps_all)
{
	struct client *client = &self->client;
	struct pinpool_buf buf;
	char *second;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, self->page, 1, &buf));
	second = pp_window(client->fd, PROT_READ);
	ASSERT_TRUE(second != MAP_FAILED);
	close(client->fd);
	client_unmap(client);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(pp_matches(second + buf.offset, buf.length, 1));
	munmap(second, self->capacity);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(lifetime, window_mapped_over_is_gone)
{
	struct client *client = &self->client;
	struct pinpool_buf buf;

	ASSERT_EQ(0, client_open(client));
	ASSERT_EQ(0, client_alloc(client, self->page, 1, &buf));
	close(client->fd);
	ASSERT_TRUE(mmap(client->window, self->capacity, RW,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == client->window);
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	client_unmap(client);
}

static void child_keeps_window(int sock, void *arg)
{
	struct family *family = arg;

	close(family->client.fd);
	NEED(tell(sock) && hear(sock));
	NEED(has_pattern(&family->client, &family->bufs[0], 1));
	NEED(tell(sock) && hear(sock));
}

TEST_F(lifetime, window_of_a_child_keeps_all)
{
	struct family family;
	struct peer child;

	ASSERT_EQ(0, client_open(&family.client));
	ASSERT_EQ(0, client_alloc(&family.client, self->page, 1, &family.bufs[0]));
	peer_start(&child, child_keeps_window, &family);
	ASSERT_TRUE(hear(child.sock));
	client_close(&family.client);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	ASSERT_TRUE(tell(child.sock));
	ASSERT_TRUE(hear(child.sock));
	ASSERT_TRUE(tell(child.sock));
	EXPECT_EQ(0, peer_end(&child));
	EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
}

TEST_F(lifetime, clients_are_open_files)
{
	int fds[20], path, copy;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = open(pp_node(), O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
		ASSERT_TRUE(pool_has(self->fd, 2 + i, 0));
	}
	copy = dup(fds[0]);
	ASSERT_LE(0, copy);
	EXPECT_TRUE(pool_has(self->fd, 21, 0));
	pid = fork();
	if (!pid)
		_exit(!pool_has(self->fd, 21, 0));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_TRUE(pool_has(self->fd, 21, 0));

	/* None of these opens the node as far as the module is concerned. */
	path = open(pp_node(), O_PATH | O_CLOEXEC);
	ASSERT_LE(0, path);
	EXPECT_EQ(-1, open(pp_node(), O_RDWR | O_DIRECTORY));
	EXPECT_TRUE(pool_has(self->fd, 21, 0));
	close(path);

	close(fds[0]);
	EXPECT_TRUE(pool_has(self->fd, 21, 0));
	close(copy);
	for (i = 1; i < ARRAY_LEN(fds); i++) {
		ASSERT_TRUE(pool_has(self->fd, 21 - i, 0));
		close(fds[i]);
	}
	EXPECT_TRUE(pool_has(self->fd, 1, 0));
}

TEST_F(lifetime, reader_is_a_client)
{
	struct pinpool_buf buf;
	struct pinpool_stats stats;
	int fd = open(pp_node(), O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(pool_has(self->fd, 2, 0));
	EXPECT_EQ(0, pp_stats(fd, &stats));
	EXPECT_EQ(2, stats.clients);
	EXPECT_EQ(-EBADF, pp_alloc(fd, self->page, 0, &buf));
	close(fd);
	EXPECT_TRUE(pool_has(self->fd, 1, 0));
}

TEST_F(lifetime, file_opened_through_proc_is_a_new_client)
{
	int fd = open(pp_node(), O_RDWR | O_CLOEXEC);
	struct pinpool_buf mine = {}, theirs = {};
	struct pinpool_query query;
	char path[40], *window;
	int other;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pp_alloc(fd, self->page, 0, &mine));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, other);
	EXPECT_TRUE(pool_has(self->fd, 3, 1));
	EXPECT_EQ(-ENOENT, pp_query(other, mine.handle, &query));
	EXPECT_EQ(-ENOENT, pp_free(other, mine.handle));
	window = pp_window(other, RW);
	ASSERT_TRUE(window != MAP_FAILED);
	EXPECT_EQ(SIGBUS, pp_probe_read(window + mine.offset));
	EXPECT_EQ(0, pp_alloc(other, self->page, 0, &theirs));
	close(fd);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_EQ(0, pp_probe_write(window + theirs.offset));
	munmap(window, self->capacity);
	close(other);
}

static void *thread_allocs(void *arg)
{
	struct family *family = arg;
	struct pinpool_buf *buf = &family->bufs[0];

	return (void *)(intptr_t)client_alloc(&family->client, buf->length, 1, buf);
}

static void *thread_opens(void *arg)
{
	struct family *family = arg;

	return (void *)(intptr_t)client_open(&family->client);
}

TEST_F(lifetime, end_of_a_thread_frees_nothing)
{
	struct family family = { .bufs[0].length = self->page };
	pthread_t thread;
	void *err;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_opens, &family));
	ASSERT_EQ(0, pthread_join(thread, &err));
	ASSERT_TRUE(!err);
	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_allocs, &family));
	ASSERT_EQ(0, pthread_join(thread, &err));
	ASSERT_TRUE(!err);
	EXPECT_TRUE(pool_has(self->fd, 2, 1));
	EXPECT_TRUE(has_pattern(&family.client, &family.bufs[0], 1));
	client_close(&family.client);
}

struct racer {
	struct client client;
	size_t length;
	int started;	/* a pipe */
	int err;	/* the first that is none of those that were to come */
};

/* Allocates, touches and frees until the file is closed under it. */
static void *thread_races(void *arg)
{
	struct racer *racer = arg;
	struct pinpool_buf buf;
	unsigned int n = 0;
	int err;

	for (;;) {
		err = pp_alloc(racer->client.fd, racer->length, 0, &buf);
		if (err)
			break;
		if (racer->client.window)
			pp_fill(racer->client.window + buf.offset, 64, n);
		err = pp_free(racer->client.fd, buf.handle);
		if (err)
			break;
		if (!n++ && write(racer->started, "", 1) != 1)
			break;
	}
	racer->err = err == -EBADF ? 0 : err;
	return NULL;
}

/* Returns the error, positive if it is one of this function's own. */
static int close_under_threads(const struct racer *model, bool window)
{
	struct racer racers[2];
	pthread_t threads[2];
	struct client client;
	int started[2];
	unsigned int i;
	char bytes[2];
	int err = 0;

	if (client_open(&client) || pipe2(started, O_CLOEXEC))
		return __LINE__;
	if (!window) {
		client_unmap(&client);
		client.window = NULL;
	}
	for (i = 0; i < 2; i++) {
		racers[i] = *model;
		racers[i].client = client;
		racers[i].started = started[1];
		if (pthread_create(&threads[i], NULL, thread_races, &racers[i]))
			return __LINE__;
	}
	for (i = 0; i < 2; i++)
		if (read(started[0], &bytes[i], 1) != 1)
			return __LINE__;
	close(client.fd);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		err = err ?: racers[i].err;
	}
	if (window)
		client_unmap(&client);
	close(started[0]);
	close(started[1]);
	return err;
}

TEST_F(lifetime, close_while_other_threads_use_the_file)
{
	struct racer model = { .length = 4 * self->page };
	unsigned int round;

	for (round = 0; round < 60; round++) {
		ASSERT_EQ(0, close_under_threads(&model, false));
		ASSERT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

TEST_F(lifetime, close_while_other_threads_use_the_window)
{
	struct racer model = { .length = 4 * self->page };
	unsigned int round;

	for (round = 0; round < 60; round++) {
		ASSERT_EQ(0, close_under_threads(&model, true));
		ASSERT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

/* What a process that will be killed does meanwhile */
struct victim {
	unsigned int seed;
	unsigned int head_start;	/* loops before it says that it runs */
	unsigned int nr_bufs;
	size_t max_length;
	bool threads;
	int sock;
	struct client client;
};

static void victim_loop(struct victim *victim, unsigned int seed, bool first)
{
	struct pinpool_buf *bufs = calloc(victim->nr_bufs, sizeof(*bufs));
	const struct client *client = &victim->client;
	unsigned int loops, slot;
	size_t length;
	int err;

	NEED(bufs);
	for (loops = 0;; loops++) {
		if (first && loops == victim->head_start)
			NEED(tell(victim->sock));
		slot = rand_r(&seed) % victim->nr_bufs;
		if (bufs[slot].handle) {
			NEED(!pp_free(client->fd, bufs[slot].handle));
			bufs[slot].handle = 0;
		}
		length = 1 + rand_r(&seed) % victim->max_length;
		err = pp_alloc(client->fd, length, 0, &bufs[slot]);
		NEED(!err || err == -ENOSPC);
		if (!err)
			memset(client->window + bufs[slot].offset, 1, length);
	}
}

static void *victim_thread(void *arg)
{
	struct victim *victim = arg;

	victim_loop(victim, victim->seed + 1000, false);
	return NULL;
}

static void victim_run(int sock, void *arg)
{
	struct victim *victim = arg;
	pthread_t thread;

	victim->sock = sock;
	NEED(!client_open(&victim->client));
	if (victim->threads)
		NEED(!pthread_create(&thread, NULL, victim_thread, victim));
	victim_loop(victim, victim->seed, true);
}

static uint64_t nr_clients(int fd)
{
	struct pinpool_stats stats;

	return pp_stats(fd, &stats) ? 0 : stats.clients;
}

/*
 * The files of a process are released before it becomes a zombie, so that its
 * parent can rely on the memory when it learns of the death.
 */
static void kill_rounds(struct __test_metadata *_metadata, FIXTURE_DATA(lifetime) *self,
			struct victim *model, unsigned int rounds)
{
	unsigned int round, i;
	struct peer peers[3];

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_LEN(peers); i++) {
			model->seed = 3 * round + i;
			/* Enough to hold that a release after the wait would be seen */
			model->head_start = model->nr_bufs / 2 + 37 * round % 100;
			peer_start(&peers[i], victim_run, model);
		}
		for (i = 0; i < ARRAY_LEN(peers); i++)
			ASSERT_TRUE(hear(peers[i].sock));
		ASSERT_EQ(1 + ARRAY_LEN(peers), nr_clients(self->fd));
		/* One alone, then the others at once */
		ASSERT_TRUE(peer_kill(&peers[0]));
		ASSERT_EQ(ARRAY_LEN(peers), nr_clients(self->fd));
		kill(peers[1].pid, SIGKILL);
		kill(peers[2].pid, SIGKILL);
		ASSERT_TRUE(peer_kill(&peers[1]));
		ASSERT_GE(2, nr_clients(self->fd));
		ASSERT_TRUE(peer_kill(&peers[2]));
		ASSERT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

TEST_F(lifetime, kill_returns_all_before_the_parent_learns_of_it)
{
	struct victim victim = { .nr_bufs = 600, .max_length = 4 * self->page };

	kill_rounds(_metadata, self, &victim, 30);
}

TEST_F(lifetime, kill_of_several_threads_returns_all)
{
	struct victim victim = {
		.nr_bufs = 600, .max_length = 4 * self->page, .threads = true,
	};

	kill_rounds(_metadata, self, &victim, 10);
}

static void victim_of_arrays(int sock, void *arg)
{
	unsigned int count = *(unsigned int *)arg;
	struct pinpool_buf *bufs = calloc(count, sizeof(*bufs));
	uint64_t *handles = calloc(count, sizeof(*handles));
	struct client client;
	unsigned int i;

	NEED(bufs && handles && !client_open(&client));
	for (i = 0; i < count; i++)
		bufs[i].length = 1;
	NEED(tell(sock));
	for (;;) {
		NEED(!pp_alloc_array(client.fd, bufs, count, 0, NULL));
		for (i = 0; i < count; i++) {
			handles[i] = bufs[i].handle;
			if (i % 16 == 0)
				client.window[bufs[i].offset] = 1;
		}
		NEED(!pp_free_array(client.fd, handles, count, NULL));
	}
}

TEST_F(lifetime, kill_in_the_middle_of_an_array_returns_all)
{
	unsigned int granules = self->capacity / self->granule;
	unsigned int count = granules < 4096 ? granules : 4096;
	struct pinpool_stats stats;
	struct peer victim;
	unsigned int round;
	char byte;

	for (round = 0; round < 15; round++) {
		peer_start(&victim, victim_of_arrays, &count);
		ASSERT_TRUE(hear(victim.sock));
		/* Until it has some of an array, but neither none nor all of it */
		do {
			ASSERT_EQ(-1, recv(victim.sock, &byte, 1, MSG_DONTWAIT));
			ASSERT_EQ(0, pp_stats(self->fd, &stats));
		} while (stats.buffers % count <= count * round / 17);
		ASSERT_TRUE(peer_kill(&victim));
		ASSERT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

enum way { WAY_EXIT, WAY_ABORT, WAY_SEGV, WAY_BUS, WAY_TERM, WAY_KILL, NR_WAYS };

struct death {
	enum way way;
	size_t length;
};

static void child_dies(int sock, void *arg)
{
	struct death *death = arg;
	struct client client;
	struct pinpool_buf bufs[2];

	/* No core dumps */
	prctl(PR_SET_DUMPABLE, 0);
	NEED(!client_open(&client));
	NEED(!client_alloc(&client, death->length, 1, &bufs[0]));
	NEED(!client_alloc(&client, death->length, 2, &bufs[1]));
	NEED(!pp_free(client.fd, bufs[1].handle));
	NEED(tell(sock) && hear(sock));
	switch (death->way) {
	case WAY_EXIT:
		_exit(0);
	case WAY_ABORT:
		abort();
	case WAY_SEGV:
		client_unmap(&client);
		*(volatile char *)client.window = 1;
		break;
	case WAY_BUS:
		*(volatile char *)(client.window + bufs[1].offset) = 1;
		break;
	case WAY_TERM:
		raise(SIGTERM);
		break;
	default:
		raise(SIGKILL);
	}
	NEED(!"death");
}

TEST_F(lifetime, every_way_to_die_returns_all)
{
	static const int signals[NR_WAYS] = {
		[WAY_EXIT] = 0, [WAY_ABORT] = SIGABRT, [WAY_SEGV] = SIGSEGV,
		[WAY_BUS] = SIGBUS, [WAY_TERM] = SIGTERM, [WAY_KILL] = SIGKILL,
	};
	struct death death = { .length = 20 * self->page };
	struct peer child;

	for (death.way = 0; death.way < NR_WAYS; death.way++) {
		peer_start(&child, child_dies, &death);
		ASSERT_TRUE(hear(child.sock));
		EXPECT_TRUE(pool_has(self->fd, 2, 1));
		ASSERT_TRUE(tell(child.sock));
		/* 0x80 would tell of a core. */
		EXPECT_EQ(signals[death.way], peer_end(&child) & ~0x80);
		EXPECT_TRUE(pp_pool_is_whole(self->fd, 1));
	}
}

/* It takes all that is free by one call; nobody is there to hear of it. */
static void child_takes_all(int sock, void *arg)
{
	unsigned int i, nr = *(unsigned int *)arg;
	struct pinpool_buf *bufs = calloc(nr, sizeof(*bufs));
	struct client client;

	NEED(bufs && !client_open(&client));
	for (i = 0; i < nr; i++)
		bufs[i].length = 1;
	NEED(!pp_alloc_array(client.fd, bufs, nr, 0, NULL));
	pause();
}

/* Who is killed for want of memory doesn't go on to take as much as he wanted. */
TEST_F(lifetime, a_kill_ends_an_array)
{
	struct pinpool_stats before, after;
	struct pinpool_info info;
	struct peer child;
	unsigned int nr;
	int tries = 100;

	ASSERT_EQ(0, pp_info(self->fd, &info));
	nr = info.capacity / info.granule < info.max_array ? info.capacity / info.granule :
							      info.max_array;
	do {
		ASSERT_EQ(0, pp_stats(self->fd, &before));
		peer_start(&child, child_takes_all, &nr);
		do {
			ASSERT_EQ(0, pp_stats(self->fd, &after));
		} while (after.allocs == before.allocs && !waitpid(child.pid, NULL, WNOHANG));
		kill(child.pid, SIGKILL);
		EXPECT_EQ(SIGKILL, peer_end(&child));
		ASSERT_TRUE(pp_pool_is_whole(self->fd, 1));
		ASSERT_EQ(0, pp_stats(self->fd, &after));
	} while (after.allocs - before.allocs == nr && --tries);
	/* The killer came too late at times, but not each time. */
	EXPECT_LT(0, tries);
}

PP_HARNESS_MAIN
