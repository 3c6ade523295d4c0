# SPDX-License-Identifier: GPL-2.0
#
# The kernel's KUnit tests of the allocator, in user space as well: a part of
# Makefile

KUNIT_SRCS := $(wildcard $(KMOD)/oa_kunit*.c $(KMOD)/offset_alloc*.c) kunit/test.c
KUNIT_HDRS := $(wildcard $(KMOD)/oa_kunit*.h $(KMOD)/offset_alloc*.h) kunit/test.h
# The kernel compares numbers with and without a sign, too.
KUNIT_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-sign-compare -Werror $(CFLAGS) -I$(KMOD) -I.
KUNIT := $(BUILD)/oa_kunit $(if $(HAVE_M32),$(BUILD)/oa_kunit32)

$(BUILD)/oa_kunit: $(KUNIT_SRCS) $(KUNIT_HDRS) Makefile kunit.mk | $(BUILD)
	$(CC) $(KUNIT_CFLAGS) $(SANITIZE) -o $@ $(KUNIT_SRCS)

$(BUILD)/oa_kunit32: $(KUNIT_SRCS) $(KUNIT_HDRS) Makefile kunit.mk | $(BUILD)
	$(CC) -m32 $(KUNIT_CFLAGS) -o $@ $(KUNIT_SRCS)
