/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PINPOOL_TOOL_JSON_H
#define PINPOOL_TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Writes one JSON value to standard output as it comes. @key is NULL in an
 * array and at the top.
 */
void json_on_one_line(void);
void json_begin(const char *key, char bracket);
void json_end(void);
void json_u64(const char *key, uint64_t value);
void json_double(const char *key, double value);
void json_string(const char *key, const char *value);
void json_bool(const char *key, bool value);
void json_null(const char *key);

#endif /* PINPOOL_TOOL_JSON_H */
