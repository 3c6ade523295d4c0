#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Provide the kernel's tools for netlink specifications: generator, schema, client
#
# Usage: ynl.sh
#
# Prints the directory of tools/net/ynl in what it has unpacked of Debian's kernel
# source into a cache outside the tree, $PINPOOL_CACHE or ~/.cache/pinpool.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}
package=linux-source-6.12
tree=$cache/ynl

if [ ! -d "$tree" ]; then
	echo "ynl.sh: fetching $package" >&2
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	(cd "$tmp" && "$here/fetch.sh" "$package")
	mkdir "$tmp/tree"
	dpkg --fsys-tarfile "$tmp/$package"_*.deb |
		tar -xO "./usr/src/$package.tar.xz" | xz -dcq -T0 |
		tar -x -C "$tmp/tree" --strip-components=1 --wildcards \
			'*/tools/net/ynl' '*/Documentation/netlink' '*/MAINTAINERS'
	# Whoever comes first wins.
	mv -T "$tmp/tree" "$tree" 2>/dev/null || [ -d "$tree" ]
fi
echo "$tree/tools/net/ynl"
