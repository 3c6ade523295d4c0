#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# As <test>_huge: runs <test> in a pool of huge pages
PINPOOL_DEV=/dev/pinpool/huge exec "${0%_huge}"
