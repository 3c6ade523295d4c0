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

# callgrind writes a file for each row and allocator: make a line of each
count() {
	valgrind -q --tool=callgrind --instr-atstart=no --callgrind-out-file="$dumps/part" \
		"$objects/bench_core" -c "${options[@]}" "${rows[@]}" >&2
	awk '/^desc: Trigger: Client Request:/ { row = $5 " " $6 " " $7 " " $8 }
	     /^totals:/ && row { print row, $2; row = "" }' "$dumps"/part*
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
