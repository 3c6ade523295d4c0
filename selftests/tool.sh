#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The tool `pinpool`: what it prints, and how it exits. As root, with the module
# loaded, its default pool unused, and nothing but busybox.

number=0 bad=0
tmp=$(mktemp -d)
out=$tmp/out
# shellcheck disable=SC2046 # any number of jobs
trap 'kill -9 $(jobs -p) 2>/dev/null; pinpool del tool --force 2>/dev/null; rm -rf "$tmp"' EXIT

command -v pinpool >/dev/null || { echo "1..0 # SKIP no pinpool in PATH"; exit 4; }

# check NAME STATUS PATTERN COMMAND...: exits so, and prints a line like PATTERN
check() {
	name=$1 want=$2 pattern=$3
	shift 3

	number=$((number + 1))
	"$@" >"$out" 2>&1
	status=$?
	if [ $status = "$want" ] && grep -qE -- "$pattern" "$out"; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$out"
		echo "# exit status $status; wanted $want and \"$pattern\""
		echo "not ok $number - $name"
		bad=1
	fi
}

check "list shows the pool" 0 '^default +' pinpool list
check "info in words" 0 'granule +4\.0 KiB|granule' pinpool info default
check "stat in words" 0 'free .*100\.0 %' pinpool stat default
check "stat of all pools" 0 '^default' pinpool stat
check "list as JSON" 0 '"name": ?"default"' pinpool list --json
check "info as JSON, option first" 0 '"granule": ?[0-9]+' pinpool --json info default
check "stat as JSON" 0 '"used": ?0' pinpool stat default --json
check "by path" 0 'free' pinpool stat /dev/pinpool/default
check "alloc-test" 0 'ok' pinpool alloc-test default --ops 2000 --seed 1
check "alloc-test as JSON" 0 '"verdict": ?"ok"' pinpool alloc-test default --ops 500 --json
check "alloc-test leaves nothing" 0 '"buffers": ?0' pinpool stat default --json
check "no such pool: what to do" 1 'no such pool' pinpool stat nonexistent
check "not a pool" 1 'pinpool: /dev/null' pinpool info /dev/null
check "no command: the syntax" 2 'usage:' pinpool
check "unknown command: the syntax" 2 'no such command.*usage:' pinpool frobnicate
check "unknown option: the syntax" 2 'unknown option --bogus.*usage:' pinpool stat --bogus
check "missing pool: the syntax" 2 'which pool.*usage:' pinpool info
check "help" 0 'Usage: pinpool' pinpool --help
check "help of a command" 0 'Usage: pinpool stat' pinpool stat --help
check "help as a command" 0 'Usage: pinpool ' pinpool help
check "help of a command as one" 0 'Usage: pinpool stat' pinpool help stat
check "help of nothing that there is" 2 'no such command.*usage:' pinpool help frobnicate
check "version" 0 '^pinpool [0-9]+\.' pinpool --version
check "output that can't be written is a failure" 1 'standard output' \
	sh -c 'pinpool list >/dev/full'

# Pools of the tool's own making
check "add" 0 made sh -c 'pinpool add tool 4M granule 16K mode=0640 client-bytes=1M high 80% low 1M && echo made'
check "the node is there" 0 '^640$' stat -c %a /dev/pinpool/tool
check "show in words" 0 'capacity: 4.0 MiB, in granules of 16.0 KiB' pinpool show tool
check "show limits" 0 'limits: client 1.0 MiB$' pinpool show tool
check "show watermarks" 0 'watermarks: high 3.2 MiB \(80 %\), low 1.0 MiB$' pinpool show tool
check "show all" 0 'pool: default' pinpool show
check "show as JSON" 0 '"client_bytes": 1048576' pinpool show tool --json
check "set" 0 changed sh -c 'pinpool set tool uid-buffers 5 low none && echo changed'
check "set says what it made, as JSON" 0 '"uid_buffers": 7' pinpool --json set tool uid-buffers=7
check "what isn't set stays" 0 'limits: client 1.0 MiB, user 7 buffers$' pinpool show tool
check "stat has bins" 0 'free extents +4.0 MiB\+ +1$' pinpool stat tool
check "stat has bins as JSON" 0 '"min": 4194304' pinpool stat tool --json
check "add again: what to do" 1 'name.*pinpool set' pinpool add tool 4M
check "show a pool that isn't there: what to do" 1 'no pool of this name.*pinpool show' pinpool show nonexistent
check "a value that the kernel refuses, by its name" 1 'tool2: .*granule' \
	pinpool add tool2 4M granule 5
