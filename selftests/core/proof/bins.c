// SPDX-License-Identifier: GPL-2.0
/*
 * The offset allocator: proofs for cbmc, which tries all values at once
 *
 * The inputs are parameters: cbmc takes them to be anything. Beside the
 * assertions it proves that no shift is too wide and no conversion or sum loses
 * bits, where the function is listed so in prove.sh.
 */
#include "offset_alloc_aligned.c"
#include "offset_alloc_report.c"

#define assume(condition) __CPROVER_assume(condition)
#define prove(condition) __CPROVER_assert(condition, #condition)

/* Without its inner workings, which are beside the point here */
u32 oa_find_largest(const struct offset_alloc *oa)
{
	(void)oa;
	return OA_NIL;
}

/* Every size, and every sum of a size and an alignment, has a bin that holds it. */
void prove_bin_holds_size(u64 size)
{
	u32 bin = oa_bin(size);

	prove(bin < OFFSET_ALLOC_BINS);
	prove(oa_bin_min(bin) <= size);
	prove(size <= oa_bin_min(bin + 1) - 1);
}

/* Larger sizes have no smaller bins, and what a bin begins with is its least. */
void prove_bins_are_monotonic(u64 a, u64 b)
{
	assume(a <= b);
	prove(oa_bin(a) <= oa_bin(b));
}

/* The report by bin is the inverse, and no size is between two bins. */
void prove_report_is_inverse(u32 bin)
{
	static struct offset_alloc oa;
	struct offset_alloc_bin_report report, next;

	offset_alloc_report_bin(&oa, bin, &report);
	offset_alloc_report_bin(&oa, bin + 1, &next);
	if (bin >= OFFSET_ALLOC_BINS) {
		prove(!report.min_size && !report.max_size);
		return;
	}
	prove(report.min_size <= report.max_size);
	prove(oa_bin(report.min_size) == bin);
	prove(oa_bin(report.max_size) == bin);
	if (bin == 0)
		prove(report.min_size == 0);
	if (bin == OFFSET_ALLOC_BINS - 1)
		prove(report.max_size == U64_MAX);
	else
		prove(next.min_size == report.max_size + 1);
}

/* Bins of less than 2^9 have one size, the others are 1/64 of a power of two wide. */
void prove_width_of_bins(u64 size)
{
	u32 bin = oa_bin(size);
	u64 width = oa_bin_min(bin + 1) - oa_bin_min(bin);

	prove(oa_bin_is_exact(bin) == (size < OFFSET_ALLOC_EXACT_BINS));
	if (oa_bin_is_exact(bin))
		prove(width == 1);
	else
		prove(width == 1ULL << (fls64(size) - 1 - OFFSET_ALLOC_BIN_BITS));
}

/* Sizes of a bin differ in their keys, which have their order. */
void prove_keys_order_a_bin(u64 a, u64 b)
{
	assume(oa_bin(a) == oa_bin(b) && !oa_bin_is_exact(oa_bin(a)));
	prove((a < b) == (oa_tree_key(a) < oa_tree_key(b)));
	prove((a == b) == (oa_tree_key(a) == oa_tree_key(b)));
	/* No deeper than the array in which a walk keeps what it visits later */
	prove(oa_tree_key(a) << oa_bin_shift(a) == 0);
	prove(oa_bin_shift(a) <= 57);
}

/* With all that an aligned search feeds them */
void prove_alignment(u64 offset, u32 shift)
{
	u64 align, up, down;

	assume(offset <= OFFSET_ALLOC_MAX_CAPACITY && shift <= 63);
	align = 1ULL << shift;
	up = align_up(offset, align);
	down = align_down(offset, align);
	prove(offset + (align - 1) >= offset);
	prove(up % align == 0 && down % align == 0);
	prove(down <= offset && offset - down < align);
	prove(up >= offset && up - offset < align);
}

void prove_enough_for_alignment(u64 size, u32 shift)
{
	u64 align, enough;

	assume(size && size <= OFFSET_ALLOC_MAX_CAPACITY && shift <= 63);
	align = 1ULL << shift;
	enough = size + (align - 1);
	prove(enough >= size);
	prove(oa_bin(enough) < OFFSET_ALLOC_BINS);
	prove(oa_bin(enough) >= oa_bin(size));
}

/* Whatever bins have extents: the nearest one on either side, none between */
void prove_search_in_bitmap(u32 bin, u32 other)
{
	struct offset_alloc oa;
	u32 word, above, at_or_above, below;
	bool marked;

	oa.words = 0;
	for (word = 0; word < OFFSET_ALLOC_BINS / 64; word++)
		if (oa.marks[word])
			oa.words |= BIT_ULL(word);
	assume(bin < OFFSET_ALLOC_BINS && other < OFFSET_ALLOC_BINS);
	marked = oa.marks[other / 64] >> other % 64 & 1;
	above = oa_bin_above(&oa, bin);
	at_or_above = oa_bin_at_or_above(&oa, bin);
	below = oa_bin_at_or_below(&oa, bin);

	prove(above > bin && above <= OFFSET_ALLOC_BINS);
	prove(at_or_above >= bin && at_or_above <= OFFSET_ALLOC_BINS);
	prove(below <= bin || below == OFFSET_ALLOC_BINS);
	if (above < OFFSET_ALLOC_BINS)
		prove(oa.marks[above / 64] >> above % 64 & 1);
	if (at_or_above < OFFSET_ALLOC_BINS)
		prove(oa.marks[at_or_above / 64] >> at_or_above % 64 & 1);
	if (below < OFFSET_ALLOC_BINS)
		prove(oa.marks[below / 64] >> below % 64 & 1);
	if (marked && other > bin)
		prove(above <= other);
	if (marked && other >= bin)
		prove(at_or_above <= other);
	if (marked && other <= bin)
		prove(below >= other && below <= bin);
	prove(oa_bin_at_or_above(&oa, OFFSET_ALLOC_BINS) == OFFSET_ALLOC_BINS);
}

/* A bin is marked and unmarked alone, and the words follow. */
void prove_marks(u32 bin, u32 other, u32 what)
{
	struct offset_alloc oa;
	bool before;
	u32 word;

	oa.words = 0;
	for (word = 0; word < OFFSET_ALLOC_BINS / 64; word++)
		if (oa.marks[word])
			oa.words |= BIT_ULL(word);
	assume(bin < OFFSET_ALLOC_BINS && other < OFFSET_ALLOC_BINS);
	before = oa.marks[other / 64] >> other % 64 & 1;
	if (what == 0)
		oa_bin_mark(&oa, bin);
	else if (what == 1)
		oa_bin_unmark(&oa, bin);
	else
		oa_bin_unmark_if(&oa, bin, what == 2);
	if (other == bin && what < 3)
		before = what == 0;
	prove((oa.marks[other / 64] >> other % 64 & 1) == before);
	word = other / 64;
	prove((oa.words >> word & 1) == !!oa.marks[word]);
	prove(!(oa.words >> OFFSET_ALLOC_BINS / 64));
}
