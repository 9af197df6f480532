#include "compress.h"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace copse {
namespace {

// As much as zlib counts in 32 bits, with room.
constexpr std::size_t kStepBytesMax = std::size_t{1} << 30;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
// Numbers as text shrink little more at higher levels, which take several times as long.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 8;  // zlib's default

uInt Clamped(std::size_t n) { return static_cast<uInt>(std::min(n, kStepBytesMax)); }

class Deflater {
 public:
  explicit Deflater(int window_bits) {
    if (deflateInit2(&stream_, kLevel, Z_DEFLATED, window_bits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string Run(std::string_view bytes) {
    std::string out;
    for (bool ended = false; !ended;) {
      const uInt n_in = Clamped(bytes.size());
      const std::size_t begin = out.size();
      out.resize(begin + kChunkBytes);
      // Not written to.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = n_in;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
      stream_.avail_out = static_cast<uInt>(kChunkBytes);
      const bool is_last = n_in == bytes.size();
      ended = deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END;
      out.resize(begin + kChunkBytes - stream_.avail_out);
      bytes.remove_prefix(n_in - stream_.avail_in);
    }
    return out;
  }

 private:
  z_stream stream_ = {};
};

}  // namespace

std::string_view ContentCodingName(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kDeflate:
      return "deflate";
    case ContentCoding::kIdentity:
      break;
  }
  return {};
}

std::string Compress(ContentCoding coding, std::string_view bytes) {
  constexpr int kZlibWindow = 15, kGzipWindow = 15 + 16;  // see deflateInit2
  if (coding == ContentCoding::kIdentity) return std::string(bytes);
  return Deflater(coding == ContentCoding::kGzip ? kGzipWindow : kZlibWindow).Run(bytes);
}

std::uint32_t Adler32(std::string_view bytes) {
  uLong sum = adler32(0, nullptr, 0);
  while (!bytes.empty()) {
    const uInt n = Clamped(bytes.size());
    sum = adler32(sum, reinterpret_cast<const Bytef*>(bytes.data()), n);
    bytes.remove_prefix(n);
  }
  return static_cast<std::uint32_t>(sum);
}

}  // namespace copse
