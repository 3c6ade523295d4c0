#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# fio with its memory in a pool, by direct I/O to a file system and to a raw disk;
# fio reads back and verifies all that it wrote
#
# Needs the module with the unused pools `default`, and `huge` of huge pages; fio,
# preload.so, and a disk that may be overwritten, $PINPOOL_DISK (/dev/vda).
#
# shellcheck disable=SC2317	# check() calls the functions
here=$(cd "$(dirname "$0")" && pwd)
disk=${PINPOOL_DISK:-/dev/vda}
dir=${TMPDIR:-/tmp}
number=0 bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for need in fio pinpool; do
	command -v "$need" >/dev/null || { echo "1..0 # SKIP no $need in PATH"; exit 4; }
done

# check NAME COMMAND...: the test is good if the command is
check() {
	name=$1
	shift

	number=$((number + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$tmp/out"
		echo "not ok $number - $name"
		bad=1
	fi
}

# Of what a check does, tell the step that failed
need() {
	"$@" && return
	echo "failed: $*"
	return 1
}

# stat POOL KEY: a number that the tool tells of the pool
stat() {
	pinpool stat "$1" --json | sed -n "s/^ *\"$2\": \([0-9]*\),*$/\1/p"
}

# Nobody has the pool open or pages of it pinned, or soon will have.
is_whole() {
	tries=0
	while [ "$(stat "$1" free)" != "$(stat "$1" capacity)" ] && [ "$tries" -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	need test "$(stat "$1" free)" = "$(stat "$1" capacity)" &&
	need test "$(stat "$1" quarantined_extents) $(stat "$1" clients)" = "0 0" &&
	need test "$(stat "$1" free_extents)" = 1 && return
	pinpool stat "$1"
	return 1
}

# in_pool POOL SIZE ARGUMENT...: fio, each of whose jobs has so much of the pool
in_pool() {
	pool=$1 size=$2
	shift 2

	env PINPOOL_PRELOAD_SIZE="$size" LD_PRELOAD="$here/preload.so" \
		fio --name=job --mem=mmapshared:/dev/pinpool/"$pool" --direct=1 "$@"
}

# verified POOL SIZE JOBS ARGUMENT...: fio writes at random, and finds all it wrote
verified() {
	pool=$1 size=$2 jobs=$3
	shift 3

	before=$(stat "$pool" allocs)
	need in_pool "$pool" "$size" --numjobs="$jobs" --rw=randwrite --verify=crc32c \
		--do_verify=1 --verify_fatal=1 "$@" &&
	need test "$(stat "$pool" allocs)" = $((before + jobs)) &&
	is_whole "$pool"
}

# Without a buffer a window has no memory: what fio does there ends it.
no_buffer() {
	in_pool default 0 --rw=write --size=64K --filename="$disk"
	[ $? = 135 ] || grep -qi 'signal=7\|signal 7\|bus error' "$tmp/out" || return
	is_whole default
}

# Killed when a transfer is in flight, with many more to come
killed() {
	in_pool default 4M --thread --ioengine=libaio --iodepth=32 --bs=64k --rw=randread \
		--size=32M --time_based --runtime=100 --filename="$disk" &
	shell=$!
	until [ "$(stat default used)" != 0 ] &&
	      [ "$(awk '{ print $1 }' "/sys/block/${disk##*/}/inflight")" != 0 ]; do
		need kill -0 "$shell" || return
	done
	killall -9 fio
	wait "$shell"
	is_whole default
}

fs="--directory=$dir --unlink=1"
raw="--filename=$disk"
fixed=--fixedbufs=1
case $(uname -r) in
# See ring_registers_files() in ring.h
[1-5].* | 6.[0-4].*) fixed=--fixedbufs=0 ;;
esac

# shellcheck disable=SC2086	# some are several arguments
{
	check "psync, 4 KiB, file system" \
		verified default 4M 1 --ioengine=psync --bs=4k --size=1M $fs
	check "psync, 4 to 512 KiB, disk" \
		verified default 4M 1 --ioengine=psync --bsrange=4k-512k --size=8M $raw
	check "libaio, 32 of 4 KiB, disk" \
		verified default 4M 1 --ioengine=libaio --iodepth=32 --bs=4k --size=2M $raw
	check "libaio, 16 of 64 KiB, file system" \
		verified default 4M 1 --ioengine=libaio --iodepth=16 --bs=64k --size=4M $fs
	check "io_uring, 16 of 4 KiB, file system, $fixed" \
		verified default 4M 1 --ioengine=io_uring $fixed --iodepth=16 --bs=4k --size=2M $fs
	check "io_uring, 8 of 1 MiB, disk, $fixed" \
		verified default 9M 1 --ioengine=io_uring $fixed --iodepth=8 --bs=1m --size=16M $raw
	check "io_uring, 16 of 64 KiB, disk, huge pages, $fixed" \
		verified huge 4M 1 --ioengine=io_uring $fixed --iodepth=16 --bs=64k --size=8M $raw
	check "libaio, 4 of 1 MiB, file system, huge pages" \
		verified huge 6M 1 --ioengine=libaio --iodepth=4 --bs=1m --size=8M $fs
	check "splice, 64 KiB, file system" \
		verified default 4M 1 --ioengine=splice --bs=64k --size=4M $fs
	check "three processes with libaio, 8 of 16 KiB, disk" \
		verified default 2M 3 --ioengine=libaio --iodepth=8 --bs=16k --size=2M \
		--offset_increment=8M $raw
	check "fio without a buffer is stopped" no_buffer
	check "fio is killed amid transfers" killed
}

echo "1..$number"
exit $bad
