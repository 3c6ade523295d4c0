#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the guest harness itself, as TAP: that good is told from bad
set -u

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 bad=0

# check NAME EXPECTED-STATUS EXPECTED-OUTPUT RUN-ARGUMENT...
check() {
	local name=$1 want=$2 text=$3 status=0
	shift 3

	number=$((number + 1))
	"$here/run" "$@" >"$work/out" 2>&1 || status=$?
	if [ "$status" = "$want" ] && grep -qF -- "$text" "$work/out"; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$work/out"
		echo "# exit status $status, wanted $want with \"$text\""
		echo "not ok $number - $name"
		bad=1
	fi
}

# report NAME STATUS
report() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		bad=1
	fi
}

echo "packed file" >"$work/file"
mkdir "$work/disk"
echo "file on disk" >"$work/disk/file"
mke2fs -q -t ext4 -d "$work/disk" "$work/image" 16M >/dev/null

# shellcheck disable=SC2016 # it is the guest's shell that expands
check "the command's exit status and arguments come through" 7 '<a  b> <"c">' \
	-- sh -c 'printf "<%s> <%s>\n" "$@"; exit 7' sh 'a  b' '"c"'
check "a killed command is a failure" 119 "killed by signal 9" -- sh -c 'kill -9 $$'
check "a command that isn't there is a failure" 119 "No such file" -- /nonexistent
check "files, programs with libraries, disks and modules get there" 0 "all there" \
	-f "$work/file:/etc/packed" -b "$(command -v ls):/opt/ls" -D "$work/image" -M brd -- \
	sh -c 'grep -q packed /etc/packed && /opt/ls /data/file /dev/ram0 && echo all there'
check "no exit status is mistaken for a signal" 67 "exit 67" -- sh -c 'exit 67'
check "a bad time limit is refused" 2 "whole numbers" -t abc -- true
check "a time limit ends it" 124 "time limit of 5 s" -t 5 -- sleep 1000
check "a panic is a failure" 99 "died without a verdict" \
	-- sh -c 'echo c >/proc/sysrq-trigger; sleep 10'
# The last instruction's bytes, its address being that of "<": cc is a breakpoint.
again=""
for byte in 66 cc; do
	check "so is one of int3, by a byte of $byte" 99 "died without a verdict" -- sh -c "
		echo '<0>Oops: int3: 0000 [#1] SMP' >/dev/kmsg
		echo '<0>Code: 54 55 53 $byte <90> e8 f1' >/dev/kmsg
		echo c >/proc/sysrq-trigger; sleep 10"
	again+=" $(grep -c "once more" "$work/out")"
done
[ "$again" = " 2 0" ]
report "which is run again where the breakpoint is QEMU's alone" $?
check "a splat in the kernel's log is a failure" 97 "Call Trace" \
	-- sh -c 'echo l >/proc/sysrq-trigger'
check "a splat that a test announced is not" 0 "" -- sh -c '
	echo "pinpool-test: expect Call Trace" >/dev/kmsg
	echo l >/proc/sysrq-trigger'
check "nor is it forgiven when the test has ended" 97 "Call Trace" -- sh -c '
	echo "pinpool-test: expect Call Trace" >/dev/kmsg
	echo "pinpool-test: expect no more" >/dev/kmsg
	echo l >/proc/sysrq-trigger'
check "an empty announcement allows nothing" 97 "Call Trace" -- sh -c '
	echo "pinpool-test: expect " >/dev/kmsg
	echo l >/proc/sysrq-trigger'
# shellcheck disable=SC2016
check "a splat that was overwritten does not pass" 97 "log are lost" -- sh -c '
	echo l >/proc/sysrq-trigger
	line=$(head -c 900 /dev/zero | tr "\0" x)
	for i in $(seq 5500); do echo "$line"; done >/dev/kmsg'
check "only the kernel's own words count" 0 "" -- sh -c 'echo "BUG: no bug" >/dev/kmsg'
check "an error of QEMU is no verdict" 98 "QEMU failed" -q -no-such-option -- true

mkdir "$work/tmp"
TMPDIR=$work/tmp "$here/run" -q "-pidfile $work/pid" -- sleep 1000 >"$work/out" 2>&1 &
run=$!
for _ in $(seq 50); do
	[ ! -s "$work/pid" ] || break
	sleep 0.1
done
qemu=$(cat "$work/pid")
kill "$run"
wait "$run"
[ -n "$qemu" ] && ! kill -0 "$qemu" 2>/dev/null && [ -z "$(ls -A "$work/tmp")" ]
report "QEMU and temporary files go with run" $?

# shellcheck disable=SC2016
for i in 1 2; do
	"$here/run" -I -- sh -c '
		read -r a _ </proc/uptime
		i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
		read -r b _ </proc/uptime
		echo "loop: $a $b"' 2>/dev/null |
		awk '/^loop:/ { print int(($3 - $2) * 100 + 0.5) }' >"$work/time$i"
done
awk 'NR == 1 { a = $1 } END { exit !(NR == 2 && a > 0 && (a - $1) ^ 2 <= 1) }' \
	"$work/time1" "$work/time2"
report "-I: the same work takes the same time" $?

echo "1..$number"
exit $bad
