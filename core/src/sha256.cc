#include "copse/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/sha_blocks.h"
#include "sha_rounds.h"

namespace copse {
namespace {

constexpr std::size_t kBlock = 64;

/// What PlainShaBlocks takes in one call: see at_once.h.
constexpr std::size_t kBlocksAtOnce = 64;

std::uint32_t LoadBigEndian(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         std::uint32_t{at[3]};
}

/// FIPS 180-4 section 6.2.2 step 1: the message schedule.
std::array<std::uint32_t, 64> Schedule(const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t i = 0; i < 16; ++i) w[i] = LoadBigEndian(block + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  return w;
}

/// One round: what `d` and `h` become. The others only change their names.
inline void Round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d,
                  std::uint32_t e, std::uint32_t f, std::uint32_t g, std::uint32_t& h,
                  std::uint32_t k_plus_w) {
  const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
  const std::uint32_t t1 = h + s1 + (g ^ (e & (f ^ g))) + k_plus_w;
  const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
  d += t1;
  h = t1 + s0 + ((a & b) ^ (c & (a ^ b)));
}

void Compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* block) {
  const std::array<std::uint32_t, 64> w = Schedule(block);
  auto [a, b, c, d, e, f, g, h] = state;
  // Step 3, written out for eight rounds: each names its working variables one place further on, so
  // that none has to be moved.
  for (std::size_t i = 0; i < 64; i += 8) {
    Round(a, b, c, d, e, f, g, h, kShaRound[i] + w[i]);
    Round(h, a, b, c, d, e, f, g, kShaRound[i + 1] + w[i + 1]);
    Round(g, h, a, b, c, d, e, f, kShaRound[i + 2] + w[i + 2]);
    Round(f, g, h, a, b, c, d, e, kShaRound[i + 3] + w[i + 3]);
    Round(e, f, g, h, a, b, c, d, kShaRound[i + 4] + w[i + 4]);
    Round(d, e, f, g, h, a, b, c, kShaRound[i + 5] + w[i + 5]);
    Round(c, d, e, f, g, h, a, b, kShaRound[i + 6] + w[i + 6]);
    Round(b, c, d, e, f, g, h, a, kShaRound[i + 7] + w[i + 7]);
  }
  const std::array<std::uint32_t, 8> added = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += added[i];
}

}  // namespace

void PlainShaBlocks(std::array<std::uint32_t, 8>& state, const std::uint8_t* blocks,
                    std::size_t n) {
  for (; n > 0; --n, blocks += kBlock) Compress(state, blocks);
}

void Sha256::Take(const std::uint8_t* blocks, std::size_t n) {
  const ShaBlocks fast = FastShaBlocks();
  (fast != nullptr ? fast : PlainShaBlocks)(state_, blocks, n);
}

void Sha256::Update(std::span<const std::uint8_t> bytes) {
  total_ += bytes.size();
  while (!bytes.empty()) {
    if (buffered_ == 0 && bytes.size() >= kBlock) {
      const std::size_t n = std::min(bytes.size() / kBlock, kBlocksAtOnce);
      Take(bytes.data(), n);
      bytes = bytes.subspan(n * kBlock);
      continue;
    }
    const std::size_t taken = std::min(kBlock - buffered_, bytes.size());
    std::memcpy(buffer_.data() + buffered_, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    buffered_ = (buffered_ + taken) % kBlock;
    if (buffered_ == 0) Take(buffer_.data(), 1);
  }
}

std::string Sha256::HexDigest() {
  const std::uint64_t bits = total_ * 8;
  // A one bit, zeros, and the length in the last eight bytes of a block.
  std::array<std::uint8_t, 2 * kBlock> padding{0x80};
  const std::size_t zeros_end = (buffered_ < 56 ? 56 : 120) - buffered_;
  for (std::size_t i = 0; i < 8; ++i) {
    padding[zeros_end + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  }
  Update({padding.data(), zeros_end + 8});

  constexpr char kDigits[] = "0123456789abcdef";
  std::string digest;
  for (const std::uint32_t word : state_) {
    for (int shift = 28; shift >= 0; shift -= 4) digest += kDigits[(word >> shift) & 15];
  }
  return digest;
}

std::string Sha256Hex(std::span<const std::uint8_t> bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.HexDigest();
}

}  // namespace copse
