#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module's parameter: the pools it makes, what it refuses and how, and that
# loading and unloading cost no memory
#
# Needs root, PINPOOL_KO, the path of the module, and the module unloaded; leaves
# it so.
#
# shellcheck disable=SC2317	# check() calls the functions
skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

[ "$(id -u)" = 0 ] || skip "needs root"
[ -n "$PINPOOL_KO" ] || skip "PINPOOL_KO does not name the module"
[ -r "$PINPOOL_KO" ] || skip "$PINPOOL_KO: can't be read"
[ ! -d /sys/module/pinpool ] || skip "the module is loaded already"

number=0 bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; [ ! -d /sys/module/pinpool ] || rmmod pinpool' EXIT

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
		# The next one wants it gone.
		[ ! -d /sys/module/pinpool ] || rmmod pinpool
	fi
}

# Of what a check does, tell the step that failed
need() {
	"$@" && return
	echo "failed: $*"
	return 1
}

not() {
	! "$@"
}

# MiB that a program could get now
available() {
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}

# MiB that are free or could be. MemAvailable leaves out what each processor keeps
# at hand of the pages freed last, which may be more than a small pool.
balance() {
	awk -v page="$(getconf PAGESIZE 2>/dev/null || echo 4096)" '
		/^MemAvailable:/ { sum += $2 * 1024 }
		/^ *count:/ { sum += $2 * page }
		END { print int(sum / 1048576) }' /proc/meminfo /proc/zoneinfo
}

# Some of the module itself is freed late, by a worker.
memory_is_back() {
	tries=0
	slack=8
	# Kernels for debugging keep some of what is freed to themselves, and find leaks.
	[ ! -e /sys/kernel/debug/kmemleak ] || slack=128
	while [ "$(balance)" -lt $(($1 - slack)) ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 20 ] || { echo "$(balance) MiB of $1 are back"; return 1; }
		sleep 0.1
	done
}

# The kernel's log is looked at from here on.
log_mark() {
	mark="load.sh $$ $number"
	echo "$mark" >/dev/kmsg
}

log() {
	dmesg | sed "1,/$mark/d"
}

# says WORD: the module logged a line with it
says() {
	log >"$tmp/log"
	grep 'pinpool: ' "$tmp/log" | grep -qF -- "$1" && return
	cat "$tmp/log"
	return 1
}

no_memory_alarm() {
	not grep -iE 'out of memory|oom-kill|oom_kill|page allocation failure' <<LOG
$(log)
LOG
}

no_traces() {
	need not test -d /sys/module/pinpool &&
	need not test -e /sys/class/pinpool &&
	need not grep -w pinpool /proc/devices &&
	need not test -e /dev/pinpool
}

load() {
	insmod "$PINPOOL_KO" "$@"
}

unload() {
	rmmod pinpool
}

# node NAME MODE
node() {
	need test -c "/dev/pinpool/$1" &&
	need test "$(stat -c '%a %u:%g' "/dev/pinpool/$1")" = "$2 0:0" &&
	need test -e "/sys/class/pinpool/$1/dev"
}

nodes() {
	need test "$(find /dev/pinpool -type c 2>/dev/null | wc -l)" = "$1"
}

# has NAME KEY VALUE, as far as there is a tool to ask
has() {
	command -v pinpool >/dev/null || return 0
	pinpool info "$1" --json >"$tmp/info" || return
	grep -qE "\"$2\": \"?$3\"?(,|\$)" "$tmp/info" && return
	cat "$tmp/info"
	return 1
}

default_pool() {
	before=$(balance)
	need load &&
	node default 600 &&
	nodes 1 &&
	has default capacity 67108864 &&
	has default granule "$(getconf PAGESIZE 2>/dev/null || echo '[0-9]+')" &&
	taken=$((before - $(balance))) &&
	need test "$taken" -ge 56 &&
	need test "$taken" -le 80 &&
	need unload &&
	no_traces &&
	memory_is_back "$before"
}

several_pools() {
	pools=a:8M,b:16M:granule=64K:mode=0660,c:4M:node=0:zero=always
	need load "pools=$pools" &&
	node a 600 &&
	node b 660 &&
	node c 600 &&
	nodes 3 &&
	has a capacity 8388608 &&
	has b capacity 16777216 &&
	has b granule 65536 &&
	has c zero always &&
	has c numa_node 0 &&
	need test "$(cat /sys/module/pinpool/parameters/pools)" = "$pools" &&
	need unload &&
	no_traces
}

# All that a name may hold, and the longest one
names() {
	longest=0123456789012345678901234567890
	need load "pools=A-b_c.9:1M,$longest:1M" &&
	node A-b_c.9 600 &&
	node "$longest" 600 &&
	need unload
}

sizes() {
	need load pools=a:4096K,b:0x100000,c:1m,d:1048576 &&
	nodes 4 &&
	has a capacity 4194304 &&
	has b capacity 1048576 &&
	has c capacity 1048576 &&
	has d capacity 1048576 &&
	need unload
}

# devtmpfs takes a mode of 0 for none; what isn't to be had must not be promised.
mode_of_nobody() {
	log_mark
	if load pools=a:1M:mode=0 2>"$tmp/error"; then
		node a 0 &&
		need unload
		return
	fi
	need says mode=0 &&
	no_traces
}

no_pools() {
	need load pools= &&
	nodes 0 &&
	need test -d /sys/module/pinpool &&
	need unload &&
	no_traces
}

