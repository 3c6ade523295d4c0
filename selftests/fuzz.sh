#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The API fuzzer in a guest
#
# Usage: fuzz.sh [-k SERIES] [-t SECONDS] [-s SEED] [-j NUMBER] [-c DISK]
#
#	-k SERIES	kernel, as of vm/pinpool ($KERNEL, or else 6.1)
#	-t SECONDS	for how long to run random programs (90)
#	-s SEED		what they are made of, beside what is on the disk (by the clock)
#	-j NUMBER	how many programs at the same time (2)
#	-c DISK		where to keep the programs that reached something new, from one run
#			to the next
#
# Runs the programs of fuzz/regress first. Where the guest's kernel dies, the programs
# that ran are shown.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
series=${KERNEL:-6.1} seconds=90 seed=() sessions=2 disk=""
while getopts k:t:s:j:c: option; do
	case $option in
	k) series=$OPTARG ;;
	t) seconds=$OPTARG ;;
	s) seed=(-s "$OPTARG") ;;
	j) sessions=$OPTARG ;;
	c) disk=$OPTARG ;;
	*) sed -n 's/^# \(Usage.*\)/\1/p' "$0" >&2; exit 2 ;;
	esac
done

make -s -C "$here/fuzz"
if [ -z "$disk" ]; then
	disk=$(mktemp)
	trap 'rm -f "$disk"' EXIT
else
	mkdir -p "$(dirname "$disk")"
fi
# As large as the store can get; what was never written takes no space.
truncate -s 64M "$disk"

# The disk is the last, and has the last name. KCOV_INSTRUMENT means nothing to kernels
# without KCOV.
status=0
# shellcheck disable=SC2016 # It is the guest's shell that expands.
"$here/vm/pinpool" -k "$series" -B KCOV_INSTRUMENT=y -p "" -t $((seconds * 2 + 1800)) -w "$disk" \
	-b "$here/fuzz/build/fuzz:/fuzz" -f "$here/fuzz/regress:/regress" -- \
	sh -c 'exec /fuzz -t "$0" -c /dev/vdb "$@" /regress/*.prog' \
	"$seconds" -j "$sessions" "${seed[@]}" ||
	status=$?
if [ "$status" -gt 1 ]; then
	for ((i = 0; i < sessions; i++)); do
		echo "# The last program of session $i:"
		dd if="$disk" bs=16K skip="$i" count=1 status=none | tr -d '\0' | sed 's/^/#   /'
	done
fi
exit "$status"
