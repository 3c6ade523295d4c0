/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between the supported kernels
 *
 * Wrappers carry the name that the newest kernel uses. The HAVE macros come
 * from the probes in Kbuild.
 */
#ifndef _PINPOOL_COMPAT_H
#define _PINPOOL_COMPAT_H

#include <linux/device.h>
#include <linux/mm.h>

/* Remove when the oldest kernel is 6.3 */
#ifndef PINPOOL_HAVE_VM_FLAGS_SET
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* The device that class->devnode() gets. Remove when the oldest kernel is 6.2 */
#ifdef PINPOOL_HAVE_CONST_DEVNODE
#define PINPOOL_DEVNODE_CONST	const
#else
#define PINPOOL_DEVNODE_CONST
#endif

/* MODULE_IMPORT_NS() takes a string. Remove when the oldest kernel is 6.13 */
#ifdef PINPOOL_HAVE_STRING_NS
#define PINPOOL_NS(ns)	#ns
#else
#define PINPOOL_NS(ns)	ns
#endif

#endif /* _PINPOOL_COMPAT_H */
