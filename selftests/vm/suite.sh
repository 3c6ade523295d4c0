#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make a directory through which apt serves another Debian release, apart from
# what the machine itself uses and has installed
#
# Usage: suite.sh DIRECTORY SUITE...
#
# $ARCH is the architecture, if it isn't the machine's own.
#
# Then, with APT_CONFIG=DIRECTORY/apt.conf in the environment, apt knows the
# packages of these suites, and takes none for installed. They come from the
# mirror that the machine's own packages come from, and are signed by Debian.
set -eu

dir=$1
shift
arch=${ARCH:-$(dpkg --print-architecture)}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -r "$keyring" ] || ! command -v apt-get >/dev/null; then
	echo "suite.sh: needs apt and $keyring (debian-archive-keyring)" >&2
	exit 1
fi

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
: >"$dir/status"
# As root, apt would rather write as somebody who can't write here.
cat >"$dir/apt.conf" <<CONF
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
CONF

# What has a release of its own in "main" is likely a mirror of Debian; that it
# knows the suites and that the signatures are good proves it.
# shellcheck disable=SC2016 # it is apt that expands
mirrors=$(apt-get --no-release-info indextargets --format '$(COMPONENT) $(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' | awk '$1 == "main" && $2 !~ /-/ && !seen[$3]++ { print $3 }')
for mirror in $mirrors; do
	for suite; do
		echo "deb [arch=$arch signed-by=$keyring] $mirror $suite main"
	done >"$dir/sources.list"
	if APT_CONFIG=$dir/apt.conf apt-get -q update >>"$dir/log" 2>&1; then
		exit
	fi
done
[ -z "$mirrors" ] || cat "$dir/log" >&2
echo "suite.sh: none of apt's sources has Debian's $*: ${mirrors:-no source has \"main\"}" >&2
exit 1
