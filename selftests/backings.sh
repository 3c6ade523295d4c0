#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The tests of the data plane, over a pool of each backing that this kernel can have. As
# root, with the module and vgem loaded.
#
# Usage: backings.sh [SHAPE...]
#
# A SHAPE is what `pinpool add` takes for backing, and further settings, with commas; or
# what lend takes. Ends with `N passed, N failed, N skipped`.

here=$(cd "$(dirname "$0")" && pwd)
programs=$here
[ ! -d "$here/build" ] || programs=$here/build
name=backing-test
tmp=$(mktemp -d)
log=$tmp/log
passed=0 failed=0 skipped=0
trap 'rm -rf "$tmp"; pinpool del $name --force 2>/dev/null' EXIT

[ $# -gt 0 ] || set -- pages contig,align=2M cma reserved,base=512M reserved,region=pinpool-test none \
	user:anon user:shmem user:hugetlb dmabuf:vgem dmabuf:udmabuf dmabuf:heap

# Of the first where there are windows, of the second where the memory is the pool's
# own, so that it can be pinned
offsets="alloc at"
windows="window isolation share share_load buffer_resize wait scatter lifetime teardown"
pins="pins"

skip() {
	echo "ok - $1 # SKIP $2"
	skipped=$((skipped + 1))
}

bad() {
	echo "not ok - $1"
	failed=$((failed + 1))
}

# Run tests on the pool
run() {
	PINPOOL_DEV=/dev/pinpool/$name PINPOOL_KO='' "$here/run_tests.sh" "$@" | tee "$log" |
		sed 's/^[0-9]* passed, /# &/'
	# shellcheck disable=SC2046 # three words
	set -- $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log")
	passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
}

delete() {
	error=$(pinpool del $name 2>&1) || bad "$1: $error"
}

# What `pinpool add` makes: `backing[,setting...]`
own() {
	size=32M
	[ "$1" != "${1%region=*}" ] && size=16M
	[ "$1" = cma ] && size=16M
	# shellcheck disable=SC2046 # settings are words
	if ! error=$(pinpool add $name $size mode 0600 $(echo "backing=$1" | tr , ' ') 2>&1); then
		case $error in
		*"can't have pools of this backing"*|*"No region of this name"*|*"CMA has no run"*)
			skip "$1" "$error" ;;
		*)
			bad "$1: $error" ;;
		esac
		return
	fi
	# shellcheck disable=SC2086 # tests are words
	case $1 in
	none)
		run $offsets
		skip "$1: $windows $pins" "there is no memory to map" ;;
	cma)
		run $offsets $windows
		skip "$1: $pins" "the kernel wants to have the place back, so nobody can pin it" ;;
	*)
		run $offsets $windows $pins ;;
	esac
	delete "$1"
}

# What lend makes: `backing:memory`. It holds it while it can read.
lent() {
	mkfifo "$tmp/in" "$tmp/out"
	"$programs/lend" "${1#*:}" $name $((32 * 1024 * 1024)) <"$tmp/in" >"$tmp/out" &
	exec 4>"$tmp/in" 3<"$tmp/out"
	rm "$tmp/in" "$tmp/out"
	if read -r _ <&3; then
		# shellcheck disable=SC2086 # tests are words
		run $offsets $windows
		skip "$1: $pins" "the pages are not the pool's own, and can't be pinned"
		delete "$1"
	fi
	exec 4>&- 3<&-
	wait $!
	case $? in
	0) ;;
	4) skip "$1" "this kernel hasn't such memory" ;;
	*) bad "$1: could not be made, or its owner died" ;;
	esac
}

echo 16 >/proc/sys/vm/nr_hugepages
for shape; do
	echo "# backing $shape"
	case $shape in
	*:*) lent "$shape" ;;
	*) own "$shape" ;;
	esac
done
echo 0 >/proc/sys/vm/nr_hugepages
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
