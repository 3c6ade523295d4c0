// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of one worker that do things to one client at the same time, for a moment.
 * What each one has of its own must be its own; what comes of calls that others get in
 * the way of is of no interest, but for the kernel's own complaints.
 */
#include "fuzz.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#define THREADS	3
#define BUFFERS	4

/* What they all have */
static struct {
	int fd;
	char *window;
	size_t capacity;
	uint64_t seed;
	uint64_t end_ns;
	uint64_t tags;			/* What it writes is above that, and no other's is. */
	uint64_t handles[THREADS][BUFFERS];	/* For others to meddle with */
	bool meddle;
	bool zero;
	const char *wrong;
} race;

struct racer {
	struct fz_random random;
	unsigned int number;
	struct pinpool_buf bufs[BUFFERS];
	uint64_t tags[BUFFERS];
	uint64_t tag;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* What is in a new buffer must be nothing, or this client's. */
static void look(struct racer *racer, unsigned int i)
{
	uint64_t tag;

	if (race.meddle || !race.zero)
		return;
	tag = fz_page_tag(race.window + racer->bufs[i].offset);
	if (tag && tag >> 34 != race.tags >> 34)
		race.wrong = "a new buffer has what somebody else wrote";
}

static void get(struct racer *racer, unsigned int i)
{
	struct pinpool_alloc alloc = {
		.size = sizeof(alloc), .length = FZ_PAGE * (1 + fz_below(&racer->random, 4)),
	};

	if (fz_below(&racer->random, 2)) {
		alloc.flags = PINPOOL_ALLOC_POPULATE;
		alloc.window = (uintptr_t)race.window;
	}
	if (!fz_below(&racer->random, 4))
		alloc.deadline_ns = now_ns() + 100000;
	if (pp_ioctl(race.fd, PINPOOL_IOC_ALLOC, &alloc))
		return;
	racer->bufs[i] = (struct pinpool_buf) {
		.length = alloc.length, .offset = alloc.offset, .handle = alloc.handle,
	};
	racer->tags[i] = 0;
	look(racer, i);
	race.handles[racer->number][i] = alloc.handle;
}

static void put(struct racer *racer, unsigned int i)
{
	int err = pp_free(race.fd, racer->bufs[i].handle);

	if (err && !race.meddle)
		race.wrong = "a buffer that is its own can't be freed";
	racer->bufs[i].handle = 0;
}

/* Others may have freed it, and then it is gone. */
static void use(struct racer *racer, unsigned int i)
{
	char *page = race.window + racer->bufs[i].offset;

	if (race.meddle) {
		pp_ioctl(race.fd, PINPOOL_IOC_STATS, page);
		return;
	}
	if (racer->tags[i] && fz_page_tag(page) != racer->tags[i])
		race.wrong = "a buffer was written by somebody else";
	racer->tags[i] = ++racer->tag;
	fz_page_fill(page, racer->tag);
}

static void stretch(struct racer *racer, unsigned int i)
{
	pp_resize(race.fd, racer->bufs[i].handle,
		  FZ_PAGE * (1 + fz_below(&racer->random, 6)));
}

static void lend(struct racer *racer, unsigned int i)
{
	int fd = pp_export(race.fd, racer->bufs[i].handle, 0);
	struct pinpool_buf buf;
	char *page;

	if (fd < 0)
		return;
	page = mmap(NULL, FZ_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		if (!race.meddle && racer->tags[i] && fz_page_tag(page) != racer->tags[i])
			race.wrong = "a share shows another buffer";
		munmap(page, FZ_PAGE);
	}
	pp_import(race.fd, fd, 0, &buf);
	close(fd);
}

/* Others' buffers, and windows */
static void meddle(struct racer *racer)
{
	unsigned int i = fz_below(&racer->random, BUFFERS);
	unsigned int other = fz_below(&racer->random, THREADS);
	void *window;

	if (race.meddle)
		pp_free(race.fd, race.handles[other][i]);
	switch (fz_below(&racer->random, 3)) {
	case 0:
		madvise(race.window, race.capacity, MADV_DONTNEED);
		break;
	case 1:
		window = mmap(NULL, race.capacity, PROT_READ,
			      MAP_SHARED | (race.meddle ? MAP_POPULATE : 0), race.fd, 0);
		if (window != MAP_FAILED)
			munmap(window, race.capacity);
		break;
	default:
		close(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC));
	}
}

static void *racer_run(void *arg)
{
	struct racer *racer = arg;

	if (sigsetjmp(fz_trap, 0)) {
		race.wrong = "a buffer that is its own can't be touched";
		return NULL;
	}
	while (!race.wrong && now_ns() < race.end_ns) {
		unsigned int i = fz_below(&racer->random, BUFFERS);

		if (!racer->bufs[i].handle) {
			get(racer, i);
			continue;
		}
		switch (fz_below(&racer->random, 10)) {
		case 0 ... 3:
			use(racer, i);
			break;
		case 4 ... 5:
			put(racer, i);
			break;
		case 6:
			stretch(racer, i);
			break;
		case 7:
			lend(racer, i);
			break;
		default:
			meddle(racer);
		}
	}
	return NULL;
}

/* A child with a copy of the window, while they are at it */
static void fork_meanwhile(void)
{
	pid_t pid = fork();

	if (!pid) {
		madvise(race.window, race.capacity, MADV_DONTNEED);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

void fz_do_race(struct fz_worker *worker)
{
	struct fz_mailbox *box = worker->box;
	static struct racer racers[THREADS];
	pthread_t threads[THREADS];
	struct pinpool_info info;
	char path[64];
	unsigned int i;

	snprintf(path, sizeof(path), "/dev/pinpool/%s", box->pool);
	memset(&race, 0, sizeof(race));
	memset(racers, 0, sizeof(racers));
	race.fd = open(path, O_RDWR | O_CLOEXEC);
	box->ret = race.fd < 0 ? -errno : pp_info(race.fd, &info);
	if (race.fd < 0)
		return;
	race.capacity = info.capacity;
	race.meddle = box->op.arg[1] % 2;
	race.zero = info.zero != PINPOOL_ZERO_NEVER;
	race.tags = (uint64_t)(getpid() % 8192) << 34;
	race.end_ns = now_ns() + 1000000 + box->op.arg[2] % (1 << 16) * 100;
	race.window = mmap(NULL, race.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, race.fd, 0);
	for (i = 0; race.window != MAP_FAILED && i < THREADS; i++) {
		racers[i].number = i;
		racers[i].tag = race.tags + ((uint64_t)i << 32);
		fz_seed(&racers[i].random, box->op.arg[3], i);
		pthread_create(&threads[i], NULL, racer_run, &racers[i]);
	}
	if (race.window != MAP_FAILED) {
		fork_meanwhile();
		while (i--)
			pthread_join(threads[i], NULL);
		munmap(race.window, race.capacity);
	}
	close(race.fd);
	snprintf(box->text, sizeof(box->text), "%s", race.wrong ?: "");
}
