#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A store and its readers, by RDMA over soft-RoCE in a guest
#
# Usage: kv.sh [OPTION OF vm/pinpool...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

make -s -C "$top/lib"
make -s -C "$here" kv
exec "$top/selftests/clients/guest.sh" -p store:64M,reader:32M "$@" \
	-b "$top/selftests/build/demo/kv:/kv" -- /kv store reader
