#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fio, io_uring and vmsplice as clients, in a guest, as TAP
#
# Usage: io.sh [TEST...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
programs=(splice direct churn uring)

kernel=$("$vm/kernel.sh" "${KERNEL:-6.1}")
eval "$kernel"
case $KVER in
# See ring_registers_files() in ring.h
[1-5].* | 6.[0-4].*) ;;
*) programs+=(fixed) ;;
esac

make -s -C "$here"
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
truncate -s 64M "$disk"
pack=(-b "$(command -v fio):/bin/fio" -b "$here/build/preload.so:/selftests/preload.so"
      -f "$here/../run_tests.sh:/selftests/run_tests.sh" -f "$here/fio.sh:/selftests/fio.sh")
tests=()
for program in "${programs[@]}"; do
	pack+=(-b "$here/build/$program:/selftests/$program")
	pack+=(-f "$here/huge.sh:/selftests/${program}_huge")
	tests+=("$program" "${program}_huge")
done
tests+=(fio)
[ $# = 0 ] || tests=("$@")
"$vm/pinpool" -t 600 -p default:16M,huge:16M:granule=2M -M dm_mod -d "$disk" "${pack[@]}" -- \
	/selftests/run_tests.sh "${tests[@]}"
