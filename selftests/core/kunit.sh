#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the KUnit tests of the allocator in a kernel that has KUnit, as TAP
#
# Usage: kunit.sh uml|kasan
#
# In a User Mode Linux kernel, or in a guest with the kernel for debugging
set -u -o pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
vm=$top/selftests/vm
kernel=$("$vm/build.sh" "$1") || exit

# module NAME [MAKE ARGUMENT...]: the tests, as a module
module() {
	local name=$1 module
	shift

	module=$("$vm/module.sh" "$name" "$kernel" "$@" \
			CONFIG_PINPOOL=n CONFIG_PINPOOL_KUNIT_TEST=m) || return
	echo "${module%/*}/pinpool_kunit.ko"
}

in_uml() {
	local tests root status=0

	tests=$(module uml ARCH=um) || return
	# The root of the guest: its init ends the kernel.
	root=$(mktemp -d)
	mkdir "$root/bin" "$root/uml"
	cp "$(command -v busybox)" "$root/bin/"
	cp "$tests" "$root/"
	cat >"$root/init" <<-'INIT'
		#!/bin/busybox sh
		busybox insmod /pinpool_kunit.ko
		echo "insmod: $?"
		exec busybox poweroff -f
	INIT
	chmod +x "$root/init"
	timeout -k 10 600 "$kernel/vmlinux" mem=192M kunit.enable=1 uml_dir="$root/uml" \
		umid=kunit root=none rootfstype=hostfs rootflags="$root" rw init=/init \
		con=null con0=null,fd:1 </dev/null 2>&1 || status=$?
	rm -rf "$root"
	return $status
}

in_guest() {
	local tests

	tests=$(module "kunit-$1") || return
	# shellcheck disable=SC2016 # it is the guest's shell that expands
	"$vm/run" -k "$1" -t 900 -a kunit.enable=1 -f "$tests:/kunit.ko" -- \
		sh -c 'dmesg -c >/dev/null
		       insmod /kunit.ko
		       status=$?
		       dmesg | sed "s/^\[[^]]*\] //"
		       echo "insmod: $status"' 2>&1 || echo "BUG: exit status $?"
}

# Cases to the top level, all else of the tests becomes comments; what the kernel
# says before is shown only if it matters. A case that fails says so, but a
# kernel that dies doesn't.
to_tap() {
	awk '
	function result(good, name) {
		printf "%s %d - %s\n", good ? "ok" : "not ok", ++number, name
		bad += !good
		fflush()
	}
	/insmod: 0$/ { ended = 1 }
	/BUG:|WARNING:|Oops|Kernel panic|KASAN:/ { broken = 1 }
	/^ *# Subtest/ { tests = 1 }
	/^ *KTAP version|^$/ { next }
	/^    1\.\.[0-9]+$/ { sub(/.*\.\./, ""); planned += $0; next }
	/^    (not )?ok [0-9]+/ {
		good = !/^    not/
		cases++
		sub(/^ *(not )?ok [0-9]+( -)? /, "")
		result(good, $0)
		next
	}
	{
		sub(/^ *#? */, "")
		if (tests)
			print "# " $0
		else
			before = before "# " $0 "\n"
	}
	END {
		if (!tests)
			printf "%s", before
		result(ended && !broken, "the kernel came to its end and had no complaint")
		result(cases && cases == planned, planned + 0 " cases planned, " cases + 0 " ran")
		printf "1..%d\n", number
		exit bad > 0
	}'
}

case $1 in
uml) in_uml ;;
*) in_guest "$1" ;;
esac | tr -d '\r' | to_tap
