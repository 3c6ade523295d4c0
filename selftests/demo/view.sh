#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Record what `pinpool monitor`, `top` and `map` show in a guest where clients are at
# work, for the README: to doc/
#
# Usage: view.sh [OPTION OF vm/pinpool...]
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The guest's only way out is its console: what was recorded comes as text.
"$top/selftests/vm/pinpool" -T -t 240 -p kv:64M,frames:32M:granule=64K,spare:16M "$@" \
	-f "$here/view_guest.sh:/view_guest.sh" -- sh /view_guest.sh >"$work/console"

# part NAME: what the guest recorded under it
part() {
	sed -n "/^== $1\$/,/^==/p" "$work/console" | grep -v '^==' | base64 -d
}

mkdir -p "$top/doc"
part monitor | "$here/term_svg.py" 24 112 '# pinpool monitor' >"$top/doc/monitor.svg"
part top | "$here/term_svg.py" 24 100 '# pinpool top' 1.5 >"$top/doc/top.svg"
part map | "$here/term_svg.py" 40 84 '# pinpool map kv' >"$top/doc/map.svg"
part svg >"$top/doc/pool.svg"
wc -c "$top"/doc/{monitor,top,map,pool}.svg
