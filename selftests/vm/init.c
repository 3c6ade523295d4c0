// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of the guest: sets the stage, runs one command, looks for
 * trouble in the kernel's log, and tells QEMU how it went
 *
 * All it is told lies in /etc/vm: modules to load, file systems to mount ("device
 * directory type" a line), and the command, with a NUL after each argument.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define DEBUG_CON_PORT	0xe9
#define DEBUG_EXIT_PORT	0xf4
#define MAX_EXIT	119	/* the command's own codes end here */
#define EXIT_SPLAT	97
#define EXIT_HARNESS	98

static void finish(int code)
{
	fflush(NULL);
	sync();
	/* What the serial port has not sent yet would be lost. */
	tcdrain(STDOUT_FILENO);
	if (!iopl(3)) {
		/* QEMU's exit status alone might be a signal's or timeout's. */
		outb(code, DEBUG_CON_PORT);
		/* Not 0, which would look like an error of QEMU. */
		outb(code + 1, DEBUG_EXIT_PORT);
	}
	reboot(RB_AUTOBOOT);
	_exit(1);
}

static void die(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
	finish(EXIT_HARNESS);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
	} mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "tmpfs", "/tmp" },
		{ "tmpfs", "/run" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tracefs", "/sys/kernel/tracing" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].dir, 0755);
		/* A kernel may lack some of them; what needs one will say so. */
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL);
	}
}

/* There was no console before /dev was mounted. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		finish(EXIT_HARNESS);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

static void run_quietly(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void load_modules(void)
{
	FILE *list = fopen("/etc/vm/modules", "re");
	char path[512];
	int fd;

	if (!list)
		return;
	while (fscanf(list, "%511s", path) == 1) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			die(path);
		close(fd);
	}
	fclose(list);
}

static void mount_disks(void)
{
	FILE *list = fopen("/etc/vm/mounts", "re");
	char device[64], dir[256], type[32];
	int tries;

	if (!list)
		return;
	while (fscanf(list, "%63s %255s %31s", device, dir, type) == 3) {
		mkdir(dir, 0755);
		/* A disk may need a moment to be found. */
		for (tries = 500; access(device, F_OK) && tries; tries--)
			usleep(10000);
		if (mount(device, dir, type, 0, NULL))
			die(device);
	}
	fclose(list);
}

static char **read_command(void)
{
	static char text[65536];
	static char *argv[4096];
	size_t length, i = 0, n = 0;
	FILE *file = fopen("/etc/vm/cmd", "re");

	if (!file)
		die("/etc/vm/cmd");
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	while (i < length && n < ARRAY_SIZE(argv) - 1) {
		argv[n++] = text + i;
		i += strlen(text + i) + 1;
	}
	return argv;
}

/*
 * Runs the command in the foreground; reaps whatever else ends. The terminal is
 * this process's: if it were the command's, the kernel would hang it up when the
 * command ends, and drop what was not sent yet.
 */
static int run_command(void)
{
	char **argv = read_command();
	int status;
	pid_t pid, ended;

	setsid();
	ioctl(STDIN_FILENO, TIOCSCTTY, 1);
	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		execvp(argv[0], argv);
		fprintf(stderr, "init: %s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	do {
		ended = wait(&status);
	} while (ended != pid && (ended > 0 || errno == EINTR));

	if (WIFSIGNALED(status)) {
		fprintf(stderr, "init: %s was killed by signal %d (%s)\n", argv[0],
			WTERMSIG(status), strsignal(WTERMSIG(status)));
		return MAX_EXIT;
	}
	return WEXITSTATUS(status) > MAX_EXIT ? MAX_EXIT : WEXITSTATUS(status);
}

/* What the kernel never says when all is well */
static const char * const splats[] = {
	"BUG:", "WARNING:", "Oops", "KASAN:", "UBSAN:", "kernel BUG",
	"circular locking", "recursive locking", "inconsistent lock state",
	"lock held when returning", "bad unlock balance", "suspicious RCU usage",
	"blocked for more than", "soft lockup", "hard LOCKUP", "rcu: INFO:",
	"self-detected stall", "detected stalls", "Bad page", "Bad rss-counter",
	"unreferenced object", "general protection fault", "refcount_t:",
	"list_add corruption", "list_del corruption", "sleeping function called",
	"scheduling while atomic", "Call Trace:", "page allocation failure",
	"Out of memory:", "cut here", "trying to register non-static key",
};

/*
 * Announced by a test through /dev/kmsg: "pinpool-test: expect <text>"; until there
 * comes "pinpool-test: expect no more"
 */
static char expected[64][128];
static size_t nr_expected;

static void expect(const char *text)
{
	if (!strcmp(text, "no more"))
		nr_expected = 0;
	else if (*text && nr_expected < ARRAY_SIZE(expected))
		snprintf(expected[nr_expected++], sizeof(expected[0]), "%s", text);
}

/* A helper of the kernel's that the module calls, and what that calls */
#define NEAR_TOP	3

/*
 * The kernel itself has data races, known and harmless, and KMSAN is wrong about some of
 * it: of their reports, which lie between two lines of equals signs, only those count that
 * the module is in; and where KCSAN tells who made the accesses, near the top.
 */
