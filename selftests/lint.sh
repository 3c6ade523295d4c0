#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Static checks, as TAP: compiler warnings, sparse, checkpatch, kernel-doc, the
# public headers by other compilers, shellcheck
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$top" || exit
number=0 bad=0

# report NAME FILE: the check is good if it had nothing to say
report() {
	number=$((number + 1))
	if [ -s "$2" ]; then
		sed 's/^/# /' "$2"
		echo "not ok $number - $1"
		bad=1
	else
		echo "ok $number - $1"
	fi
}

# The kernel's own checkpatch.pl, which only its source package carries
fetch_checkpatch() {
	local tmp

	[ ! -d "$cache/checkpatch" ] || return 0
	echo "# fetching checkpatch.pl"
	tmp=$(mktemp -d "$cache/checkpatch.XXXXXX") &&
	(
		cd "$tmp" &&
		"$top/selftests/vm/fetch.sh" linux-source-6.1 &&
		dpkg --fsys-tarfile linux-source-6.1_*.deb |
			tar -xO ./usr/src/linux-source-6.1.tar.xz |
			tar -xJ --strip-components=2 \
				linux-source-6.1/scripts/checkpatch.pl \
				linux-source-6.1/scripts/spelling.txt \
				linux-source-6.1/scripts/const_structs.checkpatch &&
		rm -f ./*.deb
	) >"$out/fetch" 2>&1 && mv "$tmp" "$cache/checkpatch" && return
	cat "$out/fetch"
	rm -rf "$tmp"
	exit 1
}

# checkpatch [OPTION...] -f FILE...: on all processors, so what it says may be in any order
checkpatch() {
	local options=()

	while [ "$1" != -f ]; do
		options+=("$1")
		shift
	done
	shift
	printf '%s\n' "$@" | xargs -P "$(nproc)" -n 8 perl "$cache/checkpatch/checkpatch.pl" \
		--no-tree --strict --terse --no-summary --show-types --max-line-length=100 \
		"${options[@]}" -f
}

# What user space has no counterpart for, what <kselftest_harness.h> looks like to
# checkpatch, and names that others chose
userspace=PREFER_KERNEL_TYPES,ARRAY_SIZE,VOLATILE,SSCANF_TO_KSTRTO,CAMELCASE
userspace+=,BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,EMBEDDED_FILENAME,COMPLEX_MACRO,SPACING
userspace+=,LONG_LINE_STRING,MACRO_ARG_REUSE

# use_kernel SERIES: sets KVER and the like
use_kernel() {
	local kernel

	kernel=$(selftests/vm/kernel.sh "$1") || exit
	eval "$kernel"
}

uapi/netlink/generate.sh --check >"$out/netlink" 2>&1
report "netlink: generated files are those of the specification" "$out/netlink"

for series in ${KERNELS:-6.1}; do
	use_kernel "$series"
	# A fresh build, or warnings of files that are up to date would go unseen.
	rm -rf "build/$KVER"
	selftests/vm/module.sh "$KVER" "$KHEADERS" 2>"$out/w1" >/dev/null ||
		echo "no module" >>"$out/w1"
	report "module builds with W=1 for $KVER" "$out/w1"

	# Debian's headers of 7.x have not what Kbuild needs to run sparse.
	[ "${series%%.*}" -lt 7 ] || continue
	selftests/vm/module.sh "$KVER" "$KHEADERS" C=2 CHECK=sparse 2>"$out/sparse" >/dev/null
	report "sparse on $KVER" "$out/sparse"
done

fetch_checkpatch
# The allocator's headers are also user space's, which has no BIT() and no u32.
both=(kmod/offset_alloc.h kmod/offset_alloc_internal.h)
mapfile -t sources < <(git ls-files 'kmod/*.[ch]' 'uapi/*.h' |
		       grep -vxF "$(printf '%s\n' "${both[@]}" kmod/trace.h)")
{
	checkpatch -f "${sources[@]}"
	# Tracepoints are written as nothing else is.
	checkpatch --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f kmod/trace.h
	checkpatch --ignore PREFER_KERNEL_TYPES,BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO \
		-f "${both[@]}"
} >"$out/checkpatch" 2>&1
report "checkpatch --strict on the module" "$out/checkpatch"

mapfile -t sources < <(git ls-files 'lib/*.[ch]' 'selftests/*.[ch]' |
		       grep -v '^selftests/kselftest/')
checkpatch --ignore "$userspace" -f "${sources[@]}" >"$out/checkpatch" 2>&1
report "checkpatch --strict on user space" "$out/checkpatch"

use_kernel 6.1
perl "$KDOC" -none kmod/*.[ch] uapi/linux/*.h >"$out/kernel-doc" 2>&1
report "kernel-doc" "$out/kernel-doc"

for lang in "gcc -std=c99 -xc" "gcc -m32 -std=gnu11 -xc" "g++ -std=c++11 -Wshadow -xc++"; do
	for header in lib/pinpool.h lib/pinpool_ctl.h lib/offalloc/offalloc.h; do
		$lang -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iuapi -Ilib \
			-include "$header" /dev/null
	done >"$out/header" 2>&1
	report "public headers with ${lang% *}" "$out/header"
done

# Each of them a program of its own
awk -v out="$out/example" '/^```/ { in_c = $0 == "```c"; number += in_c; next }
	in_c { print >(out number ".c") }' README.md
for example in "$out"/example[0-9]*.c; do
	gcc -D_GNU_SOURCE -Wall -Wextra -fsyntax-only -Iuapi -Ilib "$example"
done >"$out/example" 2>&1
report "the examples in README.md" "$out/example"

awk '/^```/ { in_c = $0 == "```c"; next } in_c' selftests/bench/core/README.md |
	gcc -Wall -Wextra -fsyntax-only -Iselftests/bench/core -xc - >"$out/example" 2>&1
report "the example in selftests/bench/core/README.md" "$out/example"

mapfile -t scripts < <(git ls-files | xargs grep -lE '^#!/bin/(ba)?sh')
shellcheck "${scripts[@]}" >"$out/shellcheck" 2>&1
report "shellcheck on ${#scripts[@]} scripts" "$out/shellcheck"

rm -f .checkpatch-camelcase*
echo "1..$number"
exit $bad
