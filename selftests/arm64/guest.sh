#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the guest: what came of the device tree, and the tests. Ends with
# `N passed, N failed, N skipped`.

passed=0 failed=0 skipped=0
driver=/sys/bus/platform/drivers/pinpool-of
tests="$*"

# check NAME COMMAND...
check() {
	name=$1
	shift

	if "$@"; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name"
		failed=$((failed + 1))
	fi
}

said() {
	dmesg | grep -qE -- "$1"
}

# value POOL ATTRIBUTE VALUE
value() {
	[ "$(cat "/sys/class/pinpool/$1/$2")" = "$3" ] || {
		echo "# $1/$2: $(cat "/sys/class/pinpool/$1/$2")"
		return 1
	}
}

nodes() {
	there=$(cd /dev/pinpool && echo *)
	[ "$there" = "$1" ] || {
		echo "# there are $there"
		return 1
	}
}

insmod /pinpool.ko pools=default:64M || exit
check "good nodes make pools, bad ones none" nodes "default frames kept"
check "size of the region" value frames capacity 33554432
check "mode" [ "$(stat -c %a /dev/pinpool/frames)" = 666 ]
check "backing" value frames backing reserved
check "granule" value kept granule 65536
check "whole granules of the region" value kept capacity 8388608
check "zero" value kept zero always
check "its address is told, as it asks for" \
	sh -c "pinpool show frames --json | grep -q '\"bus_address\": 1879048192'"
check "but not that of others" \
	sh -c "pinpool show kept --json | grep -q '\"bus_address\": null'"
check "what is to be kept" sh -c "pinpool show kept --json | grep -q '\"keep\": true'"

check "no region" said 'bad-nothing: .*memory-region is missing'
check "no reserved region" said 'bad-where: .*memory-region is none that was reserved'
check "less than a granule" said 'bad-tiny: .*memory-region is less than a granule'
check "no-map" said 'bad-unmapped: .*memory-region has no-map'
check "region of another driver" said 'bad-others: .*memory-region is another driver'
check "bad name" said "bad-label: .*'\.\./etc/passwd' is no name for a pool"
check "name that is too long" said 'bad-length: .*label is not a string of up to 31'
check "bad granule" said 'bad-granule: .*pinpool,granule is no power of two'
check "no number" said 'bad-cells: .*pinpool,granule is not one cell'
check "bad mode" said 'bad-mode: .*pinpool,mode is none like'
check "bad zero" said 'bad-zero: .*pinpool,zero is none of'
check "name of another pool" said "zz-same-name: .*pool 'frames' can't be made"
check "region of another pool" \
	said "zz-same-memory: .*pool 'zz-same-memory' can't be made: Another pool has this region"

# The same backing without what the device tree says
check "memory that is none of the kernel's: not on this one" \
	sh -c "pinpool add other 2M backing reserved base 0x80000000 2>&1 | grep -q ZONE_DEVICE"

check "a pool that is deleted by hand" pinpool del kept
check "is gone" nodes "default frames"
echo kept >$driver/unbind
echo kept >$driver/bind
check "and there again when its driver is bound again" nodes "default frames kept"
exec 4<>/dev/pinpool/kept
echo kept >$driver/unbind
check "unbinding takes it from its clients" nodes "default frames"
check "whose calls fail" sh -c '! pinpool stat /proc/self/fd/4 2>/dev/null'
exec 4<&-

export TMPDIR=/data PINPOOL_KO=/pinpool.ko PINPOOL_REQUIRE=1
run() {
	"$@" | tee /tmp/log | sed 's/^[0-9]* passed, /# &/'
	# shellcheck disable=SC2046 # three words
	set -- $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' /tmp/log)
	passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
}

run env PINPOOL_DEV=/dev/pinpool/frames PINPOOL_KO= /selftests/run_tests.sh \
	alloc window isolation share buffer_resize pins wait scatter at lifetime teardown
# shellcheck disable=SC2086 # tests are words
run /selftests/run_tests.sh $tests

check "the module goes, and with it the pools" rmmod pinpool
insmod /pinpool.ko pools=
check "and brings them back" nodes "frames kept"
rmmod pinpool
check "no word of trouble in the log" sh -c \
	"! dmesg | grep -E 'WARNING|BUG|Oops|Call trace|refcount_t|leak'"
echo "$passed passed, $failed failed, $skipped skipped"
