#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build pinpool.ko for a guest kernel, beside what is built for this machine
#
# Usage: module.sh KVER HEADERS [MAKE ARGUMENT...]
#
# Prints the path of the module. The objects lie in a tree of links to the
# sources, build/KVER, so that kernels don't overwrite each other's.
set -eu -o pipefail

kver=$1
headers=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/$kver

mkdir -p "$out/kmod"
ln -sfn "$top/Kbuild" "$out/Kbuild"
ln -sfn "$top/uapi" "$out/uapi"
# A file that was renamed or removed must not live on here.
find "$out/kmod" -type l -delete
for file in "$top"/kmod/Kbuild "$top"/kmod/*.[ch]; do
	# Not what a build in place generated
	[ "${file%.mod.c}" != "$file" ] || ln -s "$file" "$out/kmod/"
done

# The compiler that made the kernel, as Kbuild does not know it by itself
! grep -qsx CONFIG_CC_IS_CLANG=y "$headers/include/config/auto.conf" || set -- CC=clang "$@"

# Debian's headers come without the vmlinux that BTF would be made from.
"$here/kmake.sh" "$headers" -s -j "$(nproc)" M="$out" W=1 "$@" modules 2>&1 |
	{ grep -v '^Skipping BTF generation' || true; } >&2
echo "$out/kmod/pinpool.ko"
