#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Download a Debian package, without installing it, to the current directory
#
# Usage: fetch.sh PACKAGE
set -eu

download() {
	# As root, apt would rather write as somebody who can't write here.
	apt-get -q -o APT::Sandbox::User=root download "$1"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! download "$1" >"$log" 2>&1; then
	# Its lists may be missing, or older than what is served.
	sudo=
	[ "$(id -u)" = 0 ] || sudo=$(command -v sudo) || true
	$sudo apt-get update >>"$log" 2>&1 || true
	download "$1" >>"$log" 2>&1 || {
		cat "$log" >&2
		echo "fetch.sh: can't download $1, see above" >&2
		exit 1
	}
fi
