// SPDX-License-Identifier: GPL-2.0
/*
 * Registration of memory: what can't be, who may have how much of it, and how long it
 * lasts
 *
 * Needs root.
 */
#define _FILE_OFFSET_BITS 64
#include "user.h"
#include "netlink.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#define LENGTH	(16 * page)

/* Nobody else's */
#define UID	54321

static size_t page;

FIXTURE(limits)
{
	char *memory;
	size_t pinned;
};

FIXTURE_SETUP(limits)
{
	page = sysconf(_SC_PAGESIZE);
	self->memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_TRUE(self->memory != MAP_FAILED);
	self->pinned = user_pinned();
	ASSERT_EQ(0, access(CONTROL, F_OK));
}

/* Nothing is left, and all is as before. */
FIXTURE_TEARDOWN(limits)
{
	int control = user_control();

	EXPECT_EQ(-1, access(NODE, F_OK));
	EXPECT_EQ(self->pinned, user_pinned());
	EXPECT_EQ(0, user_register(control, NAME, self->memory, LENGTH));
	close(control);
	EXPECT_EQ(-1, access(NODE, F_OK));
}

/* What comes of it, with a file that is then closed */
static int try(const struct pinpool_register *reg)
{
	struct pinpool_register arg = *reg;
	int control = user_control();
	int err = pp_ioctl(control, PINPOOL_IOC_REGISTER, &arg);

	close(control);
	return err;
}

static int try_memory(const void *address, size_t length)
{
	struct pinpool_register reg = user_request(NAME, address, length);

	return try(&reg);
}

TEST_F(limits, what_can_never_be)
{
	const struct pinpool_register good = user_request(NAME, self->memory, LENGTH);
	struct pinpool_register reg;
	int control;

#define REFUSED(_err, ...) do {						\
	reg = good;							\
	__VA_ARGS__;							\
	EXPECT_EQ(_err, try(&reg))					\
		TH_LOG("%s", #__VA_ARGS__);				\
} while (0)
	EXPECT_EQ(0, try(&good));
	REFUSED(-EINVAL, reg.size = sizeof(reg) - 8);
	REFUSED(-E2BIG, reg.size = 5000);
	REFUSED(-EOPNOTSUPP, reg.flags = 1);
	REFUSED(-EINVAL, reg.name[0] = '\0');
	REFUSED(-EINVAL, strcpy(reg.name, "a/b"));
	REFUSED(-EINVAL, strcpy(reg.name, ".."));
	REFUSED(-EINVAL, memset(reg.name, 'a', sizeof(reg.name)));
	REFUSED(-EINVAL, reg.address = 0);
	REFUSED(-EINVAL, reg.address += 8);
	REFUSED(-EINVAL, reg.length = 0);
	REFUSED(-EINVAL, reg.length -= 8);
	REFUSED(-EINVAL, reg.length = -page);
	REFUSED(-EINVAL, reg.address = -page);
	REFUSED(-EINVAL, reg.length = (1ULL << 40) + page);
	REFUSED(-EINVAL, reg.granule = page / 2);
	REFUSED(-EINVAL, reg.granule = 3 * page);
	REFUSED(-EINVAL, reg.granule = 32 * page);
	REFUSED(-EINVAL, reg.mode = 0755);
	REFUSED(-EINVAL, reg.mode = 0x10000);
	REFUSED(-EINVAL, reg.zero = PINPOOL_ZERO_NEVER + 1);
	REFUSED(0, reg.granule = 4 * page, reg.mode = 0666, reg.zero = PINPOOL_ZERO_NEVER);
	/* Addresses that no process has, and those of the kernel */
	REFUSED(-EFAULT, reg.address = 1ULL << 60);
	REFUSED(-EFAULT, reg.address = -(1ULL << 31));
#undef REFUSED

	control = user_control();
	EXPECT_EQ(-ENOTTY, pp_ioctl(control, PINPOOL_IOC_INFO, &reg));
	EXPECT_EQ(-EFAULT, pp_ioctl(control, PINPOOL_IOC_REGISTER, NULL));
	close(control);
	control = open(CONTROL, O_RDONLY | O_CLOEXEC);
	reg = good;
	EXPECT_EQ(-EBADF, pp_ioctl(control, PINPOOL_IOC_REGISTER, &reg));
	close(control);
}

