#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The control plane in the hands of the kernel's own client for specifications, in a
# guest, as TAP
#
# Usage: ynl.sh [OPTION OF vm/pinpool...]
#
# The client is Python; the guest gets those of its modules that the host has loaded
# when it has done the same.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
ynl=$("$here/../vm/ynl.sh")
python=$(readlink -f /usr/bin/python3)
pack=(-b "$python:/usr/bin/python3")

while read -r file; do
	case $file in
	*.so) pack+=(-b "$file:$file") ;;
	*) pack+=(-f "$file:$file") ;;
	esac
done < <(cd "$ynl" && "$python" -BE -c '
import ctypes, encodings.idna, fcntl, json, mmap, os, pprint, signal, struct, subprocess, sys, time
sys.argv = ["cli.py"]
import cli
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
')

for file in cli.py lib/__init__.py lib/nlspec.py lib/ynl.py; do
	pack+=(-f "$ynl/$file:/ynl/$file")
done
exec "$here/../vm/pinpool" "$@" "${pack[@]}" -f "$here/../../uapi/netlink/pinpool.yaml:/pinpool.yaml" \
	-f "$here/ynl_guest.py:/bin/ynl_guest.py" -- /usr/bin/python3 -BE /bin/ynl_guest.py
