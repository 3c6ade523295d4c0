#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the selftests, or those named, on a machine with the module loaded
#
# Usage: run_tests.sh [TEST...]
#
# $PINPOOL_TESTS are more of them, for a machine that has what they want. Ends with
# `N passed, N failed, N skipped`. Where PINPOOL_KO names the module it is loaded when
# it isn't, with the default pool. With PINPOOL_REQUIRE set, what can't be tested has
# failed, but for what few kernels have: the dmem cgroup controller.

here=$(cd "$(dirname "$0")" && pwd)
programs=$here
[ ! -d "$here/build" ] || programs=$here/build
limit=${PINPOOL_TEST_LIMIT:-600}
log=$(mktemp)
ended=$(mktemp)
trap 'rm -f "$log" "$ended"' EXIT
passed=0 failed=0 skipped=0

# shellcheck disable=SC2086 # tests are words
[ $# -gt 0 ] || set -- load abi alloc window isolation share share_load pins wait scatter at buffer_resize huge lifetime teardown \
	sysfs fdinfo trace netlink netlink_bad pools quota resize fill contig reserved none cgroup user user_limits unload concurrency abi_32 alloc_32 \
	window_32 share_32 buffer_resize_32 library control tool tool_view $PINPOOL_TESTS

for test; do
	program=$programs/$test
	[ ! -f "$here/$test.sh" ] || program=$here/$test.sh
	if [ ! -x "$program" ]; then
		if [ -n "$PINPOOL_REQUIRE" ]; then
			echo "not ok - $test: not built"
			failed=$((failed + 1))
		else
			echo "# $test: not built here"
			skipped=$((skipped + 1))
		fi
		continue
	fi
	# All but one of the tests want the module loaded.
	if [ -n "$PINPOOL_KO" ] && [ "$test" = load ] && [ -d /sys/module/pinpool ]; then
		rmmod pinpool
	elif [ -n "$PINPOOL_KO" ] && [ "$test" != load ] && [ ! -d /sys/module/pinpool ]; then
		insmod "$PINPOOL_KO" || exit
	fi

	echo "# $test"
	start=$(date +%s)
	{
		timeout -s KILL "$limit" "$program" 2>&1
		echo "$?" >"$ended"
	} | tee "$log"
	status=$(cat "$ended")
	p=$(grep '^ok ' "$log" | grep -cv '# SKIP')
	f=$(grep -c '^not ok ' "$log")
	s=$(grep -c '^ok .*# SKIP' "$log")
	[ "$status" != 4 ] || [ -z "$PINPOOL_REQUIRE" ] || [ "$test" = cgroup ] ||
		status="4, skipped"
	case $status in
	0) ;;
	4)
		s=$((s + 1)) ;;
	*)
		# It died, or took too long, without saying which test failed.
		if [ "$f" = 0 ]; then
			echo "not ok - $test: exit status $status"
			f=1
		fi ;;
	esac
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log")
	# A test that was skipped as a whole has no plan.
	if [ "${plan:-0}" != 0 ] && [ "$plan" != $((p + f + s)) ]; then
		echo "not ok - $test: $((p + f + s)) results where $plan were planned"
		f=$((f + 1))
	elif [ $((p + f + s)) = 0 ]; then
		echo "not ok - $test: tested nothing"
		f=1
	fi
	echo "# $test: $p passed, $f failed, $s skipped in $(($(date +%s) - start)) s"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
