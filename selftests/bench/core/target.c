// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Is a row at or past its target?
 */
#include <math.h>
#include <stdio.h>

#include "counts.h"
#include "peers.h"
#include "table.h"

/* What the allocator takes: all but the driver's own */
double net_instructions(const struct row *row, const char *peer)
{
	return counts_find(row->section, row->size, peer) -
	       counts_find(row->section, row->size, null_peer.name);
}

static bool has_target(const struct row *row)
{
	return row->full || row->min_avg || row->min_p99 || row->max_instructions ||
	       row->max_metadata;
}

/*
 * The state of a row in a word, or more where it falls short. Time has no
 * target: it depends on the machine.
 */
enum verdict target_verdict(const struct outcome *outcome, char *why, size_t size)
{
	const struct result *ours = &outcome->results[OURS];
	const struct row *row = outcome->row;
	double instructions = net_instructions(row, offset_alloc_peer.name);
	int used = 0;

	why[0] = 0;
	if (!has_target(row))
		return NO_TARGET;
	if (!ours->done)
		used += snprintf(why + used, size - used, " refused");
	else if (row->full && !ours->full)
		used += snprintf(why + used, size - used, " below the ceiling");
	if (row->min_avg && !(ours->avg >= row->min_avg))
		used += snprintf(why + used, size - used, " avg < %g", row->min_avg);
	if (row->min_p99 && !(ours->p99 >= row->min_p99))
		used += snprintf(why + used, size - used, " p99 < %g", row->min_p99);
	if (row->max_instructions && isnan(instructions))
		used += snprintf(why + used, size - used, " insns not counted");
	else if (row->max_instructions && instructions > row->max_instructions)
		used += snprintf(why + used, size - used, " insns > %g", row->max_instructions);
	if (row->max_metadata && !(ours->metadata <= row->max_metadata))
		used += snprintf(why + used, size - used, " B/live > %g", row->max_metadata);
	return used ? MISSED : REACHED;
}
