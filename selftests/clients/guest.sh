#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run a command in a guest that has the module and two connected RDMA devices
#
# Usage: guest.sh [OPTION OF vm/pinpool...] -- COMMAND [ARG...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
options=()
series=${KERNEL:-6.1}
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[ "$1" != -k ] || series=$2
	options+=("$1")
	shift
done
[ $# -gt 1 ] || { echo "Usage: guest.sh [OPTION...] -- COMMAND [ARG...]" >&2; exit 2; }
shift

# libibverbs loads its drivers by name, from where it was built to look.
libraries=$(pkg-config --variable=libdir libibverbs)
driver=$(echo "$libraries"/libibverbs/librxe-rdmav*.so)

# Before 7, soft-RoCE asks for a checksum that modprobe doesn't know to belong to it.
kernel=$("$here/../vm/kernel.sh" "$series")
eval "$kernel"
[ -z "$(find "$KROOT/lib/modules/$KVER" -name 'crc32_generic.ko*')" ] ||
	options+=(-M crc32_generic)

exec "$here/../vm/pinpool" "${options[@]}" -M rdma_rxe -M ib_uverbs -M veth \
	-b /bin/ip:/usr/sbin/ip -b "$(command -v rdma):/bin/rdma" \
	-f /etc/libibverbs.d/rxe.driver:/etc/libibverbs.d/rxe.driver -b "$driver:$driver" \
	-b "$here/rxe.sh:/bin/rxe.sh" -- rxe.sh "$@"
