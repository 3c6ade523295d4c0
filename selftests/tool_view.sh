#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# `pinpool map` and `pinpool top`: what they show of clients that are there, on a
# terminal and elsewhere. As root, with the module loaded, its default pool unused,
# and nothing but busybox, and `hold` and `tty` from beside this.
#
# shellcheck disable=SC2317	# check() calls the functions

here=$(cd "$(dirname "$0")" && pwd)
helpers=$here
[ ! -d "$here/build" ] || helpers=$here/build
number=0 bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
node=/dev/pinpool/default

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

command -v pinpool >/dev/null || skip "no pinpool in PATH"
[ "$(id -u)" = 0 ] || skip "needs root"
[ -x "$helpers/hold" ] || skip "hold is not built"
[ -x "$helpers/tty" ] || skip "tty is not built"

# A guest may not have what all machines have.
[ -e /etc/passwd ] || echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
[ -e /dev/pts/ptmx ] || { mkdir -p /dev/pts && mount -t devpts devpts /dev/pts; }

# What a client that ended had pinned may come back a little later.
idle() {
	until [ "$(cat /sys/class/pinpool/default/free)" = \
		"$(cat /sys/class/pinpool/default/capacity)" ]; do
		sleep 0.01
	done
}

# check NAME STATUS PATTERN COMMAND...: exits so, and prints a line like PATTERN, if any
check() {
	name=$1 want=$2 pattern=$3
	shift 3

	idle
	number=$((number + 1))
	"$@" >"$tmp/out" 2>&1
	status=$?
	if [ $status = "$want" ] &&
	   { [ -z "$pattern" ] || grep -qE -- "$pattern" "$tmp/out"; }; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$tmp/out" | cat -v
		echo "# exit status $status; wanted $want and \"$pattern\""
		echo "not ok $number - $name"
		bad=1
	fi
}

hold() {
	"$helpers/hold" "$node" "$@"
}

# As somebody who sits at a terminal, who has colours and UTF-8
tty() {
	TERM=xterm LC_ALL=C.UTF-8 NO_COLOR='' "$helpers/tty" "$@"
}

# Bytes of a map's extents by what they are used for, in KiB, and all of them
uses() {
	"$@" | tr -d ' ,"' | awk -F: '
		$1 == "bytes" { bytes = $2 }
		$1 == "use" { kib[$2] += bytes / 1024; all += bytes / 1024 }
		END { print "used", kib["used"] + 0, "shared", kib["shared"] + 0,
			"quarantined", kib["quarantined"] + 0, "all", all }'
}

# Somebody without privileges
unprivileged() {
	program=$(command -v "$1")
	shift
	start-stop-daemon -S -c nobody -x "$program" -- "$@"
}

# lines N PATTERN COMMAND...: it prints so many lines like PATTERN
lines() {
	wanted=$1 like=$2
	shift 2
	"$@" >"$tmp/lines" && [ "$(grep -cE -- "$like" "$tmp/lines")" = "$wanted" ] && return
	cat "$tmp/lines"
	return 1
}

check "map: an empty pool is free" 0 '0 B \.{64}$' pinpool map default --width 80
check "map: who has what" 0 '^A +[0-9]+ +[0-9]+ +hold +4\.0 MiB +1 ' \
	hold 4096 -- pinpool map default
check "map: each client has a letter" 0 'A{32}B{16}\.{16}$' \
	hold 2048 -- "$helpers/hold" $node 1024 -- pinpool map default --width 80
check "map: gaps show, and so does what is mixed" 0 ' 0 B A{16}\.{16}[a:]' \
	hold 1024 g:1024 32 -- pinpool map default --width 80
check "map: shared and quarantined, and totals" 0 'quarantined 64\.0 KiB' \
	hold 4096 s:1024 q:64 -- pinpool map default
check "map: as JSON, it adds up" 0 '^used 4096 shared 1024 quarantined 64 all 65536$' \
	uses hold 4096 s:1024 q:64 -- pinpool map default --json
