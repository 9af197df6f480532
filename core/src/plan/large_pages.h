#pragma once

#include <cstddef>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace copse::plan {

/// Allocator of arrays that are read all over, in no order. A walk through a tree of many megabytes
/// asks for another page of 4 KiB at nearly every step, more pages than a processor remembers the
/// addresses of; so a large array asks the system for pages of 2 MiB. Where it has none to give,
/// or nobody knows how to ask, it is an array like any other. Thread-safe, as operator new is.
template <class T>
struct LargePages {
  using value_type = T;

  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);  // vector has checked that n is at most max_size()
    if (bytes < kFromBytes) return static_cast<T*>(::operator new(bytes));
    void* const memory = ::operator new (bytes, std::align_val_t{kPageBytes});
#if defined(__linux__)
    // A wish: without it, or where it is refused, the pages are small ones.
    (void)::madvise(memory, bytes / kPageBytes * kPageBytes, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }

  void deallocate(T* memory, std::size_t n) {
    if (n * sizeof(T) < kFromBytes) return ::operator delete(memory);
    ::operator delete (memory, std::align_val_t{kPageBytes});
  }

  friend bool operator==(LargePages, LargePages) { return true; }

 private:
  static constexpr std::size_t kPageBytes = std::size_t{2} << 20;
  static constexpr std::size_t kFromBytes = 2 * kPageBytes;
};

template <class T>
using LargeVector = std::vector<T, LargePages<T>>;

}  // namespace copse::plan
