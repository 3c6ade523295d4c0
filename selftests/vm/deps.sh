#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install what building and testing pinpool needs: Debian packages, and the
# kernel of the guest. Says nothing and takes no time where all is there.
set -eu

packages=(
	gcc g++ make libc6-dev	# user-space programs
	gcc-multilib		# the same calls from 32-bit programs
	linux-headers-amd64	# the module
	sparse shellcheck perl	# static checks
	qemu-system-x86		# the guest,
	busybox-static		# its commands,
	cpio kmod xz-utils	# its initramfs and modules,
	e2fsprogs		# its disk
)

missing=()
for package in "${packages[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
	if ! command -v apt-get >/dev/null; then
		echo "deps: not a Debian machine; install the like of: ${missing[*]}" >&2
		exit 1
	fi
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=$(command -v sudo) || {
			echo "deps: run as root, or first: apt-get install ${missing[*]}" >&2
			exit 1
		}
	fi
	echo "deps: installing ${missing[*]}" >&2
	log=$(mktemp)
	if ! { $sudo apt-get update &&
	       $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "deps: installing failed, see above" >&2
		rm -f "$log"
		exit 1
	fi
	rm -f "$log"
fi

"$(dirname "$0")/kernel.sh" "${KERNEL:-6.1}" >/dev/null
