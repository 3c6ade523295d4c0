// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: a client's mapping of its pool; and mappings of shares
 *
 * The pages are ordinary, reference-counted ones, mapped as such (not by PFN),
 * so that get_user_pages() works on a window. There must be no page_mkwrite
 * handler: it would make long-term pins for writing fail.
 *
 * A fault maps several base pages at once by vm_insert_pages(), which wants
 * VM_MIXEDMAP. Huge pages only the kernel itself can map, and it loses count of
 * them where VM_MIXEDMAP is set; so windows on pools of huge pages are without,
 * and their faults return the page.
 */
#include "pinpool.h"
#include "compat.h"
#include "trace.h"

#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/personality.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

/* How many pages a fault maps at most, 64 KiB as the page cache does */
#define FAULT_PAGES	DIV_ROUND_UP(SZ_64K, PAGE_SIZE)

/* How often the page table of a fault may go before it is filled */
#define TABLE_TRIES	16

/* How many pages of @vma may be mapped from @address on, up to @end of a buffer */
static unsigned long pages_to_map(const struct vm_fault *vmf, u64 offset, u64 end,
				  bool populate)
{
	unsigned long most = FAULT_PAGES;

	/* All that one page table has room for */
	if (populate)
		most = PTRS_PER_PTE - (vmf->address >> PAGE_SHIFT) % PTRS_PER_PTE;
	return min3(most, (vmf->vma->vm_end - vmf->address) >> PAGE_SHIFT,
		    (unsigned long)((end - offset) >> PAGE_SHIFT));
}

/*
 * From Linux 6.14 on, another thread's madvise() frees page tables that are empty, also that
 * of a fault which is about to fill it. The kernel's own faults are taken again then, but
 * vm_insert_pages() says that there is no such place. To be told so often in a row takes
 * more than bad luck: there is no memory for a table above. Nobody can call madvise() so
 * for what is mapped by PFN. @left: in: How many pages there are. out: How many were not
 * mapped
 */
static int insert_pages(struct vm_area_struct *vma, unsigned long address,
			struct page **pages, unsigned long *left)
{
	unsigned long nr = *left;
	unsigned long done;
	int err = -EFAULT;
	int i;

	for (i = 0; i < TABLE_TRIES && err == -EFAULT; i++) {
		done = nr - *left;
		err = vm_insert_pages(vma, address + (done << PAGE_SHIFT), pages + done, left);
	}
	return err == -EFAULT ? -ENOMEM : err;
}

/*
 * Pages that are not the pool's own have owners who count who maps them, each in a way
 * of his own; so nobody is told.
 */
static vm_fault_t map_pfns(const struct vm_fault *vmf, const struct pinpool_pool *pool,
			   u64 offset, unsigned long nr, unsigned long id)
{
	unsigned long address = vmf->address;
	unsigned long run = 0;
	struct page *page = NULL;
	vm_fault_t ret;

	for (; nr; nr--) {
		page = run ? page + 1 : pool->backing->pages(pool, offset, &run);
		run--;
		pool->owners[offset >> PAGE_SHIFT] = id;
		ret = vmf_insert_pfn(vmf->vma, address, page_to_pfn(page));
		if (ret != VM_FAULT_NOPAGE)
			return address == vmf->address ? ret : VM_FAULT_NOPAGE;
		offset += PAGE_SIZE;
		address += PAGE_SIZE;
	}
	return VM_FAULT_NOPAGE;
}

/*
 * Map pages from @offset of the pool at the faulting address, and mark them with
 * @id. The caller sees to it that they are unmapped only after they were mapped,
 * or else not mapped.
 */
static vm_fault_t map_pages(const struct vm_fault *vmf, const struct pinpool_pool *pool,
			    u64 offset, unsigned long nr, unsigned long id)
{
	unsigned long address = vmf->address;
	struct page *pages[FAULT_PAGES];
	unsigned long i, left, run = 0;
	struct page *page = NULL;
	struct page *head;
	int err;

	if (pool->backing->foreign)
		return map_pfns(vmf, pool, offset, nr, id);
	while (nr) {
		left = min_t(unsigned long, nr, FAULT_PAGES);
		for (i = 0; i < left; i++) {
			page = run ? page + 1 : pool->backing->pages(pool, offset, &run);
			run--;
			offset += PAGE_SIZE;
			pages[i] = page;
			head = compound_head(page);
			if (page_private(head) != id)
				set_page_private(head, id);
		}
		nr -= i;
		err = insert_pages(vmf->vma, address, pages, &left);
		/* -EBUSY: another thread was quicker with one of them, which is as good. */
		if (err && err != -EBUSY && left == i && address == vmf->address)
			return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
		if (err && err != -EBUSY)
			break;
		address += i << PAGE_SHIFT;
	}
	return VM_FAULT_NOPAGE;
}

