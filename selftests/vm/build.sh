#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a kernel from Debian's source, with what stock kernels don't have
#
# Usage: build.sh FLAVOUR
#
# Prints the directory of the kernel, against which modules are built. FLAVOUR is
# one of
#	uml		a User Mode Linux kernel with KUnit: vmlinux is a program
#	kasan		with KASAN, UBSAN, lockdep, kmemleak, fault injection, KCOV, KUnit
#	kcsan		with KCSAN, which finds data races
#	kmsan		with KMSAN, which finds use of what nobody wrote; clang builds it
#	dmem		the newest Linux, with the dmem cgroup controller and lockdep
# and what makes it such is in FLAVOUR.config; all but the first are for the guest, of
# which debug.config tells the rest, and have in root/ what Debian's packages have.
#
# It takes minutes (uml) or a quarter of an hour on two processors, and is kept in a
# cache outside the tree, $PINPOOL_CACHE or ~/.cache/pinpool. When the source, the
# configuration or this script changes, it is built again.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}
flavour=${1:-}
series=6.1 cc=gcc

case $flavour in
uml)
	arch=um targets=(vmlinux modules) configs=("$here/uml.config")
	# What UML is not made of: most of the source
	without=('*/arch/[!ux]*/*.[chSd]*' '*/tools/[!i]*/*' '*/net/*/*.c'
		 '*/drivers/[!bct]*/*.c' '*/drivers/gpu/*.h' '*/drivers/net/*.h') ;;
kasan | kcsan | kmsan | dmem)
	arch=x86 targets=(bzImage modules)
	configs=("$here/debug.config" "$here/debug-6.1.config" "$here/$flavour.config")
	case $flavour in
	kmsan)
		cc=clang ;;
	dmem)
		series=7
		configs=("$here/debug.config" "$here/dmem.config") ;;
	esac
	without=('*/arch/[!x]*/*.[chSd]*' '*/tools/perf/*' '*/tools/testing/*') ;;
*)
	echo "Usage: build.sh uml|kasan|kcsan|kmsan|dmem" >&2
	exit 2 ;;
esac

if [ "$series" = 6.1 ]; then
	package=linux-source-6.1
	version=$(dpkg-query -W -f '${Version}\n' 'linux-headers-6.1.*-common' | sort -V | tail -n 1)
else
	kernel=$("$here/kernel.sh" "$series")
	eval "$kernel"
	# shellcheck disable=SC2153 # that is where it is from
	version=${KVER%-*}
	package=linux-source-$(cut -d . -f 1-2 <<<"$version")
fi
recipe=$(cat "$0" "${configs[@]}" | sha256sum | cut -c 1-8)
root=$cache/$flavour-$version-$recipe

say() {
	echo "# $flavour kernel: $*" >&2
}

unpack() {
	dpkg --fsys-tarfile "$1" | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ --strip-components=1 --wildcards --exclude='*/Documentation/*/*' \
			--exclude='*/sound/*.[ch]' "${without[@]/#/--exclude=}"
}

# A line now and then; all of it goes to the log
progress() {
	tee -a "$log" | awk -v flavour="$flavour" '/^ *(CC|AR|LD) / && !(++objects % 100) {
		printf "# %s kernel: %d objects built\n", flavour, objects
		fflush()
	}' >&2
}

build() {
	local make=(nice make -j "$(nproc)" ARCH="$arch" CC="${CC:-$cc}" LOCALVERSION="-$flavour"
		    KBUILD_BUILD_TIMESTAMP=@0) missing

	cat "${configs[@]}" >../config
	"${make[@]}" -s KCONFIG_ALLCONFIG=../config allnoconfig
	# An option that went away, or that needs another one
	missing=$(grep '^CONFIG_' ../config | grep -vxFf .config) || true
	if [ -n "$missing" ]; then
		echo "build.sh: not to be had: $missing"
		return 1
	fi
	"${make[@]}" "${targets[@]}" || return
	[ "$arch" != um ] || return 0
	"${make[@]}" -s INSTALL_MOD_PATH=root modules_install
}

# Where `run` looks for it. It starts this kernel as firmware does: an ELF image with
# this much debugging resets at once.
finish() {
	local kver

	[ "$arch" != um ] || return 0
	kver=$(cat include/config/kernel.release)
	mkdir root/boot
	cp arch/x86/boot/bzImage "root/boot/vmlinuz-$kver"
	rm -f "root/lib/modules/$kver/build" "root/lib/modules/$kver/source"
}

# Modules need the headers, the scripts and what the top directory has.
strip_tree() {
	find . -mindepth 2 -type f ! -path './include/*' ! -path './scripts/*' ! -path './root/*' \
		! -path './arch/um/*' ! -path './arch/x86/*' ! -path './tools/objtool/objtool' -delete
	find . -name '*.[oa]' ! -path './scripts/*' -delete
	find . -type d -empty -delete
}

if [ ! -d "$root" ]; then
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	# With these, what still writes there has ended before it is removed.
	trap 'exit 130' INT
	trap 'exit 143' TERM
	say "fetching $package"
	mkdir "$tmp/tree"
	cd "$tmp"
	if [ "$series" = 7 ]; then
		"$here/suite.sh" "$tmp/apt" "$KSUITE" "$KSUITE-backports"
		export APT_CONFIG=$tmp/apt/apt.conf
	fi
	# Debian serves no longer what belongs to older headers.
	"$here/fetch.sh" "$package=$version" 2>/dev/null || "$here/fetch.sh" "$package"
	cd tree
	log=$tmp/log
	unpack ../*.deb
	say "building, which takes minutes, but only once"
	build 2>&1 | progress || {
		grep -iE 'error|not to be had' "$log" >&2
		exit 1
	}
	finish
	strip_tree
	# Whoever comes first wins.
	mv -T "$tmp/tree" "$root" 2>/dev/null || [ -d "$root" ]
fi

echo "$root"
