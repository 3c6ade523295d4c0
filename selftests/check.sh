#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All tests, each suite with its output live; ends with a table of them, what was left
# out, and `N passed, N failed`
#
# Usage: check.sh [all]
#
# The module's are run on each kernel of $KERNELS (6.1). `all` is for when there is
# time: with all supported kernels, those for debugging, and all else that takes long.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
log=$(mktemp)
failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT
passed=0 failed=0 skipped=0
rows=()
all=""
if [ "${1:-}" = all ]; then
	all=1
	: "${KERNELS:=6.1 6.12 7}"
fi
: "${KERNELS:=6.1}"

# What a suite counted itself, or else its TAP lines
count() {
	local totals

	totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 | tr -cs '0-9' ' ')
	if [ -z "$totals" ]; then
		totals="$(grep -E '^ok ' "$log" | grep -cv '# SKIP')"
		totals+=" $(grep -c '^not ok ' "$log") $(grep -cE '^ok .*# SKIP' "$log")"
	fi
	echo "$totals"
}

# What failed, and what was said just before; or the last that was said
excerpt() {
	{ grep -aE -B 8 '^not ok ' "$log" || tail -n 8 "$log"; } | tail -n 40 | cut -c -200 |
		sed 's/^/  /'
}

# suite TITLE COMMAND...
suite() {
	local title=$1 start=$SECONDS status p f s
	shift

	printf '\n== %s\n' "$title"
	"$@" 2>&1 | tr -d '\r' | tee "$log" | sed -u 's/^[0-9]* passed, /# &/'
	status=${PIPESTATUS[0]}
	read -r p f s <<<"$(count)"
	# A suite that failed without saying where, or that tested nothing
	if [ "$f" = 0 ] && { [ "$status" != 0 ] || [ "$p" = 0 ]; }; then
		echo "not ok - $title: exit status $status"
		f=1
	fi
	echo "# $title: $p passed, $f failed, ${s:-0} skipped in $((SECONDS - start)) s"
	rows+=("$(printf '%7d %7d %8d %6d s  %s' "$p" "$f" "${s:-0}" $((SECONDS - start)) "$title")")
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
	[ "$f" = 0 ] || { echo "$title:"; excerpt; } >>"$failures"
}

cd "$top" || exit
suite 'Allocator core under ASan and UBSan' make -s -C selftests/core run_tests
suite 'Allocator core in a kernel: KUnit under UML' selftests/core/kunit.sh uml
suite 'liboffalloc under ASan, UBSan and TSan, and installed' make -s -C selftests/offalloc run_tests
suite "What the tool draws, and bash's completion" make -s -C selftests/tool run_tests
suite 'Builds without a warning, sources without a complaint' selftests/lint.sh
suite 'Guest harness' selftests/vm/selftest.sh
for series in $KERNELS; do
	suite "Module on stock Linux $series, in a guest" \
		selftests/vm/pinpool -k "$series" -T -n -t 1200 -- \
		env PINPOOL_OPS=1000000 PINPOOL_TEST_LIMIT=900 /selftests/run_tests.sh
done
for shape in 33788K 32M:granule=64K:zero=always 640M:granule=2M; do
	suite "A pool of $shape" selftests/vm/pinpool -T -m 2G -p "default:$shape" -- \
		/selftests/run_tests.sh alloc window isolation share share_load pins wait scatter at buffer_resize huge lifetime \
		teardown concurrency
done
# The same over each backing
for series in $(tr ' ' '\n' <<<"$KERNELS 7" | sort -uV); do
	suite "Pools of each backing on Linux $series" \
		selftests/vm/pinpool -k "$series" -T -t 900 -m 2G -M vgem -p default:4M -- \
		/selftests/backings.sh
done
# Of what is the same for each architecture, only as much as there is time for
few=(abi netlink pools contig none user unload concurrency)
[ -z "$all" ] || few=()
suite 'Linux 6.1 for arm64, and its device tree' selftests/arm64/arm64.sh "${few[@]}"
suite 'Four GiB, reserved' selftests/vm/pinpool -T -n -m 7G -a "memmap=4G\$4608M" -M ramoops -- \
	/selftests/run_tests.sh reserved
suite 'Memory that can move, on Linux 7' selftests/vm/pinpool -k 7 -T -n -a movablecore=384M -- \
	/selftests/run_tests.sh reserved
suite 'Contiguous memory on two NUMA nodes, and CMA, on Linux 7' \
	selftests/vm/pinpool -k 7 -T \
	-q '-object memory-backend-ram,size=512M,id=m0 -object memory-backend-ram,size=512M,id=m1' \
	-q '-numa node,memdev=m0,cpus=0 -numa node,memdev=m1,cpus=1' -- \
	/selftests/run_tests.sh contig
