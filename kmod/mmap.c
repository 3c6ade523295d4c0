// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: a client's mapping of its pool
 *
 * The pages are ordinary, reference-counted ones, mapped as such (not by PFN),
 * so that get_user_pages() works on a window. There must be no page_mkwrite
 * handler: it would make long-term pins for writing fail.
 */
#include "pinpool.h"
#include "compat.h"

#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/personality.h>

/* How many pages one fault maps at most, 64 KiB as the page cache does */
#define FAULT_PAGES	DIV_ROUND_UP(SZ_64K, PAGE_SIZE)

/*
 * Map pages of @buffer from the faulting address on. client->lock is held, so
 * that a FREE unmaps them after they were mapped, or else they aren't.
 */
static vm_fault_t map_pages(struct vm_fault *vmf, const struct pinpool_client *client,
			    struct pinpool_buffer *buffer, u64 offset)
{
	const struct pinpool_pool *pool = client->pool;
	u64 end = buffer->offset + pinpool_buffer_extent(pool, buffer);
	struct page *pages[FAULT_PAGES];
	unsigned long i, left, nr, run = 0;
	int err;

	nr = min3((unsigned long)FAULT_PAGES,
		  (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT,
		  (unsigned long)((end - offset) >> PAGE_SHIFT));
	for (i = 0; i < nr; i++) {
		pages[i] = run ? pages[i - 1] + 1 :
				 pool->backing->pages(pool, offset + i * PAGE_SIZE, &run);
		run--;
		if (page_private(pages[i]) != client->id)
			set_page_private(pages[i], client->id);
	}
	WRITE_ONCE(buffer->touched, true);

	left = nr;
	err = vm_insert_pages(vmf->vma, vmf->address, pages, &left);
	/* -EBUSY: another thread was quicker with one of them, which is as good. */
	if (err && err != -EBUSY && left == nr)
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	return VM_FAULT_NOPAGE;
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct pinpool_client *client = vmf->vma->vm_file->private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct pinpool_buffer *buffer;

	down_read(&client->lock);
	buffer = pinpool_client_find(client, offset, false);
	if (buffer)
		ret = map_pages(vmf, client, buffer, offset);
	up_read(&client->lock);
	return ret;
}

static const struct vm_operations_struct window_vm_ops = {
	.fault = window_fault,
};

/**
 * pinpool_mmap() - Map a window
 * @file: The client
 * @vma: Where
 *
 * Context: mmap_lock held for writing.
 * Return: 0, -EINVAL for a private mapping, -EPERM for an executable one, -ENXIO
 *         beyond the pool
 */
int pinpool_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pinpool_client *client = file->private_data;
	unsigned long pool_pages = client->pool->config.capacity >> PAGE_SHIFT;
	unsigned long clear = VM_MAYEXEC;

	/* VM_SHARED is not set for a file that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC) {
		/* Some 32-bit programs get it without asking. */
		if (!(current->personality & READ_IMPLIES_EXEC))
			return -EPERM;
		clear |= VM_EXEC;
	}
	if (vma->vm_pgoff > pool_pages || vma_pages(vma) > pool_pages - vma->vm_pgoff)
		return -ENXIO;
	/* A read-only window stays one, whatever mprotect() says. */
	if (!(vma->vm_flags & VM_WRITE))
		clear |= VM_MAYWRITE;
	vm_flags_mod(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP, clear);
	vma->vm_ops = &window_vm_ops;
	return 0;
}
