#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the selftests, or those named, on the kernel with KASAN, and tell by gcov what they
# cover of the module
#
# Usage: coverage.sh [TEST...]
#
# Prints which part of each file's lines, functions and branches they ran; which of them
# those are is in build/coverage/. Fails if a test does, or if all tests together ran less
# than COVERAGE_MIN percent (90) of the lines.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
vm=$top/selftests/vm
out=$top/build/coverage
status=0
mkdir -p "$out"

kernel=$("$vm/kernel.sh" kasan)
eval "$kernel"
objects=$top/build/$KVER/kmod
find "$objects" -name '*.gcda' -delete 2>/dev/null || true
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
truncate -s 64M "$disk"

# The guest leaves the counts on a disk, as a tar file.
# shellcheck disable=SC2016 # it is the guest's shell that expands
"$vm/pinpool" -k kasan -T -n -t 9000 -m 2G -M vgem -B GCOV_PROFILE=y \
	-w "$disk" -- sh -c '
	env PINPOOL_OPS=100000 PINPOOL_TEST_LIMIT=1800 \
		PINPOOL_TESTS=dmabuf_pool /selftests/run_tests.sh "$@"
	status=$?
	cd /sys/kernel/debug/gcov || exit
	find . -name "*.gcda" | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}" && cat "$file" >"/tmp/gcov/$file"
	done
	tar -C /tmp/gcov -cf /dev/vdb . && sync
	exit $status' sh "$@" || status=$?

tar -C / -xf "$disk" || exit
branches=(--rc lcov_branch_coverage=1)
{
	lcov "${branches[@]}" --capture --directory "$objects" --output-file "$out/all" &&
	lcov "${branches[@]}" --extract "$out/all" "$objects/*.c" --output-file "$out/info" &&
	genhtml "${branches[@]}" --title pinpool --prefix "$objects" \
		--output-directory "$out" "$out/info"
} >"$out/log" 2>&1 || {
	cat "$out/log" >&2
	exit 1
}
lcov "${branches[@]}" --list "$out/info" 2>/dev/null | sed 's/^/# /'
echo "# Line by line: ${out#"$top/"}/index.html"
if [ $# = 0 ]; then
	lcov --summary "$out/info" 2>/dev/null | awk -v min="${COVERAGE_MIN:-90}" '
		/lines/ { sub("%", "", $2); good = $2 >= min; lines = $2 }
		END {
			printf "%s - %s %% of the lines of the module ran, at least %s\n",
				good ? "ok" : "not ok", lines, min
			exit !good
		}' || status=1
fi
exit $status
