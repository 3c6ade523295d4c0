#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install what building and testing pinpool needs: Debian packages, and the
# kernels of the guest: those of $KERNELS, and $KERNEL or else 6.1. Says nothing
# and takes no time where all is there.
set -eu

packages=(
	gcc g++ make libc6-dev	# user-space programs
	gcc-multilib		# the same calls from 32-bit programs
	clang libclang-rt-14-dev	# the fuzzers
	pkg-config		# programs with the installed library
	libdrm-dev		# dma-bufs in the hands of graphics drivers
	linux-headers-amd64	# the module
	sparse shellcheck perl	# static checks
	valgrind gnuplot-nox	# the allocator's benchmark
	lcov			# what its tests cover
	bc bison flex libelf-dev	# kernels with KUnit, and for debugging
	qemu-system-x86		# the guest,
	busybox-static		# its commands,
	cpio kmod xz-utils	# its initramfs and modules,
	e2fsprogs		# its disk
	iproute2 libibverbs-dev ibverbs-providers perftest	# RDMA in it
	debian-archive-keyring util-linux zstd	# kernels of other series
	fio liburing-dev trace-cmd	# clients of pools
	stress-ng		# what else a machine may have to do
	qemu-system-arm binutils-aarch64-linux-gnu device-tree-compiler	# arm64
	libmnl-dev		# the control plane,
	python3 python3-yaml python3-jsonschema	# and its specification
)
# For `make check-package`
[ -z "${PACKAGING:-}" ] || packages+=(
	debhelper dh-dkms dkms lintian	# packages,
	systemd udev man-db	# and what they work with
)

kernel=$(dirname "$0")/kernel.sh
read -ra kernels <<<"${KERNELS:-} ${KERNEL:-6.1}"

# install PACKAGE...
install() {
	local sudo="" log

	if ! command -v apt-get >/dev/null; then
		echo "deps: not a Debian machine; install the like of: $*" >&2
		exit 1
	fi
	if [ "$(id -u)" != 0 ]; then
		sudo=$(command -v sudo) || {
			echo "deps: run as root, or first: apt-get install $*" >&2
			exit 1
		}
	fi
	echo "deps: installing $*" >&2
	log=$(mktemp)
	if ! { $sudo apt-get update &&
	       $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends "$@"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "deps: installing failed, see above" >&2
		rm -f "$log"
		exit 1
	fi
	rm -f "$log"
}

missing=()
for package in "${packages[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} = 0 ] || install "${missing[@]}"

for series in "${kernels[@]}"; do
	"$kernel" "$series" >/dev/null && continue
	# Debian serves the kernel of older headers no longer: then get the newer ones.
	[ "$series" = 6.1 ] || exit
	install linux-headers-amd64
	"$kernel" "$series" >/dev/null
done
