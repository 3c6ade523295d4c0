#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In a guest with two RDMA devices: perftest with its memory in a pool, as TAP
#
# perftest opens and maps the file that it takes its memory from, and so has a
# window in which it has no buffers; preload.so gives it one.

node=/dev/pinpool/default
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
number=0 bad=0

# report NAME STATUS
report() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		sed 's/^/# /' "$log"/*
		echo "not ok $number - $1"
		bad=1
	fi
}

# stat FIELD
stat() {
	pinpool stat --json default | grep -o "\"$1\": *[0-9]*" | grep -o '[0-9]*$'
}

# Port 18515, which perftest listens on; it may end instead.
wait_server() {
	while kill -0 "$1" 2>/dev/null && ! grep -q ':4853 .* 0A ' /proc/net/tcp; do
		:
	done
}

# A window may have closed before the device let go of it.
wait_quarantine() {
	tries=0
	while [ "$(stat quarantined)" != 0 ] && [ $tries -lt 500 ]; do
		tries=$((tries + 1))
	done
}

# ends PROGRAM OPTION...: run both ends; the sum of their statuses
ends() {
	timeout 60 "$@" -d rxe0 -x 1 --mmap=$node >"$log/server" 2>&1 &
	server=$!
	wait_server $server
	timeout 60 "$@" -d rxe1 -x 1 --mmap=$node 10.0.0.1 >"$log/client" 2>&1
	status=$?
	wait $server
	return $((status + $?))
}

# run PROGRAM SIZE COUNT
run() {
	allocs=$(stat allocs)
	LD_PRELOAD=/lib/preload.so PINPOOL_PRELOAD_SIZE=4M ends "$1" -s "$2" -n "$3"
	report "$1: $3 times $2 bytes, from pool to pool" $?
	grep -E '^ *#bytes|^ [0-9]+ ' "$log/client" | sed 's/^/# /'
	[ "$(stat allocs)" = $((allocs + 2)) ]
	report "$1: both ends had a buffer of the pool" $?
	wait_quarantine
	[ "$(stat free)" = "$(stat capacity)" ]
	report "$1: all memory is back" $?
}

ends ib_write_bw
[ $? = 2 ] && [ "$(grep -l "Couldn't allocate MR" "$log"/* | wc -l)" = 2 ]
report "ib_write_bw: a window without buffers can't be registered" $?
run ib_write_bw 65536 200
run ib_read_bw 65536 200
run ib_write_bw 1048576 20
run ib_read_bw 1048576 20

echo "1..$number"
exit $bad