# Drivers take dma-bufs in one way before 7 and in another since.
for series in $(tr ' ' '
' <<<"$KERNELS 7" | sort -uV); do
	suite "Shares in the hands of drivers on Linux $series" \
		selftests/clients/drivers.sh -k "$series"
done
for series in $KERNELS; do
	suite "Pools over dma-bufs on Linux $series" \
		selftests/vm/pinpool -k "$series" -T -M vgem -- /selftests/run_tests.sh dmabuf_pool
done
# Buffers registered with an io_uring want more than 6.1.
for series in $(tr ' ' '\n' <<<"$KERNELS 6.12" | sort -uV); do
	suite "fio, io_uring and vmsplice on Linux $series" \
		env KERNEL="$series" selftests/clients/io.sh
done
suite 'Clients of 100,000 buffers, in a pool of 512 MiB' \
	selftests/vm/pinpool -T -p big:512M -m 2G -- \
	env PINPOOL_DEV=/dev/pinpool/big /selftests/run_tests.sh teardown
for series in $KERNELS; do
	suite "trace-cmd on Linux $series" selftests/clients/trace.sh -k "$series"
done
for series in $KERNELS; do
	suite "The kernel's netlink client on Linux $series" selftests/clients/ynl.sh -k "$series"
done
for series in $KERNELS; do
	suite "RDMA over soft-RoCE on Linux $series" selftests/clients/rdma.sh -k "$series"
done

# The same programs each time, so that what fails does so for a change of the sources
suite "The module's calls, fuzzed on Linux 6.1" selftests/fuzz.sh -s 1 -t 60
suite 'Clients under stress on Linux 6.1' selftests/stress/stress.sh kills oom exercise \
	cpu_hotplug memory_hotplug reload

if [ -n "$all" ]; then
	suite 'Allocator core in a kernel: KUnit with KASAN' selftests/core/kunit.sh kasan
	suite 'Module on Linux with KASAN and lockdep, and what of it that covers' \
		selftests/coverage.sh
	suite 'Allocations and copies made to fail' \
		selftests/vm/pinpool -k kasan -T -t 7200 -m 2G -M vgem -- \
		env PINPOOL_TEST_LIMIT=3600 /selftests/run_tests.sh fault_data fault_control fault_load
	suite 'Module on Linux with KCSAN' selftests/vm/pinpool -k kcsan -T -t 5400 -p default:64M -- \
		env PINPOOL_OPS=100000 PINPOOL_TEST_LIMIT=1800 /selftests/run_tests.sh \
		alloc window isolation share share_load pins wait scatter at buffer_resize \
		lifetime teardown sysfs fdinfo netlink pools quota resize fill concurrency
	# Nothing of these is about time or many processors.
	suite 'Module on Linux with KMSAN' selftests/vm/pinpool -k kmsan -T -t 5400 -m 3G -c 1 -M vgem -- \
		env PINPOOL_OPS=10000 PINPOOL_TEST_LIMIT=1800 /selftests/run_tests.sh \
		abi alloc isolation share wait scatter at buffer_resize sysfs fdinfo netlink \
		netlink_bad pools quota none user library control tool
	suite "The module's calls, fuzzed with KASAN" selftests/fuzz.sh -k kasan -t 600
	suite "The module's calls, fuzzed with KCSAN" selftests/fuzz.sh -k kcsan -t 600
	suite 'Clients under stress for longer' env STRESS_SECONDS=600 selftests/stress/stress.sh
	suite 'RDMA over soft-RoCE with KASAN' selftests/clients/rdma.sh -k kasan
	suite 'Module on the newest Linux with lockdep and the dmem cgroup controller' \
		selftests/vm/pinpool -k dmem -T -n -t 3600 -m 1G -M vgem -- \
		env PINPOOL_OPS=100000 PINPOOL_TEST_LIMIT=900 PINPOOL_TESTS=dmabuf_pool /selftests/run_tests.sh
fi

printf '\n passed  failed  skipped    time\n'
printf '%s\n' "${rows[@]}"
[ -n "$all" ] || echo "
Left out: other kernels than Linux $KERNELS but where they are named; those with
KASAN, lockdep and kmemleak, with KCSAN, with KMSAN, and with the dmem cgroup controller;
allocations and copies made to fail; stress and fuzzing for longer, clients of a million
buffers. \`make check-all\` has all of that."
if [ -s "$failures" ]; then
	echo
	cat "$failures"
fi
printf '\n%d passed, %d failed' "$passed" "$failed"
[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
echo
[ "$failed" = 0 ]
