#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Provide a Debian stock kernel for the guest
#
# Usage: kernel.sh [SERIES]
#
# Prints, for the shell to eval:
#	KVER		the release, as uname -r gives it
#	KIMAGE		an ELF vmlinux, which QEMU boots without firmware
#	KROOT		the unpacked package: boot/ and lib/modules/
#	KHEADERS	what to build modules against
#	KDOC		the kernel-doc script
#
# The kernel is kept in a cache outside the tree, $PINPOOL_CACHE or
# ~/.cache/pinpool, and nothing is installed. It is the one that the headers
# installed on this machine belong to.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
series=${1:-6.1}
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}

case $series in
6.1) ;;
*)
	echo "kernel.sh: no recipe for Linux $series; there is 6.1" >&2
	exit 1 ;;
esac

headers=$(find /usr/src -maxdepth 1 -name "linux-headers-$series.*-amd64" \
		! -name '*-rt-*' ! -name '*-cloud-*' | sort -V | tail -n 1)
if [ -z "$headers" ]; then
	echo "kernel.sh: no headers of Linux $series; \`make deps\` installs them" >&2
	exit 1
fi
kver=${headers#/usr/src/linux-headers-}
root=$cache/linux-$kver

# The compressed kernel lies somewhere within vmlinuz; try what looks like one.
extract_vmlinux() {
	local image=$1 to=$2 magic offset

	# xz, zstd, lzma, gzip
	for magic in '\xfd7zXZ\x00' '\x28\xb5\x2f\xfd' '\x5d\x00\x00\x00' '\x1f\x8b\x08'; do
		while read -r offset; do
			tail -c +$((offset + 1)) "$image" | {
				case $magic in
				*XZ*) xz -dcq ;;
				*28*) zstd -dcq ;;
				*5d*) xz -dcq --format=lzma ;;
				*) gzip -dcq ;;
				esac
			} >"$to" 2>/dev/null || true
			[ "$(head -c 4 "$to" | tail -c 3)" = ELF ] && return
		done < <(LC_ALL=C grep -aboP "$magic" "$image" | cut -d: -f1)
	done
	return 1
}

if [ ! -d "$root" ]; then
	echo "kernel.sh: fetching linux-image-$kver" >&2
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	# With these, what still writes there has ended before it is removed.
	trap 'exit 130' INT
	trap 'exit 143' TERM
	(cd "$tmp" && "$here/fetch.sh" "linux-image-$kver")
	dpkg -x "$tmp"/*.deb "$tmp/root"
	extract_vmlinux "$tmp/root/boot/vmlinuz-$kver" "$tmp/root/vmlinux" || {
		echo "kernel.sh: no kernel found in vmlinuz-$kver" >&2
		exit 1
	}
	depmod -b "$tmp/root" "$kver"
	# Whoever comes first wins.
	mv -T "$tmp/root" "$root" 2>/dev/null || [ -d "$root" ]
fi

kbuild=$(readlink -f "$headers/scripts")
printf '%s=%q\n' KVER "$kver" KIMAGE "$root/vmlinux" KROOT "$root" \
	KHEADERS "$headers" KDOC "$kbuild/kernel-doc"
