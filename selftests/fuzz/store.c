// SPDX-License-Identifier: GPL-2.0
/*
 * Programs on a disk, or in a file, as text: in the first slots those that run, one for
 * each session, for when the kernel dies of it; in those that follow, the ones that
 * reached something new
 */
#include "fuzz.h"

#include <sys/stat.h>

#define SLOT	16384
#define SLOTS	4096

static int store = -1;
static struct fz_prog *progs[SLOTS];
static unsigned int nr_progs;
static char text[SLOT] __attribute__((aligned(4096)));

static void put(unsigned int slot, const struct fz_prog *prog)
{
	memset(text, 0, sizeof(text));
	fz_print(prog, text, sizeof(text));
	if (store >= 0 && pwrite(store, text, SLOT, (off_t)slot * SLOT) != SLOT) {
		fprintf(stderr, "# the store is full: %s\n", strerror(errno));
		close(store);
		store = -1;
	}
}

static void remember(const struct fz_prog *prog)
{
	progs[nr_progs] = malloc(sizeof(*prog));
	*progs[nr_progs++] = *prog;
}

/* Programs that can't be read, of another version perhaps, are left out. */
bool fz_store_open(const char *path)
{
	struct fz_prog prog;
	unsigned int slot;

	store = open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
	if (store < 0)
		return false;
	for (slot = FZ_SESSIONS; slot < SLOTS; slot++) {
		if (pread(store, text, SLOT, (off_t)slot * SLOT) != SLOT || !text[0])
			break;
		text[SLOT - 1] = '\0';
		if (fz_parse(&prog, text))
			remember(&prog);
	}
	return true;
}

void fz_store_running(unsigned int session, const struct fz_prog *prog)
{
	if (store >= 0)
		put(session, prog);
}

unsigned int fz_store_nr(void)
{
	return nr_progs;
}

const struct fz_prog *fz_store_get(unsigned int number)
{
	return progs[number];
}

void fz_store_add(const struct fz_prog *prog)
{
	if (nr_progs == SLOTS - FZ_SESSIONS)
		return;
	if (store >= 0)
		put(FZ_SESSIONS + nr_progs, prog);
	remember(prog);
}
