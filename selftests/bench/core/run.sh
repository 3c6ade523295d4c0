#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark of the offset allocator: see README.md
#
#   run.sh [SECTION [SIZE]]
#
#   PEER=   shared objects with further allocators
#   QUICK=1 a tenth of the operations, and no 10^7 objects
#   TSV=1   nothing but figures on standard output
#   MISSES=1  no times, but what they come from: for each row, what callgrind's model of
#           the processor makes of branches and caches
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
out=$top/build/bench-core
objects=$top/selftests/build/bench-core
rows=("$@")

options=()
[ -z "${QUICK:-}" ] || options+=(-q)
for peer in ${PEER:-}; do
	options+=(-p "$(realpath "$peer")")
done

# callgrind writes a file for each row and allocator
count_events() {
	valgrind -q --tool=callgrind "$@" --instr-atstart=no --callgrind-out-file="$dumps/part" \
		"$objects/bench_core" -c "${options[@]}" "${rows[@]}" >&2
}

# A line for each
count() {
	count_events
	awk '/^desc: Trigger: Client Request:/ { row = $5 " " $6 " " $7 " " $8 }
	     /^totals:/ && row { print row, $2; row = "" }' "$dumps"/part*
}

# Per operation, the driver's own included: those of `null`
misses() {
	count_events --cache-sim=yes --branch-sim=yes
	echo "section          size  allocator        insns  mispredicted  L1d misses  LL misses"
	awk '/^events:/ { for (i = 2; i <= NF; i++) column[$i] = i }
	     /^desc: Trigger: Client Request:/ { section = $5; size = $6; peer = $7; ops = $8 }
	     function of(a, b) { return ($column[a] + $column[b]) / ops }
	     /^totals:/ && ops {
		printf "%-8s %12s  %-14s %7.1f %13.2f %11.2f %10.2f\n", section, size, peer,
			$column["Ir"] / ops, of("Bcm", "Bim"), of("D1mr", "D1mw"),
			of("DLmr", "DLmw")
		ops = 0
	     }' "$dumps"/part*
}

measure() {
	"$objects/bench_core" "${options[@]}" -i "$out/instructions" \
		-t "$here/published.tsv" -d "$out/figures.tsv" "${rows[@]}"
}

plot() {
	local names measured

	names=$(cut -f1 "$out/figures.tsv" | sort -u | tr '\n' ' ')
	measured=$(awk '$2 == "growth" { print $1 }' "$out/figures.tsv" | sort -u | tr '\n' ' ')
	gnuplot -e "figures='$out/figures.tsv'; names='$names'; measured='$measured'" \
		"$here/plot.gp" >"$out/bench-core.svg"
}

make -s -C "$here" BUILD="$objects" >&2
mkdir -p "$out"
dumps=$(mktemp -d)
trap 'rm -rf "$dumps"' EXIT

if [ -n "${MISSES:-}" ]; then
	misses
	exit
fi
echo "bench-core: counting instructions" >&2
count >"$out/instructions"
echo "bench-core: measuring time" >&2
if [ -n "${TSV:-}" ]; then
	measure >"$out/tables"
	awk -F '\t' -v OFS='\t' '$1 == "offset_alloc" { print $2, $3, $4, $5, $6, $7, $8 }' \
		"$out/figures.tsv"
else
	measure | tee "$out/tables"
fi
# A single section has not what the plot shows
[ ${#rows[@]} = 0 ] || exit 0
plot
echo "bench-core: tables, figures.tsv and bench-core.svg are in $out" >&2
