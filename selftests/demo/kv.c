// SPDX-License-Identifier: GPL-2.0
/*
 * What pinpool is for, for a person to watch: a store and its readers exchange
 * blocks by RDMA, out of a pool straight into a pool, and are killed at it
 *
 * Needs two RDMA devices that reach each other, and two pools.
 */
#define _GNU_SOURCE
#include "kv.h"
#include "show.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE	10.0	/* seconds */

/* The large ones take several messages of RDMA each. */
const struct kv_kind kv_kinds[KV_KINDS] = {
	{ 4096, 256 }, { 65536, 64 }, { 100003, 32 }, { 1 << 20, 8 }, { 17 << 20, 2 },
};

/* A process that was started, and the pipe by which it reports */
struct actor {
	pid_t pid;
	int report;
};

static const char *store_pool, *reader_pool;
static struct pinpool *pools[2];
static struct sockaddr_in store_address;
static int listener;

uint32_t kv_checksum(const void *data, size_t length)
{
	static uint32_t table[256];
	const uint8_t *bytes = data;
	uint32_t crc = ~0U;
	unsigned int i, bit;

	for (i = 0; !table[255] && i < 256; i++) {
		uint32_t rest = i;

		for (bit = 0; bit < 8; bit++)
			rest = rest >> 1 ^ (rest & 1 ? 0xedb88320 : 0);
		table[i] = rest;
	}
	while (length--)
		crc = crc >> 8 ^ table[(crc ^ *bytes++) & 0xff];
	return ~crc;
}

int kv_send(int fd, const void *message, size_t length)
{
	ssize_t done = 1;

	for (; length && done > 0; length -= done, message += done)
		done = write(fd, message, length);
	return done > 0;
}

int kv_receive(int fd, void *message, size_t length)
{
	ssize_t done = 1;

	for (; length && done > 0; length -= done, message += done)
		done = read(fd, message, length);
	return done > 0;
}

static void listen_for_readers(void)
{
	socklen_t length = sizeof(store_address);

	store_address.sin_family = AF_INET;
	store_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&store_address, sizeof(store_address)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&store_address, &length))
		die("a socket for readers", errno);
}

/* @loud counts for a reader only */
static struct actor start(bool is_store, bool loud)
{
	struct actor actor;
	int report[2];

	fflush(stdout);
	if (pipe(report))
		die("pipe", errno);
	actor.pid = fork();
	if (!actor.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(report[0]);
		if (is_store)
			kv_store(store_pool, listener, report[1]);
		kv_reader(reader_pool, &store_address, loud, report[1]);
		exit(0);
	}
	close(report[1]);
	actor.report = report[0];
	return actor;
}

static int get_report(const struct actor *actor)
{
	int report;

	return kv_receive(actor->report, &report, sizeof(report)) ? report : -EPIPE;
}

/* Returns its exit status, or minus the signal that it died of. */
static int end(struct actor *actor, int sig)
{
	int status;

	if (sig)
		kill(actor->pid, sig);
	if (waitpid(actor->pid, &status, 0) != actor->pid)
		die("waitpid", errno);
	close(actor->report);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Kill a process while a reader reads, at the third of the blocks that come then */
static void kill_during_read(struct actor *victim, const struct actor *reader)
{
	int i, failed = 0;

	for (i = 0; i < 3 && !failed; i++)
		failed = get_report(reader);
	verdict(!failed, "block after block is read, of %.0f MiB",
		kv_kinds[KV_KINDS - 1].size / MIB);
	verdict(end(victim, SIGKILL) == -SIGKILL, "killed during the next");
}

/* Wait for it, for the device needs a moment to let go of the last page. */
static void expect_empty(struct pinpool *pool, const char *name)
{
	double start = seconds(), now = start;
	struct pinpool_stats stats;

	for (;;) {
		stats = get_stats(pool);
		if ((!stats.used && !stats.quarantined) || now - start > DEADLINE)
			break;
		usleep(1000);
		now = seconds();
	}
	verdict(stats.free == stats.capacity && stats.free_extents == 1,
		"pool '%s': %.1f MiB used, %.1f MiB quarantined, %.1f MiB free in %llu extent, after %.0f ms",
		name, stats.used / MIB, stats.quarantined / MIB, stats.free / MIB,
		stats.free_extents, (now - start) * 1000);
}

static void describe_store(void)
{
	struct pinpool_stats stats = get_stats(pools[0]);

	verdict(stats.buffers == KV_BLOCKS, "%llu blocks, %.1f MiB, %.3f %% lost to rounding",
		stats.buffers, stats.requested / MIB,
		100.0 * (stats.used - stats.requested) / stats.used);
}

static void expect_blocks(const struct actor *reader)
{
	int bad = get_report(reader);

	verdict(!bad, "all %u blocks came by RDMA into the reader's window as they are in the store's",
		KV_BLOCKS);
}

static void run(void)
{
	struct actor store, reader, other;
	int status;

	printf("\n1. A store fills its pool with blocks and registers each for RDMA\n");
	store = start(true, false);
	verdict(!get_report(&store), "the store is ready");
	describe_store();

	printf("\n2. A reader reads each block into a buffer of its own pool\n");
	reader = start(false, true);
	expect_blocks(&reader);

	printf("\n3. The reader is killed (SIGKILL) while it reads\n");
	kill_during_read(&reader, &reader);
	expect_empty(pools[1], reader_pool);
	describe_store();

	printf("\n4. Another reader takes its place\n");
	other = start(false, false);
	expect_blocks(&other);

	printf("\n5. The store is killed (SIGKILL) while that one reads\n");
	kill_during_read(&store, &other);
	expect_empty(pools[0], store_pool);
	do {
		status = get_report(&other);
	} while (!status);
	verdict(status > 0, "the reader learns of it: %s", status > 0 ? ibv_wc_status_str(status) :
		pinpool_strerror(status));
	verdict(!end(&other, 0), "and goes on to a proper end");
	expect_empty(pools[1], reader_pool);

	printf("\n6. Others get the memory\n");
	successor(pools[0]);
	successor(pools[1]);
}

int main(int argc, char **argv)
{
	struct utsname uts;

	if (argc != 3) {
		fprintf(stderr, "Usage: kv STORE-POOL READER-POOL\n");
		return 2;
	}
	store_pool = argv[1];
	reader_pool = argv[2];
	if (!verbs_devices())
		die("RDMA device", ENODEV);
	pools[0] = open_pool(store_pool);
	pools[1] = open_pool(reader_pool);
	signal(SIGPIPE, SIG_IGN);
	listen_for_readers();
	uname(&uts);
	printf("\npinpool on Linux %s: pools '%s' of %.0f MiB and '%s' of %.0f MiB, RDMA by %d devices\n",
	       uts.release, store_pool, pinpool_capacity(pools[0]) / MIB, reader_pool,
	       pinpool_capacity(pools[1]) / MIB, verbs_devices());
	run();
	pinpool_close(pools[0]);
	pinpool_close(pools[1]);
	return conclusion();
}
