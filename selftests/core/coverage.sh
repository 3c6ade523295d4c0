#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How much of the offset allocator all its user-space tests together execute: a
# line per file, what is not covered, and HTML for a closer look
#
# Usage: coverage.sh BUILD
#
# Fails if the tests do, or if less than COVERAGE_MIN percent (95) of the lines or
# of the branches are covered.
set -eu

cd "$(dirname "$0")"
build=${1:-build}/coverage
min=${COVERAGE_MIN:-95}
core=$(cd ../../kmod && pwd)
branches=(--rc lcov_branch_coverage=1)

mkdir -p "$build"
build=$(cd "$build" && pwd)
find "$build" -name '*.gcda' -delete

# gcc's word for each line: not optimized, no 32-bit programs, nothing of clang's
make -s BUILD="$build" CFLAGS='-O0 -g -DCORE_COVERAGE' SANITIZE=--coverage \
	HAVE_M32= CLANG_WORKS= all
for test in "$build"/*_test "$build"/oa_kunit "$build"/offset_alloc_model \
		"$build/offset_alloc_exhaust_san quick"; do
	# shellcheck disable=SC2086 # The last one has an argument.
	$test >"$build/log" 2>&1 || {
		cat "$build/log"
		echo "coverage: failed: $test" >&2
		exit 1
	}
done

{
	lcov "${branches[@]}" --capture --directory "$build" --output-file "$build/all" &&
	lcov "${branches[@]}" --extract "$build/all" "$core/offset_alloc*" \
		--output-file "$build/info" &&
	genhtml "${branches[@]}" --title 'pinpool offset allocator' --prefix "$core" \
		--output-directory "$build/html" "$build/info"
} >"$build/log" 2>&1 || {
	cat "$build/log" >&2
	exit 1
}

awk -v min="$min" -F '[:,]' '
	function percent(hit, all) { return all ? 100 * hit / all : 100 }
	function row(name, lh, lf, bh, bf) {
		printf "%-28s %5d of %5d  %6.2f %%  %5d of %5d  %6.2f %%\n", name,
			lh, lf, percent(lh, lf), bh, bf, percent(bh, bf)
	}
	BEGIN {
		printf "%-28s %-24s  %s\n", "", "lines", "branches"
	}
	$1 == "SF" { file = $0; sub(/.*\//, "", file) }
	$1 == "DA" && $3 == 0 { missed = missed "\n  " file ":" $2 ": not executed" }
	$1 == "BRDA" && ($5 == "-" || $5 == 0) { never[file ":" $2]++ }
	$1 == "LH" { lh = $2 }
	$1 == "LF" { lf = $2 }
	$1 == "BRH" { bh = $2 }
	$1 == "BRF" { bf = $2 }
	$1 == "end_of_record" {
		row(file, lh, lf, bh, bf)
		LH += lh; LF += lf; BH += bh; BF += bf
		lh = lf = bh = bf = 0
	}
	END {
		row("all", LH, LF, BH, BF)
		if (missed)
			print "\nLines:" missed
		print "\nBranches never taken:"
		for (line in never)
			printf "  %s: %d\n", line, never[line] | "sort -t: -k1,1 -k2,2n"
		close("sort -t: -k1,1 -k2,2n")
		if (!LF || percent(LH, LF) < min || percent(BH, BF) < min) {
			print "coverage: less than " min " %" >"/dev/stderr"
			exit 1
		}
	}' "$build/info"
echo
echo "In detail: $build/html/index.html"
