#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The tool `pinpool`: what it prints, and how it exits. With the module loaded,
# its default pool unused, and nothing but busybox.

number=0 bad=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

command -v pinpool >/dev/null || { echo "1..0 # SKIP no pinpool in PATH"; exit 4; }

# check NAME STATUS PATTERN COMMAND...: exits so, and prints a line like PATTERN
check() {
	name=$1 want=$2 pattern=$3
	shift 3

	number=$((number + 1))
	"$@" >"$out" 2>&1
	status=$?
	if [ $status = "$want" ] && grep -qE -- "$pattern" "$out"; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$out"
		echo "# exit status $status; wanted $want and \"$pattern\""
		echo "not ok $number - $name"
		bad=1
	fi
}

check "list shows the pool" 0 '^default +' pinpool list
check "info in words" 0 'granule +4\.0 KiB|granule' pinpool info default
check "stat in words" 0 'free .*100\.0 %' pinpool stat default
check "stat of all pools" 0 '^default' pinpool stat
check "list as JSON" 0 '"name": ?"default"' pinpool list --json
check "info as JSON, option first" 0 '"granule": ?[0-9]+' pinpool --json info default
check "stat as JSON" 0 '"used": ?0' pinpool stat default --json
check "by path" 0 'free' pinpool stat /dev/pinpool/default
check "alloc-test" 0 'ok' pinpool alloc-test default --ops 2000 --seed 1
check "alloc-test as JSON" 0 '"verdict": ?"ok"' pinpool alloc-test default --ops 500 --json
check "alloc-test leaves nothing" 0 '"buffers": ?0' pinpool stat default --json
check "no such pool: what to do" 1 'no such pool' pinpool stat nonexistent
check "not a pool" 1 'pinpool: /dev/null' pinpool info /dev/null
check "no command: the syntax" 2 'usage:' pinpool
check "unknown command: the syntax" 2 'no such command.*usage:' pinpool frobnicate
check "unknown option: the syntax" 2 'unknown option --bogus.*usage:' pinpool stat --bogus
check "missing pool: the syntax" 2 'which pool.*usage:' pinpool info
check "help" 0 'Usage: pinpool' pinpool --help
check "help of a command" 0 'Usage: pinpool stat' pinpool stat --help
check "version" 0 '^pinpool [0-9]+\.' pinpool --version
check "output that can't be written is a failure" 1 'standard output' \
	sh -c 'pinpool list >/dev/full'

echo "1..$number"
exit $bad