check "no size" 2 'how large.*usage: pinpool add' pinpool add tool2
check "bad size" 2 '4X is not a size.*usage:' pinpool add tool2 4X
check "unknown setting" 2 'bogus: no such setting.*--help.*usage:' pinpool add tool2 4M bogus 1
check "setting without a value" 2 'zero needs a value: one of owner.*usage:' \
	pinpool add tool2 4M zero
check "setting with a bad value" 2 'high: x% is not a size.*usage:' pinpool set tool high x%
check "setting twice" 2 'low is given twice.*usage:' pinpool set tool low 1M low=5%
check "setting that stays" 2 'granule is settled.*usage:' pinpool set tool granule 4K
check "nothing to set" 2 'what shall be set.*usage:' pinpool set tool

# What others have
check "no clients" 0 '^No clients' pinpool clients tool
check "no buffers" 0 '^No buffers' pinpool buffers tool
check "bad client" 2 'x is no client.*usage:' pinpool buffers tool --client x
pinpool set tool client-bytes none uid-buffers none
pinpool alloc-test tool --ops 1000000000 --live 50 --max 16K >"$tmp/victim" 2>&1 &
victim=$!
until pinpool buffers tool | grep -q 0x; do
	kill -0 $victim || break
done
check "clients" 0 "^tool +[0-9]+ +$victim .*pinpool" pinpool clients tool
check "clients as JSON" 0 "\"pid\": $victim," pinpool clients --json
check "buffers" 0 '^ +[0-9]+ +0x[0-9a-f]+ +16.0 KiB' pinpool buffers tool
check "buffers as JSON" 0 '"extent": 16384' pinpool buffers tool --json
check "buffers of nobody" 0 '^No buffers' pinpool buffers tool --client 999999999
check "del of a pool in use: who has it" 1 "in use by pinpool \(pid $victim\).*--force" \
	pinpool del tool

# Events, one a line, at once: `await PATTERN` reads them until one is like that
# shellcheck disable=SC2317 # check() calls it
await() {
	while read -r line <&3; do
		echo "$line"
		echo "$line" | grep -qE -- "$1" && return
	done
	return 1
}

# listen OPTION...: start a monitor, on descriptor 3, and see that it listens
listen() {
	mkfifo "$tmp/events"
	pinpool monitor "$@" >"$tmp/events" &
	monitor=$!
	exec 3<"$tmp/events"
	rm "$tmp/events"
	while pinpool set tool uid-buffers none; do :; done &
	setter=$!
	read -r line <&3
	kill $setter
}

deafen() {
	kill -9 $monitor
	wait $monitor 2>/dev/null
}

# The first that a monitor without privileges says
# shellcheck disable=SC2317 # check() calls it
listen_unprivileged() {
	mkfifo "$tmp/said"
	unshare -U pinpool monitor >"$tmp/said" 2>&1 &
	read -r line <"$tmp/said"
	echo "$line"
	kill -9 $!
	rm "$tmp/said"
}

listen tool
pinpool set tool high 90%
check "monitor tells of changes" 0 ' pool-set tool 4.0 MiB' await pool-set
kill -9 $victim
wait $victim 2>/dev/null
check "monitor tells who died of what" 0 \
	" client-died tool pinpool, pid $victim of uid 0, by Killed: .* came back" await client-died
check "del" 0 gone sh -c 'pinpool del tool && echo gone'
check "monitor tells of its end" 0 ' pool-del tool' await pool-del
check "del again" 1 'no pool of this name' pinpool del tool
deafen

pinpool add tool 1M
# So that it takes few events to fill what the kernel keeps for the monitor
default=$(cat /proc/sys/net/core/rmem_default)
echo 8192 >/proc/sys/net/core/rmem_default
listen --json
echo "$default" >/proc/sys/net/core/rmem_default
pinpool set tool high 50%
check "monitor as JSON, an object a line" 0 \
	'^\{"time": [0-9.]+, "event": "pool-set", "pool": "tool", .*"high_percent": 50.*\}$' \
	await '"high": 524288'
# It doesn't read, so that the kernel has to drop some.
kill -STOP $monitor
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	pinpool set tool low "${i}K"
done
kill -CONT $monitor
check "monitor tells of events that were lost" 0 '"event": "overrun"' await overrun
deafen

