#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is installed on machines, as TAP: `make install`, the sources that DKMS gets,
# on each kernel of $KERNELS (6.1), Debian's packages, and the nodes under udev.
# Packages are installed in an overlay of this machine, which itself stays as it is.
# shellcheck disable=SC2317 # check() calls the functions
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
vm=$top/selftests/vm

# The overlay lies in a mount namespace of its own, and ends with it.
if [ "$(id -u)" = 0 ] && [ -z "${PINPOOL_MOUNTS:-}" ] && unshare --mount true; then
	PINPOOL_MOUNTS=1 exec unshare --mount "$0" "$@"
fi

work=$(mktemp -d)
trap 'umount -l "$work/layers" 2>/dev/null; rm -rf "$work"' EXIT
machine=$work/layers/machine
number=0 bad=0

# check NAME COMMAND...: it succeeds
check() {
	local name=$1
	shift

	number=$((number + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $number - $name"
		bad=1
	fi
}

finish() {
	echo "1..$number"
	exit $bad
}

# The tree as it would be committed, so that no build in place interferes
copy_tree() {
	mkdir "$work/tree" && cd "$top" &&
	git ls-files -z --cached --others --exclude-standard --deduplicate |
		tar -c --null -T - --ignore-failed-read | tar -x -C "$work/tree"
}

# files DIRECTORY: what is in it, but for manual pages of single functions
files() {
	(cd "$1" && find . ! -type d ! -path '*/man3/*_*' | LC_ALL=C sort)
}

# has DIRECTORY: exactly the files of standard input
has() {
	diff <(LC_ALL=C sort) <(files "$1")
}

version_everywhere() {
	grep -qx "VERSION *:= $version" "$top/lib/Makefile" &&
	grep -qx "VERSION *:= $version" "$top/lib/offalloc/Makefile" &&
	grep -qx "MODULE_VERSION(\"${version%.*}\");" "$top/kmod/main.c" &&
	head -n 1 "$top/debian/changelog" | grep -q "^pinpool ($version) "
}

# dkms_builds SERIES: by what DKMS has of the module, in the way it does
dkms_builds() (
	kernel=$("$vm/kernel.sh" "$1") || exit
	eval "$kernel"
	tree=$work/dkms-$KVER

	cp -r "$work/sources/usr/src/pinpool-$version" "$tree" &&
	"$vm/kmake.sh" "$KHEADERS" -s M="$tree" KERNELRELEASE="$KVER" || exit
	# shellcheck source=/dev/null
	. "$tree/dkms.conf"
	modinfo -F vermagic "$tree/${BUILT_MODULE_LOCATION[0]}/${BUILT_MODULE_NAME[0]}.ko" |
		grep -F "$KVER "
)

# A machine that is this one, until something changes there
make_machine() {
	mkdir "$work/layers" && mount -t tmpfs tmpfs "$work/layers" || return
	mkdir "$work"/layers/{upper,work,machine} &&
	mount -t overlay overlay "$machine" -o \
		"lowerdir=/,upperdir=$work/layers/upper,workdir=$work/layers/work" &&
	mount --rbind /proc "$machine/proc" && mount --rbind /dev "$machine/dev" &&
	mount -t tmpfs tmpfs "$machine/tmp" && mount -t tmpfs tmpfs "$machine/run"
}

# on_machine COMMAND...
on_machine() {
	env -i PATH="$PATH" HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
		chroot "$machine" "$@"
}

install_packages() {
	cp "$packages"/*.deb "$machine/tmp/" &&
	on_machine sh -c 'dpkg -i /tmp/*.deb'
}

# With the headers of the stock kernel, as its own package does after its installation
dkms_installs() {
	on_machine dkms autoinstall -k "$KVER" &&
	on_machine dkms status pinpool | grep "$KVER.*: installed" &&
	on_machine modinfo -k "$KVER" -F filename pinpool | grep -x "/lib/.*/updates/dkms/pinpool.ko"
}

# The example of the README, which says what is wrong where there is no pool
# The first of them; the other one is libpinpool-ctl's.
example_compiles() {
	awk '/^```/ { in_c = $0 == "```c"; number += in_c; next } in_c && number == 1' \
		"$top/README.md" >"$machine/tmp/example.c"
	# shellcheck disable=SC2016 # it is the shell there that expands
	on_machine sh -c 'cc -D_GNU_SOURCE -o /tmp/example /tmp/example.c \
		$(pkg-config --cflags --libs libpinpool)' &&
	on_machine ldd /tmp/example | grep "libpinpool.so.0 => /.*$(uname -m)-linux-gnu" || return
	on_machine /tmp/example >"$work/example" 2>&1
	[ $? = 1 ] && grep '^default: ' "$work/example"
}

# That of libpinpool-ctl's manual page, which says what is wrong without the module
control_example_compiles() {
	awk '/^\.Ed/ { in_c = 0 } in_c { gsub(/\\e/, "\\"); print } /^\.Bd -literal$/ { in_c = 1 }' \
		"$top/lib/man/libpinpool-ctl.3" >"$machine/tmp/control.c"
	# shellcheck disable=SC2016 # it is the shell there that expands
	on_machine sh -c 'cc -Wall -Werror -o /tmp/control /tmp/control.c \
		$(pkg-config --cflags --libs libpinpool-ctl)' &&
	on_machine ldd /tmp/control | grep "libpinpool-ctl.so.0 => /.*$(uname -m)-linux-gnu" &&
	! on_machine ldd /tmp/example | grep libmnl || return
	on_machine /tmp/control 2>&1 | grep 'no pinpool family'
}

says_version() {
	on_machine pinpool --version | grep -Fx "pinpool $version"
}

has_manuals() {
	local page

	for page in 3/libpinpool 3/pinpool_alloc 3/libpinpool-ctl 3/pinpool_ctl_open \
		    3/liboffalloc 7/pinpool 8/pinpool; do
		on_machine man -w "${page%/*}" "${page#*/}" || return
	done
}

purge_packages() {
	on_machine modinfo -k "$KVER" pinpool >/dev/null &&
	on_machine dpkg --purge pinpool-dbgsym pinpool pinpool-dkms &&
	[ ! -e "$machine/usr/src/pinpool-$version" ] &&
	! on_machine modinfo -k "$KVER" pinpool
}

lintian_is_quiet() {
	lintian --allow-root --display-info --pedantic --fail-on info,pedantic,warning,error \
		"$packages"/*.changes
}

# udevd of this machine in a guest, where the group is, and the pools of the example
# for modprobe.d, but small, beside one without a mode
nodes_under_udev() {
	local pools

	pools=$(sed -n 's/^options pinpool pools=//p' "$top/packaging/examples/modprobe.conf" |
		sed -E 's/:[0-9]+[MG]/:2M/g')
	printf 'root:x:0:0:root:/:/bin/sh\n' >"$work/passwd"
	printf 'root:x:0:\npinpool:x:999:\n' >"$work/group"
	# shellcheck disable=SC2016 # it is the guest's shell that expands
	"$vm/pinpool" -n -f "$work/passwd:/etc/passwd" -f "$work/group:/etc/group" \
		-b /lib/systemd/systemd-udevd:/bin/systemd-udevd \
		-b "$(command -v udevadm):/bin/udevadm" \
		-f "$top/packaging/60-pinpool.rules:/usr/lib/udev/rules.d/60-pinpool.rules" -- sh -c '
			systemd-udevd --daemon
			insmod /pinpool.ko "pools=default:2M,$1" && udevadm settle &&
			stat -c "%n %a %U %G" /dev/pinpool/*' sh "$pools" |
		tr -d '\r' | tee "$work/nodes"
	diff - <(grep ^/dev "$work/nodes") <<-EOF
		/dev/pinpool/default 600 root pinpool
		/dev/pinpool/frames 660 root pinpool
		/dev/pinpool/kv 660 root pinpool
	EOF
}

kernel=$("$vm/kernel.sh" 6.1) || exit
eval "$kernel"
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
packages=$top/build/deb

check "one version everywhere" version_everywhere
copy_tree || exit

check "make install" make -s -C "$work/tree" KDIR="$KHEADERS" DESTDIR="$work/root" \
	PREFIX=/usr install
check "installs this and nothing else" has "$work/root" <<-EOF
	./lib/modules/$KVER/updates/kmod/pinpool.ko
	./usr/bin/pinpool
	./usr/include/linux/pinpool.h
	./usr/include/linux/pinpool_netlink.h
	./usr/include/offalloc.h
	./usr/include/pinpool.h
	./usr/include/pinpool_ctl.h
	./usr/lib/liboffalloc.a
	./usr/lib/liboffalloc.so
	./usr/lib/liboffalloc.so.0
	./usr/lib/liboffalloc.so.$version
	./usr/lib/libpinpool-ctl.a
	./usr/lib/libpinpool-ctl.so
	./usr/lib/libpinpool-ctl.so.0
	./usr/lib/libpinpool-ctl.so.$version
	./usr/lib/libpinpool.a
	./usr/lib/libpinpool.so
	./usr/lib/libpinpool.so.0
	./usr/lib/libpinpool.so.$version
	./usr/lib/pkgconfig/liboffalloc.pc
	./usr/lib/pkgconfig/libpinpool-ctl.pc
	./usr/lib/pkgconfig/libpinpool.pc
	./usr/lib/sysusers.d/pinpool.conf
	./usr/lib/udev/rules.d/60-pinpool.rules
	./usr/share/bash-completion/completions/pinpool
	./usr/share/doc/pinpool/examples/modprobe.conf
	./usr/share/doc/pinpool/examples/modules-load.conf
	./usr/share/man/man3/liboffalloc.3
	./usr/share/man/man3/libpinpool-ctl.3
	./usr/share/man/man3/libpinpool.3
	./usr/share/man/man7/pinpool.7
	./usr/share/man/man8/pinpool.8
EOF
check "the group's pools are the group's, others root's" nodes_under_udev

check "make install-dkms" make -s -C "$work/tree" DESTDIR="$work/sources" install-dkms
for series in ${KERNELS:-6.1}; do
	check "what DKMS gets builds on $series" dkms_builds "$series"
done

check "make deb" "$top/packaging/deb.sh"
check "makes these packages" has "$packages" <<-EOF
	./build.log
	$(for package in liboffalloc-dev liboffalloc0{,-dbgsym} libpinpool-dev \
			 libpinpool0{,-dbgsym} libpinpool-ctl-dev libpinpool-ctl0{,-dbgsym} \
			 pinpool pinpool-dbgsym; do
		echo "./${package}_${version}_amd64.deb"
	done)
	./pinpool-dkms_${version}_all.deb
	./pinpool_${version}_amd64.buildinfo
	./pinpool_${version}_amd64.changes
EOF
check "lintian has nothing to say" lintian_is_quiet

if [ -z "${PINPOOL_MOUNTS:-}" ] || ! make_machine 2>/dev/null; then
	number=$((number + 1))
	echo "ok $number - packages on a machine # SKIP takes root and an overlay"
	finish
fi
check "dpkg installs them" install_packages
check "DKMS installs the module" dkms_installs
check "the group is there" on_machine getent group pinpool
check "the tool runs" says_version
check "so does what the README shows in C" example_compiles
check "so does that of the manual of libpinpool-ctl" control_example_compiles
check "the manual is there" has_manuals
check "dpkg removes module and tool" purge_packages
finish
