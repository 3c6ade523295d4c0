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
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <net/genetlink.h>

/* Remove when the oldest kernel is 6.3 */
#ifndef PINPOOL_HAVE_VM_FLAGS_SET
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* The device that type->devnode() gets. Remove when the oldest kernel is 6.3 */
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

/* Where callers don't hold the lock. Remove when the oldest kernel is 6.2 */
#ifndef PINPOOL_HAVE_DMA_BUF_VMAP_UNLOCKED
static inline int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	return dma_buf_vmap(dmabuf, map);
}

static inline void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	dma_buf_vunmap(dmabuf, map);
}
#endif

#ifndef PINPOOL_HAVE_DMA_BUF_MAP_UNLOCKED
static inline struct sg_table *
dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
				enum dma_data_direction direction)
{
	return dma_buf_map_attachment(attach, direction);
}

static inline void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
						     struct sg_table *sgt,
						     enum dma_data_direction direction)
{
	dma_buf_unmap_attachment(attach, sgt, direction);
}
#endif

/* Remove when the oldest kernel is 6.2 */
#ifndef PINPOOL_HAVE_GENL_SPLIT_OPS
struct genl_split_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*start)(struct netlink_callback *cb);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	u8 cmd;
	u8 flags;
};

/* The table of the same operations, in which do and dump are one */
static inline void pinpool_genl_set_ops(struct genl_family *family,
					const struct genl_split_ops *split, unsigned int nr)
{
	static struct genl_ops ops[16];
	struct genl_ops *op = NULL;

	family->ops = ops;
	for (; nr; nr--, split++) {
		if (!op || op->cmd != split->cmd)
			op = &ops[family->n_ops++];
		op->cmd = split->cmd;
		op->policy = split->policy;
		op->maxattr = split->maxattr;
		if (split->flags & GENL_CMD_CAP_DO) {
			op->doit = split->doit;
		} else {
			op->start = split->start;
			op->dumpit = split->dumpit;
		}
	}
}
#else
static inline void pinpool_genl_set_ops(struct genl_family *family,
					const struct genl_split_ops *split, unsigned int nr)
{
	family->split_ops = split;
	family->n_split_ops = nr;
}
#endif

/* Remove when the oldest kernel is 6.6 */
#ifndef PINPOOL_HAVE_GENL_INFO_DUMP
static inline const struct genl_dumpit_info *genl_info_dump(struct netlink_callback *cb)
{
	return genl_dumpit_info(cb);
}
#endif

/* What alloc_contig_range() wants to know. Remove when the oldest kernel is 6.16 */
#ifdef PINPOOL_HAVE_ACR_FLAGS
#define PINPOOL_CONTIG_MOVABLE	ACR_FLAGS_NONE
#else
#define PINPOOL_CONTIG_MOVABLE	MIGRATE_MOVABLE
#endif

/* Remove when the oldest kernel is 6.12 */
#ifndef PINPOOL_HAVE_RESERVE_MEM
static inline int reserve_mem_find_by_name(const char *name, phys_addr_t *start,
					   phys_addr_t *size)
{
	return 0;
}
#endif

/* What some architectures' kernels are built without; never called then */
#ifndef CONFIG_ZONE_DEVICE
#include <linux/err.h>

struct dev_pagemap;

static inline void *memremap_pages(struct dev_pagemap *pgmap, int nid)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void memunmap_pages(struct dev_pagemap *pgmap)
{
}
#endif

#ifdef CONFIG_CGROUP_DMEM
#include <linux/cgroup_dmem.h>

/* Remove when the oldest kernel is 7.3 */
#ifndef PINPOOL_HAVE_DMEM_CGROUP_INIT
struct dmem_cgroup_init {
	u64 size;
};

#define dmem_cgroup_register_region(init, ...)	\
	dmem_cgroup_register_region((init)->size, __VA_ARGS__)
#endif
#endif

#endif /* _PINPOOL_COMPAT_H */