TEST_F(limits, names_are_unique)
{
	int control = user_control();
	struct nl nl;

	ASSERT_EQ(0, user_register(control, NAME, self->memory, LENGTH));
	EXPECT_EQ(-EEXIST, try_memory(self->memory, LENGTH));
	ASSERT_EQ(0, nl_open(&nl));
	EXPECT_EQ(-EEXIST, nl_pool_new(&nl, NAME, MIB, 0600));
	nl_close(&nl);
	close(control);
}

TEST_F(limits, memory_of_the_wrong_kind)
{
	char path[4096];
	struct pp_client client;
	struct pinpool_buf buf;
	char *memory, *map;
	int fd, share;

	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(memory != MAP_FAILED);
	/* A hole, and a page for reading, at the end: much is pinned before. */
	ASSERT_EQ(0, mprotect(memory + LENGTH - page, page, PROT_READ));
	EXPECT_EQ(-EFAULT, try_memory(memory, LENGTH));
	ASSERT_EQ(0, mprotect(memory + LENGTH - page, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, try_memory(memory, LENGTH));
	ASSERT_EQ(0, munmap(memory + LENGTH - page, page));
	EXPECT_EQ(-EFAULT, try_memory(memory, LENGTH));
	EXPECT_EQ(self->pinned, user_pinned());
	EXPECT_EQ(0, try_memory(memory, LENGTH - page));

	/* A file on a disk, which isn't changed by the attempt */
	snprintf(path, sizeof(path), "%s/pinpool.XXXXXX", getenv("TMPDIR") ?: ".");
	fd = mkostemp(path, O_CLOEXEC);
	ASSERT_LE(0, fd);
	unlink(path);
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_EQ(-EFAULT, try_memory(map, LENGTH));
	EXPECT_TRUE(pp_is_zero(map, LENGTH));
	munmap(map, LENGTH);
	close(fd);

	/* One for reading, private or not */
	fd = memfd_create("user", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	map = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT_EQ(-EFAULT, try_memory(map, LENGTH));
	munmap(map, LENGTH);
	/* Beyond its end */
	map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page);
	EXPECT_EQ(-EFAULT, try_memory(map, LENGTH));
	munmap(map, LENGTH);
	close(fd);

	/* Windows of pools, and shares of their buffers */
	ASSERT_TRUE(pp_client_open_at(&client, pp_node()));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	pp_fill(client.window + buf.offset, LENGTH, 1);
	EXPECT_EQ(-EFAULT, try_memory(client.window + buf.offset, LENGTH));
	share = pp_export(client.fd, buf.handle, 0);
	map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, share, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_EQ(-EFAULT, try_memory(map, LENGTH));
	munmap(map, LENGTH);
	close(share);
	EXPECT_EQ(0, pp_free(client.fd, buf.handle));
	EXPECT_TRUE(pp_pool_is_whole(client.fd, 1));
	pp_client_close(&client);
}

/* Much is pinned again and again, also where only the end can't be. */
TEST_F(limits, pages_are_let_go)
{
	const size_t length = 32 * MIB;
	unsigned long before = 0;
	char *memory;
	int i;

	for (i = 0; i < 8; i++) {
		memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
		ASSERT_TRUE(memory != MAP_FAILED);
		EXPECT_EQ(0, try_memory(memory, length));
		ASSERT_EQ(0, mprotect(memory + length - page, page, PROT_READ));
		EXPECT_EQ(-EFAULT, try_memory(memory, length));
		ASSERT_EQ(0, munmap(memory, length));
		if (!i)
			before = pp_available_kib();
	}
	/* That of two rounds may be on its way. */
	EXPECT_TRUE(pp_memory_is_back(before, 2 * length / KIB));
}

TEST_F(limits, a_window_on_registered_memory_is_not_registered)
{
	int control = user_control(), other;
	struct pp_client client;
	struct pinpool_buf buf;

	ASSERT_EQ(0, user_register(control, NAME, self->memory, LENGTH));
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	pp_fill(client.window, LENGTH, 1);
	other = user_control();
	EXPECT_EQ(-EFAULT, user_register(other, NAME "2", client.window, LENGTH));
	EXPECT_TRUE(pp_matches(self->memory, LENGTH, 1));
	pp_client_close(&client);
	close(other);
	close(control);
}

TEST_F(limits, secret_memory_stays_secret)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	char *map;

	if (fd < 0)
		SKIP(return, "this kernel was booted without secretmem.enable=1");
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	pp_fill(map, LENGTH, 1);
	EXPECT_EQ(-EFAULT, try_memory(map, LENGTH));
	munmap(map, LENGTH);
	close(fd);
}

