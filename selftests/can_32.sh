#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tell whether programs of 32 bits can be built and run on this machine
#
# Usage: can_32.sh [CC]
#
# Prints y if so. A kernel may have been built without, or told to do without.

program=$(mktemp)
trap 'rm -f "$program"' EXIT
echo 'int main(void) { return 0; }' |
	"${1:-gcc}" -m32 -include stdlib.h -x c - -o "$program" 2>/dev/null &&
	"$program" 2>/dev/null && echo y
exit 0
