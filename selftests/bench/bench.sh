#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmarks, in a guest whose clock ticks once an instruction: the same
# code gives the same figures, on whatever machine. What they can't show is the
# cost of cache and TLB misses.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

make -s -C "$here"
echo "ALLOC and FREE beside empty ioctls on the same node, in the guest;" \
     "1 ns is 1 instruction:"
"$top/selftests/vm/pinpool" -I -b "$top/selftests/build/bench/ioctl_bench:/ioctl_bench" -- \
	/ioctl_bench
