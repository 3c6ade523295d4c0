#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Provide a User Mode Linux kernel with KUnit, which stock kernels don't have
#
# Usage: uml.sh
#
# Prints, for the shell to eval:
#	UML_KERNEL	the kernel, a program
#	UML_BUILD	what to build modules against, with ARCH=um
#
# It is built from Debian's source of the kernel that the guest runs, within
# minutes, and kept in a cache outside the tree, $PINPOOL_CACHE or
# ~/.cache/pinpool. When that source, uml.config or this script changes, it is
# built again.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}
jobs=$(nproc)
package=linux-source-6.1

version=$(dpkg-query -W -f '${Version}\n' 'linux-headers-6.1.*-common' | sort -V | tail -n 1)
recipe=$(cat "$0" "$here/uml.config" | sha256sum | cut -c 1-8)
root=$cache/uml-$version-$recipe

# What UML is not made of: most of the source
unpack() {
	dpkg --fsys-tarfile "$1" | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ --strip-components=1 --wildcards \
			--exclude='*/Documentation/*/*' --exclude='*/arch/[!ux]*/*.[chSd]*' \
			--exclude='*/tools/[!i]*/*' --exclude='*/sound/*.[ch]' \
			--exclude='*/net/*/*.c' \
			--exclude='*/drivers/[!bct]*/*.c' --exclude='*/drivers/gpu/*.h' \
			--exclude='*/drivers/net/*.h'
}

# A line now and then; all of it goes to the log
progress() {
	tee -a "$log" | awk '/^ *(CC|AR|LD) / && !(++objects % 100) {
		printf "# UML kernel: %d objects built\n", objects
		fflush()
	}' >&2
}

build() {
	local make=(nice make -j "$jobs" ARCH=um CC="${CC:-gcc}") missing

	"${make[@]}" -s KCONFIG_ALLCONFIG="$here/uml.config" allnoconfig
	# An option that went away, or that needs another one
	missing=$(grep '^CONFIG_' "$here/uml.config" | grep -vxFf .config) || true
	if [ -n "$missing" ]; then
		echo "uml.sh: not to be had: $missing"
		return 1
	fi
	"${make[@]}" KBUILD_BUILD_TIMESTAMP=@0 vmlinux modules
}

# Modules need the headers, the scripts and what the top directory has.
strip_tree() {
	find . -mindepth 2 -type f ! -path './include/*' ! -path './scripts/*' \
		! -path './arch/um/*' ! -path './arch/x86/*' -delete
	find . -name '*.o' ! -path './scripts/*' -delete
}

if [ ! -d "$root" ]; then
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	# With these, what still writes there has ended before it is removed.
	trap 'exit 130' INT
	trap 'exit 143' TERM
	echo "# UML kernel: fetching $package" >&2
	mkdir "$tmp/tree"
	cd "$tmp"
	# Debian serves no longer what belongs to older headers.
	"$here/fetch.sh" "$package=$version" 2>/dev/null || "$here/fetch.sh" "$package"
	cd tree
	log=$tmp/log
	unpack ../*.deb
	echo "# UML kernel: building, which takes minutes, but only once" >&2
	build 2>&1 | progress || {
		grep -iE 'error|not to be had' "$log" >&2
		exit 1
	}
	strip_tree
	# Whoever comes first wins.
	mv -T "$tmp/tree" "$root" 2>/dev/null || [ -d "$root" ]
fi

printf '%s=%q\n' UML_KERNEL "$root/vmlinux" UML_BUILD "$root"
