// SPDX-License-Identifier: GPL-2.0
/*
 * <offalloc.h> in C++: extents that free themselves, as users of other offset
 * allocators have them, and in any order with the end of the allocator. As TAP
 */
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <offalloc.h>

namespace {

class extent {
public:
	static std::optional<extent> allocate(struct offalloc *oa, uint64_t size)
	{
		struct offalloc_extent e;

		if (offalloc_alloc(oa, size, 0, &e))
			return std::nullopt;
		return extent(oa, e);
	}

	extent(extent &&other) noexcept
		: oa(std::exchange(other.oa, nullptr)), e(other.e) {}
	extent &operator=(extent &&) = delete;

	~extent()
	{
		if (oa)
			offalloc_free(oa, e.handle);
		offalloc_put(oa);
	}

	void *ptr() const { return reinterpret_cast<void *>(e.offset); }
	uint64_t size() const { return e.size; }

private:
	extent(struct offalloc *oa, const struct offalloc_extent &e)
		: oa(offalloc_get(oa)), e(e) {}

	struct offalloc *oa;
	struct offalloc_extent e;
};

struct put {
	void operator()(struct offalloc *oa) const { offalloc_put(oa); }
};

using allocator = std::unique_ptr<struct offalloc, put>;

char memory[4096];

allocator make()
{
	struct offalloc_options options = {};
	struct offalloc *oa = nullptr;

	options.size = sizeof(options);
	options.base = reinterpret_cast<uintptr_t>(memory);
	options.capacity = sizeof(memory);
	offalloc_create(&options, &oa);
	return allocator(oa);
}

uint64_t used(const allocator &oa)
{
	struct offalloc_report report;

	return offalloc_report(oa.get(), &report, sizeof(report)) ? ~0ULL : report.used;
}

bool extents_free_themselves()
{
	allocator oa = make();
	auto e = extent::allocate(oa.get(), 1000);
	bool good = e && e->ptr() == memory && e->size() == 1000 && used(oa) == 1000;

	good = good && !extent::allocate(oa.get(), 4000);
	e.reset();
	return good && used(oa) == 0;
}

bool extents_outlive_the_allocator()
{
	std::vector<extent> owners;
	allocator oa = make();

	while (auto e = extent::allocate(oa.get(), 100))
		owners.push_back(std::move(*e));
	offalloc_shutdown(oa.get());
	oa.reset();
	return owners.size() == 40;
}

int number;

bool report(bool good, const char *name)
{
	std::printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, name);
	return good;
}

} /* namespace */

int main()
{
	bool good = report(extents_free_themselves(), "C++: extents free themselves");

	good &= report(extents_outlive_the_allocator(), "C++: extents outlive the allocator");
	std::printf("1..%d\n", number);
	return !good;
}
