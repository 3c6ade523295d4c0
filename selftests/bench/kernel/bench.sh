#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The offset allocator beside the range allocators of the guest's kernel, in a
# guest whose clock ticks once an instruction
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
vm=$top/selftests/vm

kernel=$("$vm/kernel.sh" "${KERNEL:-6.1}")
eval "$kernel"
out=$top/build/$KVER/bench
mkdir -p "$out"
find "$out" -type l -delete
for file in "$here"/Kbuild "$here"/*.[ch] "$top"/kmod/offset_alloc*.[ch]; do
	case $file in
	*.mod.c | */kmod/peer*) ;;
	*) ln -sf "$file" "$out/" ;;
	esac
done
"$vm/kmake.sh" "$KHEADERS" -s M="$out" W=1 modules 2>&1 | { grep -v '^Skipping BTF' || true; } >&2

echo "bench-kernel: Linux $KVER, all in one run; 1 ns is 1 instruction, median of 5" >&2
"$vm/run" -k "${KERNEL:-6.1}" -I -t 900 -M drm -M drm_buddy -f "$out/alloc_bench.ko:/alloc_bench.ko" -- \
	sh -c 'insmod /alloc_bench.ko || exit; dmesg | sed -n "s/^.*alloc_bench: //p"'
