/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Linux's harness for tests, as it is but for its limit of 30 s. A limit is there to end
 * what hangs, and what doesn't takes longer than that on a kernel that looks for bugs, or
 * under emulation on a machine with other work.
 */
#ifndef PINPOOL_KSELFTEST_HARNESS_H
#define PINPOOL_KSELFTEST_HARNESS_H

#include "linux/kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

#endif /* PINPOOL_KSELFTEST_HARNESS_H */
