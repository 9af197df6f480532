// SHA-256 by the instructions that x86 processors have for it. One of them does two rounds; the
// eight working variables lie in two registers as it wants them, ABEF and CDGH, and four words of
// the message schedule in each of four others, which follow each other around.
#include "kernels/sha_blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include "sha_rounds.h"

namespace copse {
namespace {

__attribute__((target("sha,sse4.1"))) void Take(std::array<std::uint32_t, 8>& state,
                                                const std::uint8_t* blocks, std::size_t n) {
  const auto load = [](const void* at) __attribute__((target("sha,sse4.1"))) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
  };
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i cdab = _mm_shuffle_epi32(load(state.data()), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(load(state.data() + 4), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; n > 0; --n, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i words[4];
    for (std::size_t i = 0; i < 4; ++i) {
      words[i] = _mm_shuffle_epi8(load(blocks + 16 * i), big_endian);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
      __m128i& oldest = words[i % 4];
      const __m128i next = words[(i + 1) % 4], third = words[(i + 2) % 4],
                    newest = words[(i + 3) % 4];
      const __m128i added = _mm_add_epi32(oldest, load(kShaRound.data() + 4 * i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, added);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(added, 0x0e));
      if (i >= 12) continue;  // the last words are there
      const __m128i sum =
          _mm_add_epi32(_mm_sha256msg1_epu32(oldest, next), _mm_alignr_epi8(newest, third, 4));
      oldest = _mm_sha256msg2_epu32(sum, newest);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  const auto store = [](void* at, __m128i value) __attribute__((target("sha,sse4.1"))) {
    _mm_storeu_si128(static_cast<__m128i*>(at), value);
  };
  store(state.data(), _mm_blend_epi16(feba, dchg, 0xf0));
  store(state.data() + 4, _mm_alignr_epi8(dchg, feba, 8));
}

bool HasShaInstructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

}  // namespace

ShaBlocks FastShaBlocks() {
  static const ShaBlocks fast = HasShaInstructions() ? Take : nullptr;
  return fast;
}

}  // namespace copse

#else

namespace copse {

ShaBlocks FastShaBlocks() { return nullptr; }

}  // namespace copse

#endif
