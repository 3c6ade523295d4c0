#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# trace-cmd as a reader of the tracepoints, in a guest, as TAP
#
# Usage: trace.sh [OPTION OF vm/pinpool...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# One processor: emulated ones have trouble with code that another one patches, and
# trace-cmd has a probe put into the scheduler.
exec "$here/../vm/pinpool" -c 1 "$@" -b "$(command -v trace-cmd):/bin/trace-cmd" \
	-f "$here/trace_guest.sh:/bin/trace_guest.sh" -- trace_guest.sh
