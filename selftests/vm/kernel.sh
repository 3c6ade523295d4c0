#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Provide a Debian stock kernel for the guest
#
# Usage: kernel.sh [SERIES]
#
# Prints, for the shell to eval:
#	KVER		the release, as uname -r gives it
#	KIMAGE		an ELF vmlinux, which QEMU boots without firmware, or a vmlinuz
#	KROOT		the unpacked package: boot/ and lib/modules/
#	KHEADERS	what to build modules against, by kmake.sh
#	KDOC		the kernel-doc script, which 7.x has not
#	KSUITE		the Debian release that serves it, if another than the machine's
#
# SERIES is one of
#	6.1		Debian 12's own; the one that the headers installed on this
#			machine belong to
#	6.12		from its backports
#	7, 7.<minor>	the newest such in the backports of Debian 13
#	kasan, kcsan, kmsan, dmem	those of build.sh, which are not Debian's own
#			and take a while
#
# The kernel is kept in a cache outside the tree, $PINPOOL_CACHE or
# ~/.cache/pinpool, and nothing is installed. Once there, a 6.12 or 7 stays the
# same; with linux-SERIES removed from the cache, the newest is fetched again.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=${1:-6.1}
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}

fail() {
	echo "kernel.sh: $*" >&2
	exit 1
}

case $series in
6.1) release="" ;;
6.12) release=bookworm ;;
7 | 7.*) release=trixie ;;
kasan | kcsan | kmsan | dmem) release="" ;;
*) fail "no recipe for Linux $series; there are 6.1, 6.12, 7, kasan, kcsan, kmsan, dmem" ;;
esac

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

# A directory in the cache for what is not complete yet
make_tmp() {
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	# With these, what still writes there has ended before it is removed.
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$tmp/debs"
}

# unpack TO PACKAGE...: merges what older packages have in / and newer ones in /usr
unpack() {
	local to=$1 dir package

	shift
	for dir in bin sbin lib lib64; do
		mkdir -p "$to/usr/$dir"
		ln -s "usr/$dir" "$to/$dir"
	done
	for package; do
		dpkg --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$to"
	done
}

# Make what was unpacked fit to boot, and give it its name.
finish() {
	local vmlinuz=$tmp/root/boot/vmlinuz-$kver

	mkdir -p "${vmlinuz%/*}"
	[ -e "$vmlinuz" ] || ln -s "../lib/modules/$kver/vmlinuz" "$vmlinuz"
	extract_vmlinux "$vmlinuz" "$tmp/root/vmlinux" || fail "no kernel found in $vmlinuz"
	depmod -b "$tmp/root" "$kver"
	# Whoever comes first wins.
	mv -T "$tmp/root" "$root" 2>/dev/null || [ -d "$root" ]
}

# The kernel that the headers installed here belong to
provide_installed() {
	headers=$(find /usr/src -maxdepth 1 -name "linux-headers-$series.*-amd64" \
			! -name '*-rt-*' ! -name '*-cloud-*' | sort -V | tail -n 1)
	[ -n "$headers" ] || fail "no headers of Linux $series; \`make deps\` installs them"
	kver=${headers#/usr/src/linux-headers-}
	root=$cache/linux-$kver
	[ ! -d "$root" ] || return 0

	echo "kernel.sh: fetching linux-image-$kver" >&2
	make_tmp
	(cd "$tmp/debs" && "$here/fetch.sh" "linux-image-$kver")
	unpack "$tmp/root" "$tmp"/debs/*.deb
	finish
}

# apt-get, with its words only where it fails
apt_get() {
	apt-get -q "$@" >"$tmp/log" 2>&1 && return
	cat "$tmp/log" >&2
	fail "apt-get $1 failed, see above"
}

# The packages of the kernel, to $tmp/debs. Its name has three parts in 7.x.
fetch_packages() {
	local names=("linux-headers-$kver" "linux-headers-${kver%-*}-common"
		     "linux-kbuild-${kver%-*}")

	if apt-cache show "linux-binary-$kver" >/dev/null 2>&1; then
		names+=("linux-base-$kver" "linux-binary-$kver" "linux-modules-$kver")
	else
		names+=("linux-image-$kver")
	fi
	(cd "$tmp/debs" && apt_get download "${names[@]}")
}

# Debian's headers want to lie in /usr/src, and bring the symbols' types, which are
# of no use without the tools that read them.
relocate_headers() {
	sed -i -E 's#([ =])/usr/src/#\1../#' "$1/Makefile"
	rm -f "$1/vmlinux"
}

# What another release builds modules with, to where kmake.sh looks for it
fetch_tools() {
	local compiler

	compiler=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' "$1/.kernelvariables")
	apt_get install -y --download-only --no-install-recommends "$compiler" \
		"linux-kbuild-${kver%-*}" make bash coreutils sed grep findutils gawk perl dpkg
	unpack "$tmp/root/tools" "$tmp"/apt/cache/archives/*.deb
	rm -rf "$tmp"/root/tools/usr/share/{doc,info,locale,man}
	# What the packages would do when they are installed
	ln -sf bash "$tmp/root/tools/usr/bin/sh"
	ln -sf gawk "$tmp/root/tools/usr/bin/awk"
	ln -s ../../../tools/usr "$1/.usr"
}

provide_served() {
	local newest link=$cache/linux-$series

	if [ ! -d "$link" ]; then
		make_tmp
		"$here/suite.sh" "$tmp/apt" "$release" "$release-backports"
		export APT_CONFIG=$tmp/apt/apt.conf
		newest=$(apt-cache pkgnames "linux-headers-$series." | sort -V |
			 sed -nE 's/^linux-headers-([0-9.]+[+~a-z0-9]*-amd64)$/\1/p' | tail -n 1)
		[ -n "$newest" ] || fail "$release-backports has no Linux $series"
		kver=$newest
		root=$cache/linux-$kver
		headers=$tmp/root/usr/src/linux-headers-$kver
		if [ ! -d "$root" ]; then
			echo "kernel.sh: fetching Linux $kver" >&2
			fetch_packages
			unpack "$tmp/root" "$tmp"/debs/*.deb
			relocate_headers "$headers"
			grep -qs "^VERSION_CODENAME=$release\$" /etc/os-release ||
				fetch_tools "$headers"
			finish
		fi
		ln -sfn "linux-$kver" "$link"
	fi
	root=$(readlink -f "$link")
	kver=${root##*/linux-}
	headers=$root/usr/src/linux-headers-$kver
}

# What build.sh made
provide_built() {
	headers=$("$here/build.sh" "$series")
	root=$headers/root
	kver=$(cat "$headers/include/config/kernel.release")
	image=$root/boot/vmlinuz-$kver
}

image=""
case $series in
kasan | kcsan | kmsan | dmem) provide_built ;;
6.1) provide_installed ;;
*) provide_served ;;
esac

kbuild=$(readlink -f "$headers/scripts")
printf '%s=%q\n' KVER "$kver" KIMAGE "${image:-$root/vmlinux}" KROOT "$root" \
	KHEADERS "$headers" KDOC "$kbuild/kernel-doc" KSUITE "$release"
