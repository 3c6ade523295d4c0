#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the KUnit tests of the allocator in a User Mode Linux kernel, as TAP
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

kernel=$("$top/selftests/vm/uml.sh") || exit
eval "$kernel"
module=$("$top/selftests/vm/module.sh" uml "$UML_BUILD" ARCH=um \
		CONFIG_PINPOOL=n CONFIG_PINPOOL_KUNIT_TEST=m) || exit

# The root of the guest: its init ends the kernel.
mkdir "$root/bin" "$root/uml"
cp "$(command -v busybox)" "$root/bin/"
cp "${module%/*}/pinpool_kunit.ko" "$root/"
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
busybox insmod /pinpool_kunit.ko
echo "insmod: $?"
exec busybox poweroff -f
INIT
chmod +x "$root/init"

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

set -o pipefail
timeout -k 10 600 "$UML_KERNEL" mem=192M kunit.enable=1 uml_dir="$root/uml" umid=kunit \
	root=none rootfstype=hostfs rootflags="$root" rw init=/init con=null con0=null,fd:1 \
	</dev/null 2>&1 | tr -d '\r' | to_tap
