# SPDX-License-Identifier: GPL-2.0
#
# pinpool: `make help` tells what there is. The module itself is described by
# Kbuild and kmod/Kbuild, which the kernel's build system reads.

# The kernel to build the module for: the running one, or else the newest whose
# headers are installed
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
		    $(lastword $(sort $(wildcard /lib/modules/*/build))))
# The Debian kernel series that the guest runs
KERNEL ?= 6.1
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
STRESS_SECONDS ?= 3600
INSTALL ?= install
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

VM := selftests/vm
KBUILD = $(MAKE) $(if $(V),,-s) -C $(KDIR) M=$(CURDIR) W=1

all: modules lib tests

modules: kdir
	@$(KBUILD) modules

# The library and the tool
lib:
	@$(MAKE) $(if $(V),,-s) -C lib PREFIX=$(PREFIX)

# The programs of selftests/, to run on a machine with the module loaded
tests:
	@$(MAKE) $(if $(V),,-s) -C selftests
	@$(MAKE) $(if $(V),,-s) -C selftests/lib

kdir:
	@test -n "$(KDIR)" || { echo "No kernel headers found: \`make deps\` installs Debian's," \
		"KDIR=<directory> names others" >&2; exit 1; }

deps:
	@$(VM)/deps.sh

demo: deps
	@selftests/demo/demo.sh

# A store and its readers, by RDMA
demo-kv: deps
	@selftests/demo/kv.sh

# What monitor, top and map show while clients are at work, to doc/
demo-view: deps
	@selftests/demo/view.sh

check: deps
	@selftests/check.sh

# On every kernel, among them those for debugging, which are built first: hours
check-all:
	@KERNELS="$(or $(KERNELS),6.1 6.12 7)" $(VM)/deps.sh
	@selftests/check.sh all

# What is installed: more tools, and some minutes
check-package:
	@PACKAGING=1 $(VM)/deps.sh
	@selftests/package.sh

bench: deps
	@selftests/bench/bench.sh

# The allocator beside those of the guest's kernel
bench-kernel: deps
	@selftests/bench/kernel/bench.sh

# First touch and bandwidth of windows beside hugetlbfs, memfd and the like
bench-touch: deps
	@selftests/bench/touch.sh

# How long it takes to make a large pool, beside a memset
bench-fill: deps
	@selftests/bench/fill.sh

# The allocator's core in user space, without a guest: selftests/bench/core/README.md
bench-core: deps
	@PEER="$(PEER)" QUICK="$(QUICK)" TSV="$(TSV)" MISSES="$(MISSES)" selftests/bench/core/run.sh

# The allocator's fuzzers, longer than `make check` lets them
fuzz: deps
	@$(MAKE) -s -C selftests/core fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)

# The module's calls under their fuzzer, in the debug kernel; what it finds worth keeping
# serves the next run
fuzz-kernel: KERNEL = kasan
fuzz-kernel: FUZZ_SECONDS = 3600
fuzz-kernel: deps
	@selftests/fuzz.sh -k $(KERNEL) -t $(FUZZ_SECONDS) $(if $(SEED),-s $(SEED)) \
		-c build/fuzz/$(KERNEL).disk

# Clients under stress, longer than `make check` lets them, and a thousand reloads
stress: deps
	@STRESS_SECONDS=$(STRESS_SECONDS) selftests/stress/stress.sh

lint: deps
	@selftests/lint.sh

# What is made of the specification of the control plane
netlink: deps
	@uapi/netlink/generate.sh

# What the user-space tests cover of the allocator
coverage: deps
	@$(MAKE) -s -C selftests/core coverage

# What the selftests cover of the module, in a kernel that is built for it
coverage-kernel: deps
	@selftests/coverage.sh

# The allocator's arithmetic for all values, by bounded model checking
prove: deps
	@$(MAKE) -s -C selftests/core prove

# make test T=window: one selftest in a guest, with POOLS= on pools of that shape
test: deps
	@$(VM)/pinpool -T $(if $(POOLS),-p $(POOLS),-n) -- /selftests/run_tests.sh $(T)

# A prompt in a guest with the module loaded
shell: deps
	@$(VM)/pinpool -T -i -- sh

run_tests:
	@$(MAKE) -C selftests run_tests

# Distributions keep their signing key to themselves; DKMS has one of its own.
install: modules lib install-system
	@$(KBUILD) $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
		INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates modules_install
	@$(MAKE) $(if $(V),,-s) -C lib PREFIX=$(PREFIX) install

# What gives a group access to pools, how to have pools at boot, and completion
install-system:
	@$(INSTALL) -D -m 644 packaging/completion/pinpool.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/pinpool
	@$(INSTALL) -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d packaging/60-pinpool.rules
	@$(INSTALL) -D -m 644 packaging/pinpool.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/pinpool.conf
	@$(INSTALL) -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/pinpool/examples \
		packaging/examples/*

# What DKMS takes to build the module for whatever kernel comes: the KUnit tests,
# and what a build in place generated, are not among it.
dkms := /usr/src/pinpool-$(VERSION)
dkms-kmod := kmod/Kbuild $(filter-out kmod/oa_kunit% %.mod.c,$(wildcard kmod/*.[ch]))

install-dkms:
	@$(INSTALL) -D -m 644 -t $(DESTDIR)$(dkms) dkms.conf Kbuild
	@$(INSTALL) -D -m 644 -t $(DESTDIR)$(dkms)/kmod $(dkms-kmod)
	@$(INSTALL) -D -m 644 -t $(DESTDIR)$(dkms)/uapi/linux uapi/linux/*.h

# Debian packages, to build/deb/; dpkg-buildpackage tells what it needs
deb:
	@packaging/deb.sh

clean:
	@if [ -n "$(KDIR)" ]; then $(KBUILD) clean; fi
	@$(MAKE) -s -C lib clean
	@$(MAKE) -s -C selftests clean
	@$(MAKE) -s -C selftests/core clean
	@$(MAKE) -s -C selftests/offalloc clean
	@$(MAKE) -s -C selftests/clients clean
	@$(MAKE) -s -C selftests/stress clean
	@$(MAKE) -s -C selftests/tool clean
	@$(MAKE) -s -C selftests/fuzz clean
	@rm -rf build

help:
	@echo 'pinpool: pinned memory pools with an in-kernel offset allocator'
	@echo
	@echo '  make           build module, library, tool and selftests'
	@echo '  make demo      the main job on real files, here or in a guest'
	@echo '  make demo-kv   a store and its readers exchange blocks by RDMA, in a guest'
	@echo '  make demo-view record what pinpool monitor, top and map show, to doc/'
	@echo '  make check     all tests; those that need the module run in a guest'
	@echo '  make check-all the same on all supported kernels and on those for debugging: hours'
	@echo '  make check-package  that what is installed works: by make, DKMS, as packages'
	@echo '  make bench     side-by-side figures'
	@echo '  make bench-kernel the allocator beside gen_pool, drm_mm, drm_buddy, maple tree'
	@echo '  make bench-touch first touch and bandwidth beside hugetlbfs, memfd, dma-heap, udmabuf'
	@echo '  make bench-fill  making a large pool beside a memset'
	@echo '  make bench-core the allocator itself against published figures [PEER= QUICK=1 TSV=1 MISSES=1]'
	@echo '  make fuzz      the allocator under its fuzzers [FUZZ_SECONDS=600]'
	@echo '  make fuzz-kernel the module under its fuzzer, in a guest [FUZZ_SECONDS=3600 SEED= KERNEL=kasan]'
	@echo '  make stress    clients beside hotplug, lack of memory, kills and reloads [STRESS_SECONDS=3600]'
	@echo '  make coverage  what the user-space tests cover of the allocator'
	@echo '  make coverage-kernel  what the selftests cover of the module'
	@echo '  make prove     the arithmetic of its bins, for all values, by cbmc'
	@echo '  make netlink   what is generated from uapi/netlink/pinpool.yaml'
	@echo '  make lint      W=1, sparse, checkpatch --strict, kernel-doc, shellcheck'
	@echo '  make test T=window   one selftest in a guest, in seconds'
	@echo '  make shell     a prompt in a guest with the module loaded'
	@echo '  make run_tests the selftests on this machine, with the module loaded'
	@echo '  make install   module, library, tool, manual pages, udev rule [PREFIX= DESTDIR=]'
	@echo '  make install-dkms the source of the module, for DKMS [DESTDIR=]'
	@echo '  make deb       Debian packages, to build/deb/'
	@echo '  make deps      install what the above need (Debian)'
	@echo '  make clean     remove what was built'
	@echo
	@echo '  KDIR=<dir>     kernel headers to build against'
	@echo '  KERNEL=<series> kernel of the guest: 6.1 (default), 6.12, 7, or kasan, kcsan, kmsan, dmem'
	@echo '  KERNELS="6.1 6.12 7"  kernels that check and lint try the module with (6.1)'
	@echo '  V=1            show the commands'

.PHONY: all modules lib tests kdir deps demo demo-kv demo-view check check-all check-package bench bench-core bench-kernel bench-touch bench-fill fuzz fuzz-kernel stress coverage coverage-kernel prove netlink lint test shell run_tests install install-system install-dkms deb clean help
