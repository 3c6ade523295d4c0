#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build Debian packages of this tree, as it is, to build/deb/
set -eu -o pipefail

cd "$(dirname "$0")/.."
out=build/deb

rm -rf "$out"
mkdir -p "$out/source"
# dpkg-buildpackage leaves the packages beside the tree that it works in.
git ls-files -z --cached --others --exclude-standard --deduplicate |
	tar -c --null -T - --ignore-failed-read | tar -x -C "$out/source"
if ! (cd "$out/source" && dpkg-buildpackage -b -us -uc) >"$out/build.log" 2>&1; then
	tail -n 30 "$out/build.log" >&2
	echo "deb.sh: no packages; all of the log is in $out/build.log" >&2
	exit 1
fi
rm -rf "$out/source"
ls "$out"/*.deb
