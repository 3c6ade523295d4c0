#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Completion for bash, as TAP: what it offers for a line that is typed so far
# shellcheck disable=SC1091,SC2317 # what is sourced is checked by itself, and calls this
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
number=0 bad=0

make -s -C "$top/lib" || exit
PATH=$top/lib/build:$PATH
# shellcheck source=../../packaging/completion/pinpool.bash
. "$top/packaging/completion/pinpool.bash"

# Not those of this machine
_pinpool_pools() {
	printf '%s\n' default kv
}

# offered WORD...: what is offered for the last of them
offered() {
	COMP_WORDS=(pinpool "$@") COMP_CWORD=$#
	COMPREPLY=()
	_pinpool
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sort -u | tr '\n' ' '
}

# check NAME PATTERN WORD...: what is offered matches, one space behind each
check() {
	local name=$1 want=$2 got
	shift 2

	number=$((number + 1))
	got=$(offered "$@")
	if [[ $got =~ ^$want$ ]]; then
		echo "ok $number - $name"
	else
		echo "# offered: $got"
		echo "not ok $number - $name"
		bad=1
	fi
}

every=$(pinpool --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | sort)
commands=${every//$'\n'/ }
check "all commands, and the options" "--help --json --version $commands " ''
check "commands that start so" "(.* )?(stat )(.* )?" st
check "a command behind an option" "info " --json inf
check "pools behind a command" "default kv " stat ''
check "pools that start so" "kv " map k
check "options of a command" ".*--seed .*" alloc-test --
check "only those that start so" "--svg " map --s
check "values of an option" "always auto never " map --color = ''
check "values that start so" "never " map --color = n
check "values just behind the =" "always auto never " map --color =
check "settings behind a pool" ".*low .*size .*uid-bytes " set kv ''
check "settings behind others" "size " set kv low 50% si
check "values of a setting" "always never owner " add new 64M zero ''
check "settings without a value" "keep " add new 64M ke
check "settings behind one without a value" "align " add new 64M keep al
check "values behind its =" "always " add new 64M zero = al
check "nothing for a size" "" set kv low ''
check "nothing where nothing fits" "" frobnicate --

echo "1..$number"
exit $bad
