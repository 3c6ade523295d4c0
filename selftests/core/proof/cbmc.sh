#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Provide cbmc: prints the command to run
#
# Debian 12 doesn't have it, Debian 13 does: its packages are unpacked in a cache
# outside the tree, $PINPOOL_CACHE or ~/.cache/pinpool, and run with the C library
# of their own. Nothing is installed.
set -eu

suite=trixie
packages=(cbmc minisat libc6 libstdc++6 libgcc-s1 zlib1g)
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}

if command -v cbmc; then
	exit
fi
if [ -x "$cache/cbmc/run" ]; then
	echo "$cache/cbmc/run"
	exit
fi

echo "# fetching cbmc" >&2
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian's archive, wherever this machine gets it from
# shellcheck disable=SC2016 # apt expands that
archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' |
	  grep -v security | head -n 1)
mkdir -p "$tmp"/{lists,cache/archives,parts,root}/
echo "deb $archive $suite main" >"$tmp/sources.list"
: >"$tmp/status"
cat >"$tmp/apt.conf" <<EOF
Dir::Etc::SourceList "$tmp/sources.list";
Dir::Etc::SourceParts "$tmp/parts";
Dir::Etc::PreferencesParts "$tmp/parts";
Dir::State::Lists "$tmp/lists";
Dir::State::Status "$tmp/status";
Dir::Cache "$tmp/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOF
(
	cd "$tmp"
	export APT_CONFIG=$tmp/apt.conf
	apt-get -q update
	apt-get -q download "${packages[@]}"
	for package in ./*.deb; do
		dpkg -x "$package" root
	done
) >"$tmp/log" 2>&1 || {
	cat "$tmp/log" >&2
	echo "cbmc.sh: can't get cbmc from Debian's $suite, see above" >&2
	exit 1
}
cat >"$tmp/root/run" <<'EOF'
#!/bin/sh
root=${0%/run}
lib=$root/usr/lib
exec "$lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
	--library-path "$lib/x86_64-linux-gnu:$lib" "$root/usr/bin/cbmc" "$@"
EOF
chmod +x "$tmp/root/run"
# Whoever comes first wins.
mv -T "$tmp/root" "$cache/cbmc" 2>/dev/null || [ -x "$cache/cbmc/run" ]
echo "$cache/cbmc/run"
