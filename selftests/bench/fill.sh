#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long it takes to make a pool of 1 GiB beside a single-threaded memset of as much,
# on one processor and on two
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

make -s -C "$here"
for cpus in 1 2; do
	"$top/selftests/vm/pinpool" -m 3G -c "$cpus" -t 300 \
		-b "$top/selftests/build/bench/fill:/fill" -- /fill
done