# In a user namespace nobody has privileges, in a network namespace nobody has pools.
if unshare -U true 2>/dev/null && unshare -n true 2>/dev/null; then
	check "anybody may see pools" 0 'pool: tool' unshare -U pinpool show tool
	check "but not clients" 1 'CAP_SYS_ADMIN.*as root' unshare -U pinpool clients
	check "nor delete" 1 'tool: .*CAP_SYS_ADMIN.*as root' unshare -U pinpool del tool
	check "a monitor says what it can't see" 0 'clients that die' listen_unprivileged
	check "other network namespaces have no family" 1 'initial network namespace' \
		unshare -n pinpool show
	check "stat does without" 0 'free .*100.0 %' unshare -n pinpool stat tool
else
	number=$((number + 1))
	echo "ok $number - privileges # SKIP there are no namespaces"
fi

# Where memory comes from, or not
pinpool del tool
check "add offsets only" 0 made \
	sh -c 'pinpool add tool 4T backing none base 0x100000000000 granule 1M && echo made'
check "show says so" 0 '^  memory: none, zeroed owner$' pinpool show tool
check "show tells its base" 0 '^  base: 0x100000000000$' pinpool show tool
check "show tells why it can't be pinned" 0 'long-term pins: no, there is no memory$' \
	pinpool show tool
check "show tells it as JSON" 0 '"longterm": "no-memory"' pinpool show tool --json
check "what isn't there is null" 0 '"chunks": null' pinpool show tool --json
check "info tells it too" 0 '^base +0x100000000000$' pinpool info tool
check "info as JSON" 0 '"base": 17592186044416' pinpool info tool --json
check "features by name" 0 '^features +wait scatter at resize$' pinpool info tool
check "list has it" 0 '^tool .* none$' pinpool list
check "alloc-test of it: why not" 1 'tool: it is of backing none: there is no memory' \
	pinpool alloc-test tool
check "set its size" 0 '"capacity": 8796093022208' pinpool set tool size 8T --json
check "del it" 0 gone sh -c 'pinpool del tool && echo gone'
check "add a contiguous one" 0 '"keep": false' \
	pinpool add tool 4M backing contig align 2M tell-bus --json
check "show tells its chunks" 0 'chunks: 1, of 4.0 MiB, on NUMA node 0$' pinpool show tool
check "info tells its chunks" 0 '^chunks +1, of 4.0 MiB, on NUMA node 0$' pinpool info tool
check "show tells its alignment" 0 'alignment: 2.0 MiB$' pinpool show tool
check "show tells its bus address" 0 'bus address: 0x[0-9a-f]*[02468ace]00000$' pinpool show tool
check "show tells that it can be pinned" 0 'long-term pins: yes$' pinpool show tool
check "set can't make it larger: why" 1 'tool: .*contiguous' pinpool set tool size 8M
check "del that too" 0 gone sh -c 'pinpool del tool && echo gone'
check "unknown backing" 2 'backing: silk is not one of pages, contig, cma,.*usage:' \
	pinpool add tool 4M backing silk
for base in 0x 0x1g 0x10000000000000000 -1; do
	check "no address: $base" 2 'base: .*usage:' pinpool add tool 4M backing=none base=$base
done
check "a word that takes no value" 2 'keep has no value.*usage:' \
	pinpool add tool 4M backing=reserved keep=1
check "a word twice" 2 'keep is given twice.*usage:' pinpool add tool 4M keep keep
check "what belongs to another backing" 1 'Only backing contig has an alignment' \
	pinpool add tool 4M align 2M
check "memory that the kernel uses" 1 'tool: .*(memmap=|ZONE_DEVICE)' \
	pinpool add tool 4M backing reserved base 16M
check "a region that there isn't: what makes one" 1 'tool: .*reserve_mem=' \
	pinpool add tool 4M backing reserved region nowhere
check "no dma-buf" 1 'tool: .*no dma-buf' pinpool add tool 4M backing dmabuf fd 0
check "no descriptor" 1 'tool: .*no file descriptor' pinpool add tool 4M backing dmabuf fd 999
check "memory of a process" 1 'tool: .*/dev/pinpool-control' pinpool add tool 4M backing user
pinpool add tool 1M
exec 4<>/dev/pinpool/tool
check "del by force" 0 gone sh -c 'pinpool del tool --force && echo gone'
exec 4<&-
check "the default pool is untouched" 0 '"buffers": ?0' pinpool stat default --json

echo "1..$number"
exit $bad
