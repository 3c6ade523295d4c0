#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module on another architecture, one where the device tree makes pools: Debian's
# stock 6.1 for arm64, emulated
#
# Usage: arm64.sh [TEST...]
#
# Packages for arm64 are kept in the cache, as kernels are, and nothing of them is
# installed; nor is the compiler, which Debian won't have beside gcc-multilib.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
vm=$top/selftests/vm
cache=${PINPOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinpool}
root=$cache/arm64
libs=usr/lib/aarch64-linux-gnu
machine=(qemu-system-aarch64 -M virt -cpu cortex-a57 -smp 2 -m 1G -nodefaults
	 -no-user-config -display none -no-reboot)

[ $# -gt 0 ] || set -- abi trace netlink netlink_bad pools quota resize fill contig none user \
	user_limits unload concurrency library control tool

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compiler=(cpp-12-aarch64-linux-gnu gcc-12-aarch64-linux-gnu libgcc-12-dev-arm64-cross
	  libgcc-s1-arm64-cross libc6-arm64-cross libc6-dev-arm64-cross
	  linux-libc-dev-arm64-cross)

# unpack TO DEB...
unpack() {
	local to=$1 deb

	shift
	mkdir -p "$to/usr/lib"
	ln -s usr/lib "$to/lib"
	for deb; do
		dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$to"
	done
}

# In one directory, as if they were installed there
fetch() {
	local kver package tmp

	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	# shellcheck disable=SC2064 # it is local
	trap "rm -rf '$work' '$tmp'" EXIT
	ARCH=arm64 "$vm/suite.sh" "$tmp/apt" bookworm
	export APT_CONFIG=$tmp/apt/apt.conf
	kver=$(apt-cache pkgnames linux-headers-6.1. | sort -V |
	       sed -nE 's/^linux-headers-(6\.1\.[0-9]+-[0-9]+-arm64)$/\1/p' | tail -n 1)
	echo "arm64.sh: fetching Linux $kver" >&2
	mkdir "$tmp/debs"
	(cd "$tmp/debs" && apt-get -q download "linux-image-$kver" "linux-headers-$kver" \
		"linux-headers-${kver%-*}-common" busybox-static libmnl0 libmnl-dev libc6 \
		libgcc-s1) >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; return 1; }
	unset APT_CONFIG
	unpack "$tmp/root" "$tmp"/debs/*.deb
	mkdir "$tmp/tools"
	for package in "${compiler[@]}"; do
		(cd "$tmp/tools" && "$vm/fetch.sh" "$package")
	done
	unpack "$tmp/root/tools" "$tmp"/tools/*.deb
	# Where it looks for the assembler and the linker, which are installed
	ln -s /usr/aarch64-linux-gnu/bin "$tmp/root/tools/usr/aarch64-linux-gnu/bin"
	sed -i "s# /usr/# $root/tools/usr/#g" "$tmp"/root/tools/usr/aarch64-linux-gnu/lib/lib{c,m}.so
	# The tools that build modules are this machine's own.
	ln -s /usr/lib/linux-kbuild-6.1 "$tmp/root/usr/lib/linux-kbuild-6.1"
	sed -i -E 's#([ =])/usr/src/#\1../#' "$tmp/root/usr/src/linux-headers-$kver/Makefile"
	depmod -b "$tmp/root" "$kver"
	echo "$kver" >"$tmp/root/kver"
	mv -T "$tmp/root" "$root" 2>/dev/null || [ -d "$root" ]
}

[ -d "$root" ] || fetch
kver=$(cat "$root/kver")
export PATH=$root/tools/usr/bin:$PATH

module=$("$vm/module.sh" "$kver" "$root/usr/src/linux-headers-$kver" \
	 DEB_BUILD_ARCH=amd64 DEB_HOST_ARCH=arm64 DEB_HOST_GNU_TYPE=aarch64-linux-gnu)
cross=(aarch64-linux-gnu-gcc-12 -idirafter "$root/usr/include" -L"$root/$libs")
make -s -C "$top/selftests" CC="${cross[*]}" out="$work/tests" all 2>&1 |
	{ grep -v '^No 32-bit' || true; } >&2
make -s -C "$top/lib" O="$work/lib" CC="${cross[*]}" mnl-cflags= mnl-libs=-lmnl \
	"$work/lib/pinpool" "$work/lib/libpinpool.a" "$work/lib/libpinpool-ctl.a"
for test in library control; do
	"${cross[@]}" -O2 -w -pthread -I"$top"/{lib,uapi,selftests/kselftest} \
		-o "$work/tests/$test" "$top/selftests/lib/$test.c" \
		"$work"/lib/libpinpool{,-ctl}.a -lmnl
done

initramfs=$work/root
mkdir -p "$initramfs"/{bin,dev,proc,sys,tmp,data,etc,lib,modules,selftests}
cp "$root/bin/busybox" "$initramfs/bin/"
ln -s busybox "$initramfs/bin/sh"
cp -L "$root/$libs"/{libc.so.6,libm.so.6,libgcc_s.so.1,libmnl.so.0,ld-linux-aarch64.so.1} \
	"$initramfs/lib/"
cp "$module" "$initramfs/pinpool.ko"
cp "$work/lib/pinpool" "$initramfs/bin/"
cp "$work"/tests/* "$top"/selftests/*.sh "$initramfs/selftests/"
cp "$here/guest.sh" "$initramfs/"
for name in virtio_pci virtio_blk crc32c_generic ext4; do
	modprobe -d "$root" -S "$kver" --show-depends "$name" 2>/dev/null |
		sed -n 's/^insmod //p' | while read -r path; do
		[ -e "$initramfs/modules/${path##*/}" ] && continue
		cp "$path" "$initramfs/modules/"
		echo "insmod /modules/${path##*/}" >>"$initramfs/etc/modules"
	done
done
touch "$initramfs/etc/modules"
cat >"$initramfs/init" <<-INIT
	#!/bin/sh
	/bin/busybox --install -s /bin
	export PATH=/bin NO_COLOR=1
	mount -t devtmpfs dev /dev
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t tracefs tracefs /sys/kernel/tracing
	ip link set lo up
	. /etc/modules
	mount -t ext4 /dev/vda /data
	sh /guest.sh $* 2>&1
	sync
	poweroff -f
INIT
chmod +x "$initramfs/init"
(cd "$initramfs" && find . | cpio -o -H newc --quiet -R 0:0) >"$work/initramfs"
truncate -s 256M "$work/disk"
mke2fs -q -t ext4 -F "$work/disk"

# QEMU's own device tree, with pools
"${machine[@]}" -machine dumpdtb="$work/virt.dtb" 2>/dev/null
dtc -q -I dtb -O dts "$work/virt.dtb" >"$work/virt.dts"
cat "$work/virt.dts" "$here/pools.dtsi" | dtc -q -I dts -O dtb -o "$work/pools.dtb" -

# What the kernel says is for the log, and for whoever wants to know why it died.
status=0
timeout -k 5 900 "${machine[@]}" -dtb "$work/pools.dtb" -kernel "$root/boot/vmlinuz-$kver" \
	-initrd "$work/initramfs" -drive "if=virtio,format=raw,file=$work/disk" -serial stdio \
	-append "console=ttyAMA0 quiet panic=-1 oops=panic panic_on_warn=1 log_buf_len=4M printk.devkmsg=on cma=32M" \
	</dev/null | tr -d '\r' | tee "$work/console" || status=$?
grep -qE '^[0-9]+ passed, 0 failed' "$work/console" && [ "$status" = 0 ]
