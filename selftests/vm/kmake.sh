#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run make in a directory of kernel headers, with the tools that these need
#
# Usage: kmake.sh HEADERS MAKE-ARGUMENT...
#
# Headers of another Debian release have beside them what that release has in
# /usr, for programs of the headers need its C library, and the kernel's options
# its compiler. For this make alone it takes the place of the machine's own /usr:
# all other files are where they are, so neither sources nor headers may lie there.
set -eu

headers=$1
shift
make=(make -C "$headers" "$@")
usr=$headers/.usr
[ -d "$usr" ] || exec "${make[@]}"

new_mounts=(unshare --mount)
[ "$(id -u)" = 0 ] || new_mounts+=(--map-root-user)
"${new_mounts[@]}" mount --bind "$usr" /usr || {
	echo "kmake.sh: to use the tools in $usr takes leave to mount" >&2
	exit 1
}
# shellcheck disable=SC2016 # it is the inner shell that expands
exec "${new_mounts[@]}" sh -c 'mount --bind "$1" /usr && shift && exec "$@"' sh "$usr" \
	env LANG=C LC_ALL=C "${make[@]}"
