// SPDX-License-Identifier: GPL-2.0
/*
 * The main job of pinpool on real files, for a person to watch
 *
 * A producer reads files into buffers of a pool by direct I/O and proves by
 * SHA-256 that window and file agree. A stranger tries to read and to free those
 * buffers. Then the producer is killed, and a successor takes the whole pool and
 * looks for anything left behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "show.h"

#define MAX_FILES	64
#define SECTOR		4096	/* direct I/O wants lengths in multiples of it */
#define MAX_LINES	16	/* of files, in what is printed */

struct item {
	const char *path;
	struct pinpool_buf buf;
};

static struct item items[MAX_FILES];
static int nr_items;

/* The SHA-256 of what can be read from @fd, by the program that people trust */
static void sha256(int fd, char hex[65])
{
	int out[2];
	pid_t pid;

	if (pipe(out))
		die("pipe", errno);
	pid = fork();
	if (!pid) {
		dup2(fd, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execlp("sha256sum", "sha256sum", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	if (read(out[0], hex, 64) != 64)
		memset(hex, '?', 64);
	hex[64] = '\0';
	close(out[0]);
	waitpid(pid, NULL, 0);
}

/* A child writes the window's memory to a pipe: fork() shares the window. */
static void sha256_memory(const char *data, size_t length, char hex[65])
{
	int in[2];
	pid_t pid;

	if (pipe(in))
		die("pipe", errno);
	pid = fork();
	if (!pid) {
		close(in[0]);
		while (length) {
			ssize_t written = write(in[1], data, length);

			if (written <= 0)
				_exit(1);
			data += written;
			length -= written;
		}
		_exit(0);
	}
	close(in[1]);
	sha256(in[0], hex);
	close(in[0]);
	waitpid(pid, NULL, 0);
}

/* Read a whole file to @to, past the page cache */
static void read_direct(const char *path, char *to, size_t length)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	size_t done = 0;
	ssize_t got;

	if (fd < 0)
		die(path, errno);
	while (done < length) {
		size_t want = (length - done + SECTOR - 1) & ~(size_t)(SECTOR - 1);

		got = read(fd, to + done, want);
		if (got <= 0)
			die(path, got ? errno : EIO);
		done += got;
	}
	close(fd);
}

/* Whether the file and its buffer have the same content */
static bool verify(struct pinpool *pool, const struct item *item, bool quiet)
{
	bool same;
	int fd = open(item->path, O_RDONLY | O_CLOEXEC);
	char of_file[65], of_window[65];

	if (fd < 0)
		die(item->path, errno);
	sha256(fd, of_file);
	close(fd);
	sha256_memory(pinpool_ptr(pool, &item->buf), item->buf.length, of_window);
	same = !strcmp(of_file, of_window);
	if (!quiet || !same)
		printf("   %-24.24s %9.2f MiB  @ %#11" PRIx64 "  %.12s… %s\n",
		       basename((char *)item->path), item->buf.length / MIB,
		       (uint64_t)item->buf.offset, of_window,
		       same ? "= file" : "DIFFERS FROM FILE");
	return same;
}

/* Tells the director where its buffers are, then waits for its end */
static void producer(const char *pool_name, int report)
{
	struct pinpool *pool = open_pool(pool_name);
	uint64_t total = 0;
	double start;
	int i, bad = 0;
	int err;

	for (i = 0; i < nr_items; i++) {
		err = pinpool_alloc(pool, items[i].buf.length, 0, &items[i].buf);
		if (err)
			die(items[i].path, err);
		total += items[i].buf.length;
	}
	start = seconds();
	for (i = 0; i < nr_items; i++)
		read_direct(items[i].path, pinpool_ptr(pool, &items[i].buf),
			    items[i].buf.length);
	start = seconds() - start;
	for (i = 0; i < nr_items; i++)
		bad += !verify(pool, &items[i], i >= MAX_LINES);
	if (nr_items > MAX_LINES)
		printf("   … and %d smaller ones\n", nr_items - MAX_LINES);
	verdict(!bad, "%d files, %.1f MiB read by O_DIRECT into the window at %.0f MiB/s",
		nr_items, total / MIB, total / MIB / start);
	fflush(stdout);
	if (write(report, &bad, sizeof(bad)) != sizeof(bad) ||
	    write(report, items, sizeof(items)) != sizeof(items))
		exit(2);
	for (;;)
		pause();
}

static sigjmp_buf stopped;

static void on_bus_error(int sig)
{
	siglongjmp(stopped, sig);
}

static bool can_read(const volatile char *address)
{
	if (sigsetjmp(stopped, 1))
		return false;
	(void)*address;
	return true;
}

static void stranger(struct pinpool *pool)
{
	struct sigaction action = { .sa_handler = on_bus_error };
	unsigned long tried = 0, seen = 0;
	int freed = 0;
	uint64_t at;
	int i;

	sigaction(SIGBUS, &action, NULL);
	for (i = 0; i < nr_items; i++) {
		const char *data = pinpool_ptr(pool, &items[i].buf);

		for (at = 0; at < items[i].buf.length; at += SECTOR) {
			tried++;
			seen += can_read(data + at);
		}
		freed += !pinpool_free(pool, items[i].buf.handle);
	}
	verdict(!seen, "%lu reads, one a page of every buffer: %lu ended in SIGBUS", tried,
		tried - seen);
	verdict(!freed, "%d handles tried with FREE: %d refused (no such buffer)", nr_items,
		nr_items - freed);
}

static int by_size(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->buf.length < y->buf.length) - (x->buf.length > y->buf.length);
}

/* Files are taken in the given order, as far as they fit into the pool. */
static void choose_files(struct pinpool *pool, char **paths)
{
	uint64_t room = pinpool_capacity(pool), extent;
	uint64_t granule = pinpool_granule(pool);
	struct stat st;

	for (; *paths && nr_items < MAX_FILES; paths++) {
		if (stat(*paths, &st) || !S_ISREG(st.st_mode) || !st.st_size)
			continue;
		extent = (st.st_size + granule - 1) & ~(granule - 1);
		if (extent > room)
			continue;
		room -= extent;
		items[nr_items].path = *paths;
		items[nr_items++].buf.length = st.st_size;
	}
	if (!nr_items)
		die("no file that fits into the pool", EINVAL);
	qsort(items, nr_items, sizeof(items[0]), by_size);
}

int main(int argc, char **argv)
{
	struct pinpool_stats stats;
	struct pinpool *pool;
	struct utsname uts;
	int report[2];
	pid_t pid;
	int bad;

	if (argc < 3) {
		fprintf(stderr, "Usage: demo POOL FILE...\n");
		return 2;
	}
	pool = open_pool(argv[1]);
	choose_files(pool, argv + 2);
	stats = get_stats(pool);
	uname(&uts);
	printf("\npinpool on Linux %s: pool '%s' of %.0f MiB, %.0f MiB free\n", uts.release,
	       argv[1], stats.capacity / MIB, stats.free / MIB);

	printf("\n1. A producer allocates a buffer for each file and reads the file into it\n");
	fflush(stdout);
	if (pipe(report))
		die("pipe", errno);
	pid = fork();
	if (!pid)
		producer(argv[1], report[1]);
	close(report[1]);
	if (read(report[0], &bad, sizeof(bad)) != sizeof(bad) ||
	    read(report[0], items, sizeof(items)) != sizeof(items)) {
		fprintf(stderr, "demo: the producer failed\n");
		return 1;
	}
	count_failures(bad);
	stats = get_stats(pool);
	printf("   pool: %.1f MiB used by %" PRIu64 " buffers, %.1f MiB free, %.3f %% lost to rounding\n",
	       stats.used / MIB, (uint64_t)stats.buffers, stats.free / MIB,
	       100.0 * (stats.used - stats.requested) / stats.used);

	printf("\n2. A stranger with a window of its own tries to get at these buffers\n");
	stranger(pool);

	printf("\n3. The producer is killed (SIGKILL) with all its buffers\n");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stats = get_stats(pool);
	verdict(!stats.used && !stats.quarantined, "%.1f MiB used, %" PRIu64 " buffers",
		stats.used / MIB, (uint64_t)stats.buffers);
	verdict(stats.free_extents == 1 && stats.largest_free == stats.capacity,
		"all memory is back in %" PRIu64 " free extent of %.0f MiB",
		(uint64_t)stats.free_extents, stats.largest_free / MIB);
	successor(pool);
	pinpool_close(pool);

	return conclusion();
}
