#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests under stress, in guests, as TAP; ends with `N passed, N failed, N skipped`
#
# Usage: stress.sh [TEST...]
#
# $STRESS_SECONDS is about how long those tests take in all that can be told to (60), on
# a machine that has nothing else to do. The module is loaded and removed twice as often
# as there are seconds, 100 to 1000 times.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
seconds=${STRESS_SECONDS:-60}
cycles=$((seconds * 2))
[ $cycles -ge 100 ] || cycles=100
[ $cycles -le 1000 ] || cycles=1000
timed=(kills oom exercise cpu_hotplug memory_hotplug)
all=("${timed[@]}" reload million)
[ $# -gt 0 ] || set -- "${all[@]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# A processor of the guest's may have to wait for one of the machine's.
patience=rcupdate.rcu_cpu_stall_timeout=120

# guest PINPOOL-OPTION... -- TEST...
guest() {
	local pack=() options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	for test; do
		pack+=(-b "$here/build/$test:/selftests/$test")
	done
	"$here/../vm/pinpool" "${options[@]}" "${pack[@]}" -t $((seconds * 10 + 1200)) \
		-b "$(command -v stress-ng):/bin/stress-ng" \
		-f "$here/../run_tests.sh:/selftests/run_tests.sh" -- \
		env STRESS_SECONDS=$((seconds / ${#timed[@]})) PINPOOL_CYCLES=$cycles \
		PINPOOL_TEST_LIMIT=$((seconds * 5 + 900)) \
		/selftests/run_tests.sh "$@" | tee -a "$log" | sed -u 's/^[0-9]* passed, /# &/'
	[ "${PIPESTATUS[0]}" = 0 ] || status=1
}

make -s -C "$here"
rest=()
for test; do
	[ "$test" = million ] || rest+=("$test")
done
# What is freed is not zeroed by the kernel then; and some memory can be taken away.
[ ${#rest[@]} = 0 ] ||
	guest -n -m 1536M -a "init_on_alloc=0 movablecore=384M $patience" -- "${rest[@]}"
[ ${#rest[@]} = $# ] ||
	guest -m 7G -a "$patience" -p default:4112M -- million

awk '/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; s += $5 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$log"
exit $status
