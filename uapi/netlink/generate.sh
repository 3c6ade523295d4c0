#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Generate from pinpool.yaml what is made of it, by the kernel's own generator
#
# Usage: generate.sh [--check]
#
# With --check nothing is written: it fails where a file isn't what would be made.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
ynl=$("$top/selftests/vm/ynl.sh")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The generator wants to see its specifications in a kernel tree.
specs=$tmp/Documentation/netlink/specs
mkdir -p "$specs"
cp "$ynl"/../../../Documentation/netlink/*.yaml "$specs/.."
cp "$here/pinpool.yaml" "$specs"
touch "$tmp/MAINTAINERS"

# generate FILE MODE...
generate() {
	local file=$1

	shift
	mkdir -p "$tmp/out"
	/usr/bin/python3 "$ynl/ynl-gen-c.py" --spec "$specs/pinpool.yaml" --mode "$@" \
		-o "$tmp/out/${file##*/}"
	# The groups it makes can't have the permissions that netlink.c gives them.
	sed -i -e 's#Documentation/netlink/specs/#uapi/netlink/#' \
		-e '/^static const struct genl_multicast_group/,/^};/d' "$tmp/out/${file##*/}"
	# Without the empty lines at the end that this leaves
	printf '%s\n' "$(cat "$tmp/out/${file##*/}")" >"$tmp/generated"
	mv "$tmp/generated" "$tmp/out/${file##*/}"
	if [ -z "$check" ]; then
		cp "$tmp/out/${file##*/}" "$top/$file"
	elif ! diff -u "$top/$file" "$tmp/out/${file##*/}"; then
		echo "generate.sh: $file is not what uapi/netlink/pinpool.yaml makes: run \`make netlink\`" >&2
		status=1
	fi
}

check=
[ "${1:-}" != --check ] || check=1
status=0
generate kmod/netlink_policy.c kernel --source
generate kmod/netlink_policy.h kernel --header
generate uapi/linux/pinpool_netlink.h uapi --header
exit $status
