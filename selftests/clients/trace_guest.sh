#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What trace-cmd records of the tool's test, beside what the pool counts
#
# It decodes the fields by itself, from what the kernel says of them.

attr=/sys/class/pinpool/default
cd /tmp || exit

result() {
	if [ "$1" = "$2" ]; then
		echo "ok $3 - $4"
	else
		echo "# $1, not $2"
		echo "not ok $3 - $4"
	fi
}

echo "TAP version 13"
echo "1..4"
allocs=$(cat $attr/allocs)
frees=$(cat $attr/frees)
said=$(trace-cmd record -q -b 16384 -e pinpool -o trace.dat \
	pinpool alloc-test --ops=2000 default 2>&1) || echo "# $said"
trace-cmd report -i trace.dat >events

result "$(grep -c ' pinpool_alloc: ' events)" "$(($(cat $attr/allocs) - allocs))" \
	1 "an event for each buffer allocated"
result "$(grep -c ' pinpool_free: .*others=0$' events)" "$(($(cat $attr/frees) - frees))" \
	2 "an event for each buffer freed"
# By handle: whatever comes, goes from where it was.
sed -n 's/.* pinpool_alloc: *//p' events | sort >came
sed -n 's/.* pinpool_free: *\(.*\) others=0$/\1/p' events | sort >went
result "$(sort came went | uniq -c | grep -cv '^ *2 ')" 0 \
	3 "buffers are freed with the fields they were allocated with"
faults=$(grep -c ' pinpool_fault: ' events)
[ "$faults" != 0 ] || faults="some at least"
result "$(grep -c ' pinpool_fault: .* error=0$' events)" "$faults" 4 "no fault failed"
sed -n '/ pinpool_/{s/^/# /p;q}' events
