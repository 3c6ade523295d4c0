#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The first touch of memory in pools, beside that of other kinds, and its bandwidth;
# twice: where the guest's clock ticks once an instruction, and by the machine's clock
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
guest=("$top/selftests/vm/pinpool" -m 1536M -p "base:80M,huge:80M:granule=2M"
       -a "hugepages=40" -b "$top/selftests/build/bench/touch:/touch" -t 900)
# shellcheck disable=SC2016 # it is the guest's shell that expands
setup='echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled; uname -r; exec "$@"'

make -s -C "$here"
echo "Where 1 ns is 1 instruction, medians of 5:"
"${guest[@]}" -I -- sh -c "$setup" sh /touch 1 instructions
echo
echo "By the clock, medians of 15:"
"${guest[@]}" -c 1 -- sh -c "$setup" sh /touch 3
