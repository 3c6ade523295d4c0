#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make the data disk of a guest: an ext4 image with real files, and room to write
#
# Usage: data.sh KVER KIMAGE KROOT
#
# Prints the path of the image. The files are the guest's own kernel and some of
# its modules: every size from a few KiB up to tens of MiB.
set -eu

kver=$1
kimage=$2
kroot=$3
top=$(cd "$(dirname "$0")/../.." && pwd)
image=$top/build/data-$kver.img

if [ ! -s "$image" ]; then
	mkdir -p "$top/build"
	files=$(mktemp -d)
	trap 'rm -rf "$files"' EXIT
	cp "$kimage" "$files/vmlinux"
	cp "$kroot/boot/vmlinuz-$kver" "$files/vmlinuz"
	# The largest module, and of the rest every hundredth by size
	find "$kroot" -name '*.ko*' -printf '%s %p\n' | sort -rn |
		awk 'NR % 100 == 1 { print $2 }' | head -n 40 |
		xargs cp -t "$files"
	mke2fs -q -t ext4 -m 0 -d "$files" "$image.tmp" \
		"$(($(du -sm "$files" | cut -f1) + 128))M" >/dev/null
	mv "$image.tmp" "$image"
fi
echo "$image"
