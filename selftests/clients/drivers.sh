#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Graphics drivers as users of shares, in a guest, as TAP
#
# Usage: drivers.sh [OPTION OF vm/pinpool...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
options=()
series=${KERNEL:-6.1}
while [ $# -gt 0 ]; do
	[ "$1" != -k ] || series=$2
	options+=("$1")
	shift
done

# Since 6.14 it has another name.
kernel=$("$here/../vm/kernel.sh" "$series")
eval "$kernel"
cirrus="cirrus"
[ -z "$(find "$KROOT/lib/modules/$KVER" -name 'cirrus-qemu.ko*')" ] || cirrus="cirrus-qemu"

exec "$here/../vm/pinpool" -T -M vgem -M "$cirrus" -q '-device cirrus-vga,romfile=' \
	-p default:64M,other:8M "${options[@]}" -- \
	env PINPOOL_OTHER=/dev/pinpool/other /selftests/run_tests.sh dmabuf
