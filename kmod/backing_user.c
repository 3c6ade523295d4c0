// SPDX-License-Identifier: GPL-2.0
/*
 * Backing "user": memory that a process has registered
 *
 * The process faults it in for writing and pins it for long, so that fork() copies
 * it for the child, and it is neither moved nor reclaimed. What the process does
 * with its mapping later changes nothing here. It is charged as what io_uring
 * registers: to the user, and told as pinned by the process.
 */
#include "pinpool.h"

#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/overflow.h>
#include <linux/page-flags.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

/* Page pointers in one page of them */
#define CHUNK_PAGES	(PAGE_SIZE / sizeof(struct page *))

/* How far a run is looked for. A fault wants 16 pages. */
#define RUN_PAGES	64

/* What pool->owners can be made for */
#define USER_LIMIT	BIT_ULL(40)

/**
 * struct user_memory - What a process has registered; constant once it is complete
 * @mm: That tells of it as pinned
 * @cred: Of the user who is charged, or NULL: whoever may lock memory without limit.
 *        They keep the user there; not all kernels let modules do that otherwise
 * @nr: How many pages they are told of and charged for
 * @pinned: How many are pinned
 * @chunks: These, CHUNK_PAGES in each but the last
 */
struct user_memory {
	struct mm_struct *mm;
	const struct cred *cred;
	unsigned long nr;
	unsigned long pinned;
	struct page **chunks[];
};

static struct page *page_at(const struct user_memory *memory, unsigned long i)
{
	return memory->chunks[i / CHUNK_PAGES][i % CHUNK_PAGES];
}

static struct page *user_pages(const struct pinpool_pool *pool, u64 offset,
			       unsigned long *nr)
{
	const struct user_memory *memory = pool->backing_data;
	unsigned long first = offset >> PAGE_SHIFT;
	struct page *page = page_at(memory, first);
	unsigned long most = min(memory->nr - first, (unsigned long)RUN_PAGES);
	unsigned long pfn = page_to_pfn(page);

	for (*nr = 1; *nr < most; ++*nr)
		if (page_to_pfn(page_at(memory, first + *nr)) != pfn + *nr)
			break;
	return page;
}

/* Where it fails nothing is charged. */
static int user_charge(struct user_memory *memory)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();

	if (!capable(CAP_IPC_LOCK)) {
		if (atomic_long_add_return(memory->nr, &user->locked_vm) > limit) {
			atomic_long_sub(memory->nr, &user->locked_vm);
			return -EDQUOT;
		}
		memory->cred = get_current_cred();
	}
	memory->mm = current->mm;
	mmgrab(memory->mm);
	atomic64_add(memory->nr, &memory->mm->pinned_vm);
	return 0;
}

static void user_uncharge(struct user_memory *memory)
{
	atomic64_sub(memory->nr, &memory->mm->pinned_vm);
	mmdrop(memory->mm);
	if (memory->cred) {
		atomic_long_sub(memory->nr, &memory->cred->user->locked_vm);
		put_cred(memory->cred);
	}
}

/*
 * Memory of no file, or of one that lives in memory only. Pages of other files are
 * written back, by owners who must be told before a page is written; and drivers' may
 * be anything, also other pools'.
 */
static bool page_suitable(struct page *page)
{
	struct folio *folio = page_folio(page);

	return folio_test_anon(folio) || folio_test_swapbacked(folio) ||
	       folio_test_hugetlb(folio);
}

/* Pin what is behind @address: as many pages as there are in *@pages, but for @nr */
static int user_pin(struct user_memory *memory, unsigned long address, int nr,
		    struct page **pages)
{
	int i, got;

	got = pin_user_pages_fast(address, nr, FOLL_WRITE | FOLL_LONGTERM, pages);
	if (got <= 0)
		return got == -ENOMEM || got == -EINTR ? got : -EFAULT;
	memory->pinned += got;
	for (i = 0; i < got; i++)
		if (!page_suitable(pages[i]))
			return -EFAULT;
	return got;
}

static int user_pin_all(struct user_memory *memory, unsigned long address)
{
	struct page **chunk = NULL;
	int got;

	while (memory->pinned < memory->nr) {
		unsigned long at = memory->pinned % CHUNK_PAGES;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (!at) {
			chunk = kmalloc_array(CHUNK_PAGES, sizeof(*chunk), GFP_KERNEL_ACCOUNT);
			if (!chunk)
				return -ENOMEM;
			memory->chunks[memory->pinned / CHUNK_PAGES] = chunk;
		}
		got = user_pin(memory, address + (memory->pinned << PAGE_SHIFT),
			       min(memory->nr - memory->pinned, CHUNK_PAGES - at), chunk + at);
		if (got < 0)
			return got;
		cond_resched();
	}
	return 0;
}

static void user_unpin_all(struct user_memory *memory)
{
	unsigned long nr;
	unsigned long i;

	for (i = 0; i < DIV_ROUND_UP(memory->nr, CHUNK_PAGES); i++) {
		nr = min(memory->pinned, CHUNK_PAGES);
		/* Windows have written to them without telling anybody. */
		unpin_user_pages_dirty_lock(memory->chunks[i], nr, true);
		memory->pinned -= nr;
		kfree(memory->chunks[i]);
		cond_resched();
	}
}

static void user_free(struct user_memory *memory)
{
	user_unpin_all(memory);
	user_uncharge(memory);
	kvfree(memory);
}

static int user_create(struct pinpool_pool *pool)
{
	unsigned long nr = pool->config.capacity >> PAGE_SHIFT;
	struct user_memory *memory;
	int err;

	memory = kvzalloc(struct_size(memory, chunks, DIV_ROUND_UP(nr, CHUNK_PAGES)),
			  GFP_KERNEL_ACCOUNT);
	if (!memory)
		return -ENOMEM;
	memory->nr = nr;
	err = user_charge(memory);
	if (err) {
		kvfree(memory);
		return err;
	}
	err = user_pin_all(memory, pool->config.address);
	if (err) {
		user_free(memory);
		return err;
	}
	pool->backing_data = memory;
	return 0;
}

static void user_destroy(struct pinpool_pool *pool)
{
	user_free(pool->backing_data);
	pool->backing_data = NULL;
}

static const char *user_check(const struct pinpool_config *config)
{
	u64 end;

	if (!config->address)
		return "A process makes pools of its memory at /dev/pinpool-control";
	if (!PAGE_ALIGNED(config->address))
		return "The address is not that of a page";
	if (check_add_overflow(config->address, config->capacity, &end) || end > ULONG_MAX)
		return "That is beyond all addresses";
	return NULL;
}

const struct pinpool_backing_ops pinpool_backing_user = {
	.id = PINPOOL_BACKING_USER,
	.name = "user",
	.attr = PINPOOL_A_POOL_BACKING,
	.longterm = PINPOOL_LONGTERM_NO_FOREIGN,
	.foreign = true,
	.limit = USER_LIMIT,
	.check = user_check,
	.create = user_create,
	.destroy = user_destroy,
	.fixed = "The memory is what a process registered, no more and no less",
	.pages = user_pages,
};
