// SPDX-License-Identifier: GPL-2.0
/*
 * Shrinking by delta debugging: see model_shrink.h
 */
#include "model_shrink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model_run.h"

#define TRY_SECONDS	60
#define SHRINK_SECONDS	120

static void run_in_child(const struct sequence *seq, u32 check_every, bool show,
			 struct verdict *verdict)
{
	static struct run run;
	const char *broken;
	int null;

	if (!show) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	alarm(TRY_SECONDS);
	run.check_every = check_every;
	broken = run_sequence(&run, seq);
	verdict->nr_ops = run.nr_ops;
	verdict->allocs = run.ref.allocs;
	verdict->failures = run.ref.failures;
	verdict->given_up = run.ref.given_up;
	verdict->chunks_taken = run.chunks_taken;
	verdict->failed = broken;
	snprintf(verdict->why, sizeof(verdict->why), "%s", broken ? broken : "");
	/* Not _exit(): leaks are looked for at the end */
	exit(0);
}

void try_sequence(const struct sequence *seq, u32 check_every, bool show,
		  struct verdict *verdict)
{
	static struct verdict *shared;
	int status;
	pid_t pid;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	memset(shared, 0, sizeof(*shared));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid)
		run_in_child(seq, check_every, show, shared);
	waitpid(pid, &status, 0);
	*verdict = *shared;
	if (status) {
		verdict->failed = true;
		verdict->nr_ops = seq->nr;
		snprintf(verdict->why, sizeof(verdict->why), "crashed, wait status %#x",
			 status);
	}
}

struct shrink {
	struct sequence *best;
	struct sequence trial;
	u32 check_every;
	u32 tries;
	time_t end;
};

/* Does the trial still fail? Then it is the best so far. */
static bool better(struct shrink *s)
{
	struct verdict verdict;

	if (time(NULL) > s->end)
		return false;
	s->tries++;
	try_sequence(&s->trial, s->check_every, false, &verdict);
	if (!verdict.failed)
		return false;
	if (verdict.nr_ops < s->trial.nr)
		s->trial.nr = verdict.nr_ops;
	sequence_copy(s->best, &s->trial);
	return true;
}

static bool without(struct shrink *s, u32 from, u32 nr)
{
	u32 i;

	s->trial.config = s->best->config;
	s->trial.nr = 0;
	for (i = 0; i < s->best->nr; i++)
		if (i < from || i >= from + nr)
			sequence_add(&s->trial, &s->best->ops[i]);
	return better(s);
}

/* From the end, as later operations depend on the earlier ones */
static bool drop_ops(struct shrink *s, u32 nr)
{
	bool any = false;
	u32 from = s->best->nr;

	while (from) {
		from = from > nr ? from - nr : 0;
		any |= without(s, from, nr);
		if (from > s->best->nr)
			from = s->best->nr;
	}
	return any;
}

/* A smaller number at this place of the trial, which is a copy of the best */
static bool simplify(struct shrink *s, u64 *number)
{
	const u64 was = *number;
	const u64 simpler[] = { 0, 1, was / 2, was - was / 4, was - 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(simpler); i++) {
		if (simpler[i] >= was)
			continue;
		*number = simpler[i];
		if (better(s))
			return true;
	}
	*number = was;
	return false;
}

static bool simplify_op(struct shrink *s, u32 i)
{
	bool any = false;
	u32 j;

	for (j = 0; j < op_nr_operands(s->best->ops[i].code); j++)
		while (i < s->best->nr && simplify(s, &s->trial.ops[i].operand[j]))
			any = true;
	return any;
}

/* The numbers of the config are of several types. */
static bool simplify_config(struct shrink *s)
{
	struct offset_alloc_config *config = &s->trial.config;
	bool any = false;
	u64 number;

	for (;;) {
		bool smaller = false;

		sequence_copy(&s->trial, s->best);
		if (config->max_capacity > config->capacity) {
			config->max_capacity = config->capacity;
			smaller |= better(s);
		}
		sequence_copy(&s->trial, s->best);
		if (config->first_generation) {
			config->first_generation = 0;
			smaller |= better(s);
		}
		for (number = config->capacity / 2; !smaller && number; number /= 2) {
			sequence_copy(&s->trial, s->best);
			config->max_capacity -= number;
			config->capacity -= number;
			smaller |= better(s);
		}
		any |= smaller;
		if (!smaller)
			return any;
	}
}

u32 shrink(struct sequence *seq, u32 check_every)
{
	struct shrink s = {
		.best = seq,
		.check_every = 1,
		.end = time(NULL) + SHRINK_SECONDS,
	};
	bool any;
	u32 nr, i;

	sequence_copy(&s.trial, seq);
	if (!better(&s))
		s.check_every = check_every;
	for (nr = seq->nr / 2; nr > 1; nr /= 2)
		drop_ops(&s, nr);
	do {
		any = drop_ops(&s, 2) | drop_ops(&s, 1) | simplify_config(&s);
		for (i = 0; i < s.best->nr; i++) {
			sequence_copy(&s.trial, s.best);
			any |= simplify_op(&s, i);
		}
	} while (any);
	sequence_free(&s.trial);
	return s.tries;
}