check "map: as an SVG" 0 '^</svg>' hold 4096 -- pinpool map default --svg
check "map: no colours but on a terminal" 0 '' \
	lines 0 "$(printf '\033')" hold 64 -- pinpool map default
check "map: unless they are wanted" 0 '\[0;30;42mA' hold 64 -- pinpool map default --color=always
check "map: colours and UTF-8 on a terminal" 0 '\[0;30;42mA.*\[0;90m··' \
	tty -- "$helpers/hold" $node 64 -- pinpool map default
check "map: as wide as the terminal" 0 ' 0 B (·){112}' \
	tty -c 130 -- env NO_COLOR=1 pinpool map default
check "map: who may not gets told" 1 'CAP_SYS_ADMIN' unprivileged pinpool map default
check "map: no such pool" 1 'pinpool: .*nonexistent' pinpool map nonexistent
check "map: bad width" 2 '--width is .*usage:' pinpool map default --width 5
check "map: bad colour" 2 'auto, always or never.*usage:' pinpool map default --color=pink

check "top: a frame" 0 '^default +#{4}\.+ +6\.2 %$' \
	env COLUMNS=81 "$helpers/hold" $node 4096 -- pinpool top -b -n 1
check "top: clients" 0 '^default +[0-9]+ +[0-9]+ hold +.* 4\.0 MiB +1 +0 +64\.0 KiB$' \
	hold 4096 q:64 -- pinpool top -b -n 1
check "top: shares" 0 ' hold .* 1\.0 MiB +1 +1 +0 B$' hold s:1024 -- pinpool top -b -n 1
check "top: as many frames as wanted" 0 '' \
	lines 3 '^pinpool top' pinpool top -b -n 3 -d 0.1
check "top: --json, with rates but in the first frame" 0 '' \
	lines 2 'allocs_per_second": (null|0\.0)' pinpool top --json -n 2 -d 0.1
check "top: who may not sees pools" 0 '^default ' unprivileged pinpool top -b -n 1
check "top: and is told of clients" 0 'CAP_SYS_ADMIN' unprivileged pinpool top -b -n 1
check "top: not without a terminal" 1 '-b prints' pinpool top
check "top: bad delay" 2 '--delay is .*usage:' pinpool top -d never
check "top: bad count" 2 '--count is .*usage:' pinpool top -n 0

# The terminal is as it was: else `tty` ends with 121.
check "top: on a terminal, until q" 0 '\[\?1049h.*pinpool top' tty -e FRAG -s q -- pinpool top
check "top: the screen is given back" 0 '\[\?25h.*\[\?1049l' tty -e FRAG -s q -- pinpool top
for signal in 2 15 1; do
	check "top: and by signal $signal, too" $((128 + signal)) '\[\?25h.*\[\?1049l' \
		tty -e FRAG -k $signal -- pinpool top
done
check "top: other sizes" 0 '' tty -e FRAG -z 10x40 -e 'pinpool top' -s q -- pinpool top -d 100
check "top: sorting" 0 '' tty -e 'by bytes' -s s -e 'by buffers' -s q -- pinpool top -d 100
check "top: a pause" 0 '' tty -e FRAG -s p -e PAUSED -s ' ' -e FRAG -s q -- pinpool top -d 100
check "top: help" 0 'a line in it is a watermark' \
	tty -e FRAG -s '?' -e watermark -s q -- pinpool top -d 100

# Clients that end while top runs are events, which it shows with the next frame.
# shellcheck disable=SC2016 # it is the other shell that expands
check "top: events" 0 '' tty -e FRAG -e 'default: client ' -s q -- sh -c '
	while [ ! -e "$1" ]; do "$2" "$3" 64 -- true; done &
	pinpool top -d 0.2
	status=$?
	echo >"$1"
	wait
	exit $status' sh "$tmp/end" "$helpers/hold" $node

echo "1..$number"
exit $bad
