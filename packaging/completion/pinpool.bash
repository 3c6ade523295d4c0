# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2207 # what is split here has no spaces
#
# Completion of pinpool's commands and arguments, for bash
#
# Commands, options and settings are taken from what `pinpool --help` tells, so that
# they are those of the pinpool that is there.

_pinpool_commands() {
	pinpool --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\)  *.*/\1/p'
}

# What a command takes: the first line of its help
_pinpool_usage() {
	pinpool "$1" --help 2>/dev/null | sed -n "1s/^Usage: pinpool $1//p"
}

_pinpool_options() {
	local usage

	usage=$(_pinpool_usage "$1")
	[ -z "$usage" ] || grep -oE -- '--[a-z][a-z-]*' <<<"$usage --help"
}

# A line for each setting that a command takes: its name, and what values it has, if
# any. Of help, those are the lines `name, name value|value  what it is` and
# `name  what it is`.
_pinpool_settings() {
	[[ $(_pinpool_usage "$1") == *'<setting>'* ]] || return 0
	pinpool "$1" --help | sed -nE 's/^([a-z-]+(, [a-z-]+)*) ([^ ]+)  .*/\1 \3/p
			s/^([a-z-]+)  .*/\1/p' |
		sed -E ':a; s/^(.*), ([a-z-]+) (.*)$/\2 \3\n\1 \3/; ta'
}

_pinpool_pools() {
	local pool

	for pool in /sys/class/pinpool/*/; do
		pool=${pool%/}
		[ ! -d "$pool" ] || printf '%s\n' "${pool##*/}"
	done
}

# The place of the command among the words before the one to complete
_pinpool_command() {
	local i

	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] || { echo "$i"; return; }
	done
}

# _pinpool_arguments COMMAND WORD-BEFORE PLACE: what may stand there, PLACE words
# behind the command
_pinpool_arguments() {
	local settings

	settings=$(_pinpool_settings "$1")
	if [ "$2" = --color ]; then
		echo auto always never
	elif [ -z "$settings" ] || [ "$3" = 1 ]; then
		_pinpool_pools
	elif grep -q "^$2 " <<<"$settings"; then
		sed -n "s/^$2 //p" <<<"$settings" | tr '|' '\n' | grep -x '[a-z]*'
	else
		cut -d' ' -f1 <<<"$settings"
	fi
}

_pinpool() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} place words

	# bash takes the = of --color=auto for a word of its own.
	if [ "$word" = = ]; then
		word=""
	elif [ "$before" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	place=$(_pinpool_command)
	if [ -z "$place" ]; then
		words="$(_pinpool_commands) --json --help --version"
	elif [[ $word == -* ]]; then
		words=$(_pinpool_options "${COMP_WORDS[place]}")
	else
		words=$(_pinpool_arguments "${COMP_WORDS[place]}" "$before" $((COMP_CWORD - place)))
	fi
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -F _pinpool pinpool
