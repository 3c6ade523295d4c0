// SPDX-License-Identifier: GPL-2.0
/*
 * What code of the kernel a program reached, as KCOV tells where the kernel has it;
 * what operations gave which errors counts as well, and is all there is elsewhere
 */
#include "fuzz.h"

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_DISABLE	_IO('c', 101)
#define KCOV_TRACE_PC	0

#define KCOV_WORDS	(1UL << 16)

static const char kcov_path[] = "/sys/kernel/debug/kcov";
static uint64_t *trace;
static int kcov = -1;

bool fz_cov_available(void)
{
	return !access(kcov_path, R_OK | W_OK);
}

/* Each process needs its own; after fork it still has its parent's. */
void fz_cov_open(void)
{
	if (trace)
		munmap(trace, KCOV_WORDS * sizeof(*trace));
	if (kcov >= 0)
		close(kcov);
	trace = NULL;
	kcov = open(kcov_path, O_RDWR | O_CLOEXEC);
	if (kcov < 0 || ioctl(kcov, KCOV_INIT_TRACE, KCOV_WORDS))
		return;
	trace = mmap(NULL, KCOV_WORDS * sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED,
		     kcov, 0);
	if (trace == MAP_FAILED || ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC))
		trace = NULL;
}

void fz_cov_begin(void)
{
	if (trace)
		__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
}

static void set(uint64_t *bits, unsigned int nr, uint64_t feature)
{
	uint32_t bit = (feature * 0x9e3779b97f4a7c15ULL) >> 40 & (nr - 1);

	bits[bit / 64] |= 1ULL << bit % 64;
}

/* Both places and steps from one to the next are features. */
void fz_cov_end(struct fz_cov *cov)
{
	uint64_t i, nr, last = 0;

	if (!trace)
		return;
	nr = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	if (nr > KCOV_WORDS - 1)
		nr = KCOV_WORDS - 1;
	for (i = 1; i <= nr; i++) {
		set(cov->pcs, FZ_COV_PCS, trace[i]);
		set(cov->steps, FZ_COV_STEPS, trace[i] ^ last << 17);
		last = trace[i];
	}
}

void fz_cov_note(struct fz_cov *cov, uint64_t feature)
{
	set(cov->steps, FZ_COV_STEPS, feature);
}

static unsigned int merge(uint64_t *all, const uint64_t *bits, unsigned int nr)
{
	unsigned int i, fresh = 0;

	for (i = 0; i < nr / 64; i++) {
		fresh += __builtin_popcountll(bits[i] & ~all[i]);
		all[i] |= bits[i];
	}
	return fresh;
}

/* Returns how many features are new to @all */
unsigned int fz_cov_merge(struct fz_cov *all, const struct fz_cov *cov)
{
	return merge(all->pcs, cov->pcs, FZ_COV_PCS) +
	       merge(all->steps, cov->steps, FZ_COV_STEPS);
}

unsigned int fz_cov_pcs(const struct fz_cov *cov)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FZ_COV_PCS / 64; i++)
		nr += __builtin_popcountll(cov->pcs[i]);
	return nr;
}
