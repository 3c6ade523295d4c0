#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the guest of view.sh: clients at work, and what the tool shows of them
tests=/selftests
export TERM=xterm LC_ALL=C.UTF-8 NO_COLOR=''

# record NAME COLUMNS TTY-ARG...: what a command shows on a terminal
record() {
	name=$1 columns=$2
	shift 2
	"$tests/tty" -t 60 -r 24 -c "$columns" "$@" >"/tmp/$name" || echo "# $name: exit $?"
}

# named NAME PROGRAM: it under another name, as which it is shown
named() {
	ln -sf "$(command -v "$2")" "/tmp/bin/$1"
}

# worker NAME POOL SECONDS ARG...: a client that comes, and is killed
worker() {
	name=$1 pool=$2 seconds=$3
	shift 3
	named "$name" pinpool
	while [ ! -e /tmp/end ]; do
		timeout -s KILL "$seconds" "/tmp/bin/$name" alloc-test "$@" "$pool" >/dev/null 2>&1
	done
}

mkdir -p /tmp/bin /dev/pts
mount -t devpts devpts /dev/pts
pinpool set kv low 40% high 60%

worker kv_store kv 60 --max 8M --live 40 --ops 100000 &
worker kv_cache kv 60 --max 512K --live 300 --ops 100000 &
worker indexer kv 4 --max 2M --live 60 --ops 100000 &
worker camera frames 5 --max 8M --live 8 --ops 100000 &
named rdma_peer "$tests/hold"
/tmp/bin/rdma_peer /dev/pinpool/kv s:3072 2048 q:512 1024 q:256 -- \
	sh -c 'while [ ! -e /tmp/end ]; do sleep 0.2; done' &

# The second client that was killed is told of when the next line begins.
record monitor 112 -e died -e died -e : -k 2 -- pinpool monitor
record top 100 -- pinpool top -d 1 -n 9
record map 84 -- pinpool map kv
pinpool map kv --svg >/tmp/svg
touch /tmp/end
killall kv_store kv_cache indexer camera
wait

for name in monitor top map svg; do
	echo "== $name"
	base64 "/tmp/$name"
done
echo "=="