static bool is_splat(const char *message)
{
	static unsigned int depth, most;	/* of calls, from the access on */
	static char report[256];
	size_t i;

	for (i = 0; i < nr_expected; i++)
		if (strstr(message, expected[i]))
			return false;
	if (strstr(message, "BUG: KCSAN:") || strstr(message, "BUG: KMSAN:")) {
		snprintf(report, sizeof(report), "%s", message);
		most = strstr(message, "KCSAN") ? NEAR_TOP : UINT_MAX;
		return false;
	}
	if (strstr(message, "=========="))
		report[0] = '\0';
	depth = strstr(message, " bytes by ") ? 0 : depth + 1;
	if (report[0] && depth <= most && strstr(message, "[pinpool]")) {
		fprintf(stderr, "init: %s\n", report);
		report[0] = '\0';
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(splats); i++)
		if (strstr(message, splats[i]))
			return true;
	return false;
}

/* Returns how many lines of the kernel's log are signs of trouble. */
static int scan_log(void)
{
	static const char prefix[] = "pinpool-test: expect ";
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned long priority, sequence, next = 0;
	char record[8192];
	char *message, *end;
	ssize_t length;
	int found = 0;

	if (fd < 0)
		die("/dev/kmsg");
	for (;;) {
		length = read(fd, record, sizeof(record) - 1);
		if (length < 0 && errno == EPIPE)
			continue;	/* overwritten meanwhile; go on */
		if (length <= 0)
			break;
		record[length] = '\0';
		message = strchr(record, ';');
		if (!message)
			continue;
		priority = strtoul(record, &end, 10);
		sequence = strtoul(end + 1, NULL, 10);
		/* What was overwritten can't be judged. */
		if (sequence != next) {
			fprintf(stderr, "init: %lu records of the kernel's log are lost\n",
				sequence - next);
			found++;
		}
		next = sequence + 1;
		message++;
		message[strcspn(message, "\n")] = '\0';
		/* Facility 0 is the kernel; other writers can't take it. */
		if (priority >> 3) {
			if (!strncmp(message, prefix, strlen(prefix)))
				expect(message + strlen(prefix));
		} else if (is_splat(message)) {
			if (!found++)
				fprintf(stderr, "init: the kernel's log shows trouble:\n");
			fprintf(stderr, "init:   %s\n", message);
		}
	}
	close(fd);
	return found;
}

/* What Linux 6.1 itself forgets, where it has no memory: names of directories in sysfs */
static const char * const forgotten[] = {
	"sysfs_slab_add+", "__class_register+",
};

/* One of kmemleak's reports */
struct leak {
	char text[4096];
	size_t length;
};

/* Returns how many objects are lost by it: 1 or, where there is none or it is known, 0 */
static int tell_leak(struct leak *leak)
{
	int found = leak->length > 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forgotten); i++)
		if (strstr(leak->text, forgotten[i]))
			found = 0;
	if (found)
		fprintf(stderr, "%s", leak->text);
	*leak = (struct leak) { };
	return found;
}

/* Returns how many objects nobody can find any more, where the kernel looks for that. */
static int scan_leaks(void)
{
	FILE *file = fopen("/sys/kernel/debug/kmemleak", "r+e");
	static struct leak leak;
	char line[512];
	int found = 0;
	int i;

	if (!file)
		return 0;
	/* What is younger than five seconds, or just changed, is not suspected. */
	sleep(6);
	for (i = 0; i < 2; i++) {
		fputs("scan", file);
		fflush(file);
	}
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "unreferenced object", strlen("unreferenced object")))
			found += tell_leak(&leak);
		leak.length += snprintf(leak.text + leak.length,
					sizeof(leak.text) - leak.length, "init: %s", line);
		if (leak.length >= sizeof(leak.text))
			leak.length = sizeof(leak.text) - 1;
	}
	found += tell_leak(&leak);
	fclose(file);
	return found;
}

/*
 * KCSAN looks at one access in so many, and waits so many microseconds for another
 * processor to touch the same. By its defaults, on a machine as slow as an emulated one, it
 * missed a counter that every ALLOC added to without a lock; and it is off until told.
 */
static void watch_races(void)
{
	static const char * const settings[][2] = {
		{ "/sys/module/kcsan/parameters/skip_watch", "300" },
		{ "/sys/module/kcsan/parameters/udelay_task", "300" },
		{ "/sys/kernel/debug/kcsan", "on" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		FILE *file = fopen(settings[i][0], "we");

		if (!file)
			continue;
		fputs(settings[i][1], file);
		if (fclose(file))
			die(settings[i][0]);
	}
}

int main(void)
{
	int code;

	mount_all();
	open_console();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("TMPDIR", "/tmp", 0);
	setenv("TERM", "linux", 0);
	sethostname("guest", 5);
	loopback_up();
	run_quietly((char *[]){ "/bin/busybox", "--install", "-s", "/bin", NULL });
	load_modules();
	mount_disks();
	watch_races();
	code = run_command();
	if (scan_leaks() + scan_log())
		code = EXIT_SPLAT;
	finish(code);
}
