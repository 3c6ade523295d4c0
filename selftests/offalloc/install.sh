#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `make install` puts on a machine, as TAP: a program is built with it as the
# manual page says, and the core stays out of sight
# shellcheck disable=SC2317 # check() calls the functions
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
prefix=$tree/usr
libs=$prefix/lib
number=0 bad=0

# check NAME COMMAND...: it succeeds
check() {
	local name=$1
	shift

	number=$((number + 1))
	if "$@" >"$tree/log" 2>&1; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$tree/log"
		echo "not ok $number - $name"
		bad=1
	fi
}

config() {
	PKG_CONFIG_SYSROOT_DIR=$tree PKG_CONFIG_LIBDIR=$libs/pkgconfig pkg-config "$@" liboffalloc
}

# The example of the manual page, without its markup
example() {
	sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$prefix/share/man/man3/liboffalloc.3" |
		sed -e '/^\.[BE]d/d' -e 's/\\e/\\/g'
}

functions() {
	sed -n 's/^\t\(offalloc_[a-z_]*\);/\1/p' "$top/lib/offalloc/liboffalloc.map" | sort
}

# same_functions NM-OPTION... FILE: it shows the functions of the map, and no others
same_functions() {
	diff <(functions) <(nm --defined-only "$@" |
			    sed -n 's/^[0-9a-f]* [^A] \([^@]*\).*/\1/p' | sort)
}

declared() {
	diff <(functions) <(sed -n 's/^[a-z].*[ *]\(offalloc_[a-z_]*\)(.*/\1/p' \
			    "$prefix/include/offalloc.h" | sort)
}

# Each has a page of its own, and a line in the synopsis.
documented() {
	local f

	for f in $(functions); do
		grep -q '^\.so man3/liboffalloc.3$' "$prefix/share/man/man3/$f.3" || return
		grep -q "^\\.F[no] $f\\>" "$prefix/share/man/man3/liboffalloc.3" ||
			{ echo "$f is not in the synopsis"; return 1; }
	done
}

# A program that has a core of its own, of which the library must know nothing
other_core() {
	local flags="-O1 -w -I$top/kmod"

	cat >"$tree/other.c" <<-EOC
		#include <offalloc.h>
		#include "offset_alloc.h"

		int main(void)
		{
			struct offset_alloc_config config = { .capacity = 10 };
			struct offalloc_options options = { .size = sizeof(options), .capacity = 10 };
			static struct offset_alloc mine;
			struct offset_extent e;
			struct offalloc_extent f;
			struct offalloc *oa;

			return offset_alloc_init(&mine, &config) ||
			       offalloc_create(&options, &oa) ||
			       offset_alloc_alloc(&mine, 10, 0, &e) ||
			       offalloc_alloc(oa, 10, 0, &f) || e.offset != f.offset;
		}
	EOC
	# shellcheck disable=SC2086,SC2046
	cc $flags $(config --cflags) -o "$tree/other" "$tree/other.c" \
		"$top"/kmod/offset_alloc{,_aligned,_check,_chunk,_image,_report,_scatter,_tree}.c \
		"$libs/liboffalloc.a" -pthread &&
	"$tree/other"
}

# run_shared PROGRAM: with the library of the tree
run_shared() {
	LD_LIBRARY_PATH=$libs ldd "$1" | grep -F "$libs/liboffalloc.so.0" &&
	LD_LIBRARY_PATH=$libs "$1"
}

check "make install" make -s -C "$top/lib/offalloc" O="$tree/build" DESTDIR="$tree" \
	PREFIX=/usr install
check "nothing else is installed" diff - <(cd "$prefix" && find . ! -type d ! -path '*/man3/offalloc_*' |
		sort) <<-EOF
	./include/offalloc.h
	./lib/liboffalloc.a
	./lib/liboffalloc.so
	./lib/liboffalloc.so.0
	./lib/liboffalloc.so.0.1.0
	./lib/pkgconfig/liboffalloc.pc
	./share/man/man3/liboffalloc.3
EOF
check "the shared library shows its functions only" same_functions -D "$libs/liboffalloc.so"
check "so does the static one" same_functions -g "$libs/liboffalloc.a"
check "the header declares them" declared
check "the manual has them" documented
check "another core in the same program" other_core

example >"$tree/example.c"
# shellcheck disable=SC2046
check "the manual's example, shared" \
	cc -Wall -Wextra -Werror -o "$tree/shared" "$tree/example.c" $(config --cflags --libs)
check "runs" run_shared "$tree/shared"
# shellcheck disable=SC2046
check "the manual's example, static" cc -Wall -Wextra -Werror -static -o "$tree/static" \
	"$tree/example.c" $(config --static --cflags --libs)
check "runs" "$tree/static"

echo "1..$number"
exit $bad
