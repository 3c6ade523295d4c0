#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# RDMA clients of a pool, over soft-RoCE in a guest: our own tests, and perftest
#
# Usage: rdma.sh [OPTION OF vm/pinpool...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$here/build
make -s -C "$here"

exec "$here/guest.sh" -p default:32M -t 180 "$@" \
	-b "$out/rdma:/selftests/rdma" -b "$out/preload.so:/lib/preload.so" \
	-b "$here/perftest.sh:/selftests/perftest.sh" \
	-b "$(command -v ib_write_bw):/bin/ib_write_bw" \
	-b "$(command -v ib_read_bw):/bin/ib_read_bw" \
	-b "$here/../run_tests.sh:/selftests/run_tests.sh" \
	-- /selftests/run_tests.sh rdma perftest