# refused POOLS WORD [ERROR]: loading fails so, tells why and leaves nothing
refused() {
	log_mark
	if load "pools=$1" 2>"$tmp/error"; then
		echo "loaded"
		return 1
	fi
	cat "$tmp/error"
	need grep -qiE "${3:-invalid}" "$tmp/error" &&
	need says "$2" &&
	no_traces
}

# check_refused POOLS WORD [ERROR]
check_refused() {
	check "refused: pools=$1" refused "$@"
}

nomem='cannot allocate memory|out of memory'

too_big() {
	before=$(balance)
	refused "$1" "$2" "$nomem" &&
	need no_memory_alarm &&
	memory_is_back "$before"
}

# A good pool does not stay where a later one is bad.
good_one_is_undone() {
	before=$(balance)
	for i in 1 2; do
		refused "good:48M,bad:${i}M:colour=blue" colour || return
	done
	memory_is_back "$before"
}

# Nearly all that is available may suffice or not; in no case is somebody killed for it.
to_the_brim() {
	before=$(balance)
	log_mark
	if load "pools=x:$(($(available) - 8))M" 2>"$tmp/error"; then
		need unload || return
	else
		cat "$tmp/error"
		need grep -qiE "$nomem" "$tmp/error" || return
	fi
	no_traces &&
	need no_memory_alarm &&
	memory_is_back "$before"
}

# Whoever loads the module is killed while it collects memory.
killed_while_loading() {
	before=$(balance)
	log_mark
	# Not by load(), which would be a shell in between.
	insmod "$PINPOOL_KO" "pools=x:$(($(available) * 9 / 10))M" &
	loader=$!
	while [ "$(balance)" -gt $((before - 50)) ] && kill -0 "$loader" 2>/dev/null; do
		:
	done
	kill -9 "$loader"
	wait "$loader"
	if [ -d /sys/module/pinpool ]; then
		echo "the machine is too quick for this"
		unload
		return
	fi
	need says "'x'" &&
	no_traces &&
	memory_is_back "$before"
}

in_use='in use|busy|temporarily unavailable'

# Somebody has the node open until told to end.
hold() {
	mkfifo "$tmp/go" "$tmp/ready"
	(
		# Opened first, so that a failure of the other is not waited for.
		exec 4>"$tmp/ready"
		exec 3<>/dev/pinpool/default
		echo >&4
		exec 4>&-
		read -r _ <"$tmp/go"
	) &
	read -r _ <"$tmp/ready"
}

let_go() {
	echo >"$tmp/go"
	wait
}

refused_while_open() {
	need load &&
	need hold || return
	if unload 2>"$tmp/error"; then
		let_go
		echo "unloaded"
		return 1
	fi
	cat "$tmp/error"
	need grep -qiE "$in_use" "$tmp/error" &&
	node default 600
	ret=$?
	let_go
	[ "$ret" = 0 ] &&
	need unload &&
	no_traces
}

loaded_twice() {
	need load &&
	need not load pools=other:1M &&
	nodes 1 &&
	node default 600 &&
	need unload
}

again_and_again() {
	before=$(balance)
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		if ! need load || ! need unload; then
			echo "in round $i"
			return 1
		fi
	done
	no_traces &&
	memory_is_back "$before"
}

start=$(balance)

check "one default pool of 64 MiB, for root only" default_pool
check "several pools, each with its options" several_pools
check "names of all allowed characters, and of 31" names
check "sizes of all kinds" sizes
check "a mode of 0 is made or refused" mode_of_nobody
check "no pools" no_pools

check_refused 'a:8M,a:4M' "'a'"
long=n23456789012345678901234567890
for name in ../x '' a/b . .hidden -a ${long}12 ${long}1234567890; do
	check_refused "$name:8M" "'$name'"
done
# The kernel takes what is quoted for one parameter.
check_refused '"a b:8M"' "'a b'"
check_refused 'a:8M,' "''"

check_refused 'a' "''"
for size in '' 0 M 12Q 8MM -8M 99999999999T 20000000T 16777216T 18446744073709551616; do
	check_refused "a:$size" "'$size'"
done
check_refused 'a:1000' 'size 1000 '
check_refused 'a:1025K:granule=64K' 'size 1025K '
check_refused 'a:8M:granule=16M' 'size 8M '

for option in granule=12K granule=1K granule=0 granule= mode=0777 mode=9 mode=-1 mode= \
	node=99 node=-1 node= zero=sometimes zero= client-bytes=many uid-buffers= \
	low=half; do
	check_refused "a:8M:$option" "$option"
done
for option in granule mode node zero client-bytes client-buffers client-shares uid-bytes \
	uid-buffers low high; do
	check_refused "a:8M:$option" "$option="
done
for marks in high=9M high=7M:low=8M low=1M; do
	check_refused "a:8M:$marks" 'watermarks go from'
done
check_refused 'a:8M:colour=blue' "'colour'"
check_refused 'a:8M:' "''"
check "a good pool is undone when a later one is bad" good_one_is_undone

check "refused: more memory than any machine has" too_big x:100T "'x'"
check "refused: more memory than can be addressed" too_big x:16777215T "'x'"
check "refused: a little more memory than is available" too_big "x:$(($(available) + 64))M" "'x'"
most=$(($(available) * 9 / 10))
check "refused: the second of two that don't fit together" too_big "x:${most}M,y:${most}M" "'y'"

check "nearly all memory that is available, or a refusal" to_the_brim
check "a kill in the middle of loading" killed_while_loading

check "a second load is refused and changes nothing" loaded_twice
check "unloading is refused while the node is open" refused_while_open
check "twenty loads and unloads" again_and_again
check "all of this took no memory for good" memory_is_back "$start"

echo "1..$number"
exit $bad
