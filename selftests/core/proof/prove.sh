#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove the arithmetic of the offset allocator's bins with cbmc, as TAP
#
# Usage: prove.sh [PROOF...]
set -u

here=$(cd "$(dirname "$0")" && pwd)
core=$here/../../../kmod
log=$(mktemp)
trap 'rm -f "$log"' EXIT

cbmc=$("$here/cbmc.sh") || exit
# All proofs, or those named
proofs=("$@")
[ ${#proofs[@]} != 0 ] ||
	mapfile -t proofs < <(sed -n 's/^void \(prove_[a-z_]*\)(.*/\1/p' "$here/bins.c")

number=0 bad=0
for proof in "${proofs[@]}"; do
	number=$((number + 1)) start=$SECONDS
	# Sums of bits that wrap are meant where the size is 2^64: no check for these.
	if timeout 600 "$cbmc" -I "$core" --function "$proof" \
			--bounds-check --pointer-check --div-by-zero-check \
			--signed-overflow-check --undefined-shift-check --conversion-check \
			--unwind 64 --unwinding-assertions --drop-unused-functions \
			"$here/bins.c" >"$log" 2>&1 &&
	   grep -q '^VERIFICATION SUCCESSFUL' "$log"; then
		echo "# $(grep -c ': SUCCESS$' "$log") properties in $((SECONDS - start)) s"
		echo "ok $number - $proof"
	else
		grep -E 'FAILURE|error|ERROR' "$log" | sed 's/^/# /'
		tail -n 5 "$log" | sed 's/^/# /'
		echo "not ok $number - $proof"
		bad=1
	fi
done
echo "1..$number"
exit $bad
