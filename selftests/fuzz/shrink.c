// SPDX-License-Identifier: GPL-2.0
/*
 * Making a program that fails shorter, as long as it fails
 */
#include "fuzz.h"

#include <time.h>

static bool fails(struct fz_session *session, const struct fz_prog *prog)
{
	/* Some things go wrong now and then. */
	return prog->nr && (fz_session_run(session, prog) || fz_session_run(session, prog));
}

static bool without(struct fz_session *session, struct fz_prog *prog, unsigned int at,
		    unsigned int nr)
{
	struct fz_prog less = *prog;

	less.nr -= nr;
	memmove(&less.ops[at], &less.ops[at + nr], (less.nr - at) * sizeof(less.ops[0]));
	if (!fails(session, &less))
		return false;
	*prog = less;
	return true;
}

static bool simpler(struct fz_session *session, struct fz_prog *prog, unsigned int at,
		    unsigned int arg)
{
	struct fz_prog other = *prog;

	if (!other.ops[at].arg[arg])
		return false;
	other.ops[at].arg[arg] = 0;
	if (!fails(session, &other))
		return false;
	*prog = other;
	return true;
}

void fz_shrink(struct fz_session *session, struct fz_prog *prog, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int at, nr, arg;

	/* What comes behind the failure doesn't matter. */
	if (fz_session_at(session) + 1 < prog->nr)
		without(session, prog, fz_session_at(session) + 1,
			prog->nr - fz_session_at(session) - 1);
	for (nr = prog->nr / 2; nr; nr /= 2)
		for (at = 0; at + nr <= prog->nr && time(NULL) < end;)
			if (!without(session, prog, at, nr))
				at += nr;
	for (at = 0; at < prog->nr; at++)
		for (arg = 0; arg < FZ_ARGS && time(NULL) < end; arg++)
			simpler(session, prog, at, arg);
}
