/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MODEL_FUZZ_H
#define _MODEL_FUZZ_H

#include <stddef.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif /* _MODEL_FUZZ_H */