TEST_F(limits, memory_of_two_mappings_and_none_touched_yet)
{
	int control = user_control();
	struct pp_client client;
	struct pinpool_buf buf;
	char *map;

	map = mmap(NULL, 2 * LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_TRUE(mmap(map + LENGTH, LENGTH, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	/* Only read so far: the one zero page that all share isn't what a pool gets. */
	EXPECT_EQ(0, map[0]);
	ASSERT_EQ(0, user_register(control, NAME, map, 2 * LENGTH));
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, 2 * LENGTH, 0, &buf));
	pp_fill(client.window, 2 * LENGTH, 1);
	EXPECT_TRUE(pp_matches(map, 2 * LENGTH, 1));
	pp_client_close(&client);
	close(control);
	munmap(map, 2 * LENGTH);
}

/* With @zero never clients get what the creator put there. */
TEST_F(limits, a_pool_that_zeroes_nothing_hands_out_what_is_there)
{
	struct pinpool_register reg = user_request(NAME, self->memory, LENGTH);
	int control = user_control();
	struct pp_client client;
	struct pinpool_buf buf;

	pp_fill(self->memory, LENGTH, 1);
	reg.zero = PINPOOL_ZERO_NEVER;
	ASSERT_EQ(0, pp_ioctl(control, PINPOOL_IOC_REGISTER, &reg));
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 1));
	pp_client_close(&client);
	close(control);
}

