#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The main job on real files: on this machine where the module can be loaded,
# else in a guest
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
demo=$top/selftests/build/demo/demo

# Whether the kernel that runs here takes the module
load_here() {
	[ "$(id -u)" = 0 ] && [ -d "/lib/modules/$(uname -r)/build" ] &&
		[ ! -d /sys/module/pinpool ] &&
		make -s -C "$top" modules KDIR="/lib/modules/$(uname -r)/build" >/dev/null 2>&1 &&
		insmod "$top/kmod/pinpool.ko" pools=demo:256M 2>/dev/null
}

make -s -C "$top/lib"
make -s -C "$here" demo

if load_here; then
	trap 'rmmod pinpool' EXIT
	files=("/boot/vmlinuz-$(uname -r)")
	while read -r file; do
		files+=("$file")
	done < <(find "/lib/modules/$(uname -r)/" -name '*.ko*' -printf '%s %p\n' |
		 sort -rn | awk 'NR % 100 == 1 { print $2 }' | head -n 40)
	"$demo" demo "${files[@]}"
	printf '\n$ pinpool stat demo\n'
	"$top/lib/build/pinpool" stat demo
else
	echo "The module can't be loaded into the kernel that runs here:" \
	     "the demo runs in a guest (QEMU)."
	"$top/selftests/vm/pinpool" -p demo:256M -b "$demo:/demo" -- sh -c '
		/demo demo /data/* || exit
		printf "\n\$ pinpool stat demo\n"
		pinpool stat demo'
fi