/* Let the kernel map the page, which it does while the folio is locked. */
static vm_fault_t return_page(struct vm_fault *vmf, const struct pinpool_pool *pool,
			      u64 offset, unsigned long id)
{
	unsigned long run;
	struct page *page = pool->backing->pages(pool, offset, &run);
	struct folio *folio = page_folio(page);

	folio_lock(folio);
	set_page_private(&folio->page, id);
	folio_get(folio);
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct pinpool_client *client = vmf->vma->vm_file->private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;
	struct pinpool_pool *pool = client->pool;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct pinpool_buffer *buffer;
	struct pinpool_hold *hold;
	unsigned long nr = 1;
	unsigned long id;
	u64 end;

	/* A FREE takes the hold away before it waits for us and unmaps the pages. */
	down_read(&client->lock);
	hold = pinpool_hold_find(client, offset, false);
	/* All that a window maps is writable where the window may be. */
	if (hold && !(hold->readonly && (vmf->vma->vm_flags & VM_MAYWRITE))) {
		buffer = hold->buffer;
		id = buffer->shared ? PINPOOL_ID_MANY : client->id;
		WRITE_ONCE(hold->touched, true);
		if (vmf->vma->vm_flags & (VM_MIXEDMAP | VM_PFNMAP)) {
			end = buffer->offset + pinpool_buffer_extent(buffer);
			nr = pages_to_map(vmf, offset, end, hold->populate);
			ret = map_pages(vmf, pool, offset, nr, id);
		} else {
			ret = return_page(vmf, pool, offset, id);
		}
	}
	up_read(&client->lock);
	trace_pinpool_fault(pool, client, offset, (u64)nr << PAGE_SHIFT, ret);
	return ret;
}

static const struct vm_operations_struct window_vm_ops = {
	.fault = window_fault,
};

/**
 * pinpool_mmap_pages() - Serve a fault of the mapping of a share
 * @vmf: The fault
 * @pool: The pool
 * @offset: Where in it
 * @end: Of what may be mapped
 *
 * Context: As for a fault handler. The caller sees to it that the pages are unmapped
 *          only after this, or not mapped.
 * Return: As of a fault handler
 */
vm_fault_t pinpool_mmap_pages(const struct vm_fault *vmf, const struct pinpool_pool *pool,
			      u64 offset, u64 end)
{
	unsigned long nr = 0;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (offset < end) {
		nr = pages_to_map(vmf, offset, end, false);
		ret = map_pages(vmf, pool, offset, nr, PINPOOL_ID_MANY);
	}
	trace_pinpool_fault(pool, NULL, offset, (u64)nr << PAGE_SHIFT, ret);
	return ret;
}

/**
 * pinpool_mmap_check() - May this be mapped so?
 * @vma: The mapping
 *
 * Context: mmap_lock held for writing.
 * Return: The flags of @vma that are to be cleared, or a negative errno
 */
long pinpool_mmap_check(const struct vm_area_struct *vma)
{
	long clear = VM_MAYEXEC;

	/* VM_SHARED is not set for a file that is open for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC) {
		/* Some 32-bit programs get it without asking. */
		if (!(current->personality & READ_IMPLIES_EXEC))
			return -EPERM;
		clear |= VM_EXEC;
	}
	/* A read-only mapping stays one, whatever mprotect() says. */
	if (!(vma->vm_flags & VM_WRITE))
		clear |= VM_MAYWRITE;
	return clear;
}

/**
 * pinpool_mmap_kind() - How pages are mapped that aren't huge
 * @pool: The pool
 *
 * Context: Any.
 * Return: A flag for a VMA
 */
unsigned long pinpool_mmap_kind(const struct pinpool_pool *pool)
{
	return pool->backing->foreign ? VM_PFNMAP : VM_MIXEDMAP;
}

/**
 * pinpool_mmap() - Map a window
 * @file: The client
 * @vma: Where
 *
 * Context: mmap_lock held for writing.
 * Return: 0, -EINVAL for a private mapping, -EPERM for an executable one, -ENXIO
 *         beyond the pool, -ENODEV if the pool is dead or has no memory
 */
int pinpool_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pinpool_client *client = file->private_data;
	unsigned long pool_pages = READ_ONCE(client->pool->config.capacity) >> PAGE_SHIFT;
	unsigned long set = VM_DONTEXPAND | VM_DONTDUMP;
	long clear = pinpool_mmap_check(vma);

	if (clear < 0)
		return clear;
	if (READ_ONCE(client->pool->dead) || !client->pool->backing->pages)
		return -ENODEV;
	if (vma->vm_pgoff > pool_pages || vma_pages(vma) > pool_pages - vma->vm_pgoff)
		return -ENXIO;
	if (!pinpool_pool_huge(client->pool))
		set |= pinpool_mmap_kind(client->pool);
	vm_flags_mod(vma, set, clear);
	vma->vm_ops = &window_vm_ops;
	return 0;
}

/* Have the page at @address of a window mapped. */
static int populate_at(struct file *file, unsigned long address, u64 offset)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool unlocked = false;
	int err = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, address);
	if (vma && address >= vma->vm_start && vma->vm_file == file &&
	    linear_page_index(vma, address) == offset >> PAGE_SHIFT)
		err = fixup_user_fault(mm, address,
				       vma->vm_flags & VM_WRITE ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(mm);
	return err;
}

/**
 * pinpool_mmap_populate() - Map a buffer before it is touched
 * @file: The client
 * @window: Where offset 0 of the pool lies, or would lie, in the calling process
 * @offset: Of the buffer; its hold has @populate set
 * @length: Of the buffer
 *
 * As far as it goes: what isn't mapped then will be when it is touched.
 *
 * Context: May sleep.
 */
void pinpool_mmap_populate(struct file *file, u64 window, u64 offset, u64 length)
{
	u64 end, next;

	if (check_add_overflow(window, offset + length, &end) || end > ULONG_MAX)
		return;
	for (; length; offset += next, length -= next) {
		if (populate_at(file, window + offset, offset) || fatal_signal_pending(current))
			return;
		/* A fault filled one page table. */
		next = min_t(u64, length, PMD_SIZE - (window + offset) % PMD_SIZE);
		cond_resched();
	}
}