/* Run @fn as a user without rights, who gets an open file; returns what it exits with. */
static int as_user(int (*fn)(int control), int control)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setresgid(UID, UID, UID) || setresuid(UID, UID, UID))
			_exit(100);
		_exit(fn(control));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static char *anonymous(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool limit_memory(size_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	return !setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int no_right_to_open(int control)
{
	close(control);
	if (open(CONTROL, O_RDWR | O_CLOEXEC) >= 0)
		return 1;
	return errno == EACCES ? 0 : 2;
}

/* The limit is the user's: what a parent has registered counts for its child. */
static int locked_memory(int control)
{
	char *memory = anonymous(LENGTH);
	struct pinpool_stats stats;
	int other, status;
	pid_t pid;

	if (!limit_memory(LENGTH - page))
		return 1;
	if (user_register(control, NAME, memory, LENGTH) != -EDQUOT)
		return 2;
	if (user_pinned())
		return 3;
	if (access(NODE, F_OK) != -1)
		return 4;
	if (user_register(control, NAME, memory, LENGTH - page))
		return 5;
	if (user_pinned() != LENGTH - page)
		return 6;
	/* The node is the creator's. */
	other = open(NODE, O_RDWR | O_CLOEXEC);
	if (other < 0 || pp_stats(other, &stats) || stats.capacity != LENGTH - page)
		return 7;
	pid = fork();
	if (!pid) {
		int fd = pp_receive_file(0);

		_exit(fd >= 0 && user_register(fd, NAME "2", memory, page) == -EDQUOT ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 8;
	return 0;
}

TEST_F(limits, who_may_not_open_the_node_registers_nothing)
{
	struct stat st;

	ASSERT_EQ(0, stat(CONTROL, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, as_user(no_right_to_open, user_control()));
}

TEST_F(limits, locked_memory_is_limited)
{
	int socks[2], control = user_control();
	int second = user_control();
	int in = dup(0);

	/* The child of the child has another file, on its standard input. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	ASSERT_TRUE(pp_send_file(socks[0], second));
	ASSERT_EQ(0, dup2(socks[1], 0));
	EXPECT_EQ(0, as_user(locked_memory, control));
	dup2(in, 0);
	close(in);
	close(socks[0]);
	close(socks[1]);
	close(second);
	close(control);
	EXPECT_EQ(-1, access(NODE, F_OK));
}

static int nothing_left_charged(int control)
{
	char *memory = anonymous(LENGTH);

	if (!limit_memory(LENGTH))
		return 1;
	if (user_register(control, NAME, memory, LENGTH))
		return 2;
	return 0;
}

TEST_F(limits, what_was_let_go_is_no_longer_charged)
{
	int i, control;

	for (i = 0; i < 3; i++) {
		control = user_control();
		EXPECT_EQ(0, as_user(nothing_left_charged, control));
		/* The process is gone, but its file isn't. */
		EXPECT_EQ(0, access(NODE, F_OK));
		close(control);
		EXPECT_EQ(-1, access(NODE, F_OK));
	}
}

#define MAX_POOLS	16

static int controls[MAX_POOLS + 1];

static int many_pools(int control)
{
	char *memory = anonymous(page);
	int nodes[MAX_POOLS];
	char name[32];
	int i;

	(void)control;
	for (i = 0; i < MAX_POOLS; i++) {
		snprintf(name, sizeof(name), NAME "%d", i);
		if (user_register(controls[i], name, memory, page))
			return 1;
		snprintf(name, sizeof(name), NODE "%d", i);
		nodes[i] = open(name, O_RDWR | O_CLOEXEC);
		if (nodes[i] < 0)
			return 2;
	}
	if (user_register(controls[i], NAME, memory, page) != -EMFILE)
		return 3;
	/* A record that somebody keeps counts, even when its pool is gone. */
	close(controls[0]);
	if (user_register(controls[i], NAME, memory, page) != -EMFILE)
		return 4;
	close(nodes[0]);
	return user_register(controls[i], NAME, memory, page) ? 5 : 0;
}

TEST_F(limits, a_user_has_so_many_pools)
{
	struct rlimit files = { 1024, 1024 };
	int i, status;
	pid_t pid;

	setrlimit(RLIMIT_NOFILE, &files);
	/* Of files that are nobody else's, so that a close is the last one */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i <= MAX_POOLS; i++)
			controls[i] = user_control();
		if (setresgid(UID, UID, UID) || setresuid(UID, UID, UID))
			_exit(100);
		_exit(many_pools(-1));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status >> 8);
	EXPECT_EQ(-1, access(NODE "1", F_OK));
}

/* Who gets the file has the pool's life in his hands. */
TEST_F(limits, a_file_that_was_given_away_keeps_the_pool)
{
	struct pp_client client;
	struct pinpool_buf buf;
	int socks[2], control, status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char *memory = anonymous(LENGTH);

		control = user_control();
		pp_fill(memory, LENGTH, 1);
		if (user_register(control, NAME, memory, LENGTH) ||
		    !pp_send_file(socks[1], control))
			_exit(1);
		_exit(0);
	}
	control = pp_receive_file(socks[0]);
	ASSERT_LE(0, control);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_TRUE(pp_client_open_at(&client, NODE));
	ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
	EXPECT_TRUE(pp_is_zero(client.window, LENGTH));
	pp_fill(client.window, LENGTH, 2);
	EXPECT_TRUE(pp_matches(client.window, LENGTH, 2));
	EXPECT_EQ(-EBUSY, user_register(control, NAME "2", self->memory, LENGTH));
	close(control);
	EXPECT_EQ(-1, access(NODE, F_OK));
	EXPECT_EQ(SIGBUS, pp_probe_read(client.window));
	pp_client_close(&client);
	close(socks[0]);
	close(socks[1]);
}

/* Over exec the file is closed, unless it is told to stay. */
TEST_F(limits, exec)
{
	int go[2], gone[2], status, keep;
	struct pp_client client;
	struct pinpool_buf buf;
	char byte;
	pid_t pid;

	for (keep = 0; keep < 2; keep++) {
		ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
		ASSERT_EQ(0, pipe2(gone, O_CLOEXEC));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			int control = user_control();
			char *memory = anonymous(LENGTH);

			if (user_register(control, NAME, memory, LENGTH))
				_exit(1);
			dup2(go[0], 0);
			dup2(gone[1], 1);
			if (keep)
				fcntl(control, F_SETFD, 0);
			execl("/bin/sh", "sh", "-c", "echo; read -r line", NULL);
			_exit(127);
		}
		close(gone[1]);
		ASSERT_EQ(1, read(gone[0], &byte, 1));
		EXPECT_EQ(keep ? 0 : -1, access(NODE, F_OK));
		if (keep) {
			ASSERT_TRUE(pp_client_open_at(&client, NODE));
			ASSERT_EQ(0, pp_alloc(client.fd, LENGTH, 0, &buf));
			pp_fill(client.window, LENGTH, 2);
			EXPECT_TRUE(pp_matches(client.window, LENGTH, 2));
			pp_client_close(&client);
		}
		ASSERT_EQ(1, write(go[1], "\n", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(-1, access(NODE, F_OK));
		close(go[0]);
		close(go[1]);
		close(gone[0]);
	}
}

TEST_F(limits, the_module_stays_while_the_node_is_open)
{
	int control = user_control();

	ASSERT_LE(0, control);
	EXPECT_EQ(-EWOULDBLOCK, pp_unload());
	close(control);
}

/* Registration, deletion and faults, each at any moment of the others */
#define ROUNDS	200

static volatile bool done;

static void *delete_all(void *arg)
{
	struct nl nl;

	(void)arg;
	if (nl_open(&nl))
		return "no netlink";
	while (!done)
		nl_pool_del(&nl, NAME, true);
	nl_close(&nl);
	return NULL;
}

static void *touch_all(void *arg)
{
	struct pinpool_buf buf;
	struct pp_client client;
	char byte;
	int fds[2];

	(void)arg;
	if (pipe(fds))
		return "no pipe";
	while (!done) {
		if (pp_client_open_at(&client, NODE) && !pp_alloc(client.fd, page, 0, &buf) &&
		    write(fds[1], client.window + buf.offset, 1) == 1 &&
		    (read(fds[0], &byte, 1) != 1 || byte)) {
			pp_client_close(&client);
			return "not zero";
		}
		if (client.fd >= 0)
			pp_client_close(&client);
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

TEST_F(limits, races)
{
	void *(*const fns[])(void *arg) = { delete_all, touch_all, touch_all };
	pthread_t threads[ARRAY_LEN(fns)];
	void *result;
	size_t i;
	int control;

	memset(self->memory, 'x', LENGTH);
	for (i = 0; i < ARRAY_LEN(fns); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, fns[i], NULL));
	for (i = 0; i < ROUNDS; i++) {
		control = user_control();
		EXPECT_EQ(0, user_register(control, NAME, self->memory, LENGTH));
		close(control);
		memset(self->memory, 'x', LENGTH);
	}
	done = true;
	for (i = 0; i < ARRAY_LEN(fns); i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(NULL, result)
			TH_LOG("%s", (char *)result);
	}
}

TEST_HARNESS_MAIN
