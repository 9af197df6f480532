#include "decompress.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace copse {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
// As much as the libraries count in 32 bits, with room.
constexpr std::size_t kStepBytesMax = std::size_t{1} << 30;
// `xz -9` needs 65 MiB; a header can ask for 4 GiB.
constexpr std::uint64_t kDictionaryBytesMax = std::uint64_t{96} << 20;
// Blocked gzip (bgzip) has one for each 64 KiB. Each costs the decoder a new start.
constexpr std::size_t kStreamsMax = std::size_t{1} << 16;
// A small file may become this much, as far as DecompressedBytesMax allows; a larger one more in
// proportion. The proportion is that of what was read: a bomb is seen where it begins.
constexpr std::uint64_t kFreeBytes = std::uint64_t{128} << 20;
constexpr std::uint64_t kRatioMax = 32;

using In = std::span<const std::uint8_t>;
using Out = std::span<std::uint8_t>;

struct Step {
  std::size_t n_read = 0, n_written = 0;
  bool ended = false;
  std::string_view damage = {};  // empty: none
  ErrorCode code = ErrorCode::kInvalidModel;
};

// One of the libraries, behind what they have in common.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Makes ready for a stream: the first, or the next one of the same file.
  virtual void Begin() = 0;
  // Goes on with what is left of the input. A step that neither reads nor writes wants more.
  virtual Step Next(In in, Out out) = 0;
};

template <class Count>
Count Clamped(std::size_t n) {
  return static_cast<Count>(std::min(n, kStepBytesMax));
}

class ZlibDecoder : public Decoder {
 public:
  explicit ZlibDecoder(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibDecoder() override { inflateEnd(&stream_); }
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;

  void Begin() override { inflateReset(&stream_); }
  Step Next(In in, Out out) override {
    const auto n_in = Clamped<uInt>(in.size()), n_out = Clamped<uInt>(out.size());
    stream_.next_in = const_cast<Bytef*>(in.data());  // not written to
    stream_.avail_in = n_in;
    stream_.next_out = out.data();
    stream_.avail_out = n_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    Step step{n_in - stream_.avail_in, n_out - stream_.avail_out, code == Z_STREAM_END};
    if (code == Z_NEED_DICT) step.damage = "it needs a dictionary that is not in it";
    if (code == Z_DATA_ERROR || code == Z_STREAM_ERROR) {
      step.damage = stream_.msg == nullptr ? "invalid data" : stream_.msg;
    }
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    return step;
  }

 private:
  z_stream stream_ = {};
};

class Bzip2Decoder : public Decoder {
 public:
  ~Bzip2Decoder() override { End(); }
  Bzip2Decoder() = default;
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;

  void Begin() override {
    End();
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
    begun_ = true;
  }
  Step Next(In in, Out out) override {
    const auto n_in = Clamped<unsigned>(in.size()), n_out = Clamped<unsigned>(out.size());
    // Not written to.
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(in.data()));
    stream_.avail_in = n_in;
    stream_.next_out = reinterpret_cast<char*>(out.data());
    stream_.avail_out = n_out;
    const int code = BZ2_bzDecompress(&stream_);
    Step step{n_in - stream_.avail_in, n_out - stream_.avail_out, code == BZ_STREAM_END};
    if (code == BZ_DATA_ERROR) step.damage = "a block or its checksum is wrong";
    if (code == BZ_DATA_ERROR_MAGIC) step.damage = "no bzip2 header";
    if (code == BZ_MEM_ERROR) throw std::bad_alloc();
    return step;
  }

 private:
  void End() {
    if (begun_) BZ2_bzDecompressEnd(&stream_);
    begun_ = false;
  }

  bz_stream stream_ = {};
  bool begun_ = false;
};

class LzmaDecoder : public Decoder {
 public:
  enum class Container { kXz, kAlone };
  explicit LzmaDecoder(Container container) : container_(container) {}
  ~LzmaDecoder() override { lzma_end(&stream_); }
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;

  void Begin() override {
    const lzma_ret code = container_ == Container::kXz
                              ? lzma_stream_decoder(&stream_, kDictionaryBytesMax, 0)
                              : lzma_alone_decoder(&stream_, kDictionaryBytesMax);
    if (code != LZMA_OK) throw std::bad_alloc();
  }
  Step Next(In in, Out out) override {
    stream_.next_in = in.data();
    stream_.avail_in = in.size();
    stream_.next_out = out.data();
    stream_.avail_out = out.size();
    const lzma_ret code = lzma_code(&stream_, LZMA_RUN);
    if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
    return {in.size() - stream_.avail_in, out.size() - stream_.avail_out, code == LZMA_STREAM_END,
            Damage(code),
            code == LZMA_MEMLIMIT_ERROR ? ErrorCode::kTooLarge : ErrorCode::kInvalidModel};
  }

 private:
  static std::string_view Damage(lzma_ret code) {
    switch (code) {
      case LZMA_MEMLIMIT_ERROR:
        return "its dictionary needs more than 96 MiB of memory";
      case LZMA_FORMAT_ERROR:
        return "no header of that kind";
      case LZMA_OPTIONS_ERROR:
        return "it uses filters that are not known";
      case LZMA_DATA_ERROR:
        return "a block or its checksum is wrong";
      case LZMA_PROG_ERROR:
        return "invalid data";
      default:
        return {};
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  Container container_;
};

class Lz4Decoder : public Decoder {
 public:
  Lz4Decoder() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) {
      throw std::bad_alloc();
    }
  }
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }
  Lz4Decoder(const Lz4Decoder&) = delete;
  Lz4Decoder& operator=(const Lz4Decoder&) = delete;

  void Begin() override { LZ4F_resetDecompressionContext(context_); }
  Step Next(In in, Out out) override {
    std::size_t n_in = in.size(), n_out = out.size();
    const std::size_t code =
        LZ4F_decompress(context_, out.data(), &n_out, in.data(), &n_in, nullptr);
    Step step{n_in, n_out, code == 0};
    if (LZ4F_isError(code) != 0) step = {0, 0, false, LZ4F_getErrorName(code)};
    return step;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

std::unique_ptr<Decoder> NewDecoder(Compression compression) {
  constexpr int kZlibWindow = 15, kGzipWindow = 15 + 16;  // see inflateInit2
  switch (compression) {
    case Compression::kZlib:
      return std::make_unique<ZlibDecoder>(kZlibWindow);
    case Compression::kGzip:
      return std::make_unique<ZlibDecoder>(kGzipWindow);
    case Compression::kBzip2:
      return std::make_unique<Bzip2Decoder>();
    case Compression::kXz:
      return std::make_unique<LzmaDecoder>(LzmaDecoder::Container::kXz);
    case Compression::kLzma:
      return std::make_unique<LzmaDecoder>(LzmaDecoder::Container::kAlone);
    case Compression::kLz4:
      return std::make_unique<Lz4Decoder>();
    case Compression::kNone:
      break;
  }
  return nullptr;
}

// What has come out so far, in pieces: a vector that grew would hold it two or three times.
class Pieces {
 public:
  std::uint64_t size() const { return size_; }
  // Where the next bytes go: never empty.
  Out Room() {
    if (used_ == kChunkBytes || chunks_.empty()) {
      chunks_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kChunkBytes));
      used_ = 0;
    }
    return {chunks_.back().get() + used_, kChunkBytes - used_};
  }
  void Add(std::size_t n) {
    used_ += n;
    size_ += n;
  }
  In Head() const {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, kHeadBytes));
    return chunks_.empty() ? In() : In(chunks_.front().get(), n);
  }
  // Everything in one piece. A page of the vector is not there before it is written to, and a
  // chunk that has been copied is given back: nothing is held twice.
  std::vector<std::uint8_t> Join() && {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(size_);
    for (std::unique_ptr<std::uint8_t[]>& chunk : chunks_) {
      const std::size_t n = std::min<std::size_t>(kChunkBytes, size_ - bytes.size());
      bytes.insert(bytes.end(), chunk.get(), chunk.get() + n);
      chunk.reset();
    }
    return bytes;
  }

 private:
  std::vector<std::unique_ptr<std::uint8_t[]>> chunks_;
  std::size_t used_ = 0;  // of the last chunk
  std::uint64_t size_ = 0;
};

// One file on its way through a decoder.
class Decompression {
 public:
  Decompression(Compression compression, In bytes)
      : name_(CompressionName(compression)), decoder_(NewDecoder(compression)), bytes_(bytes) {}

  Result<std::vector<std::uint8_t>> Run(const HeadCheck& check) {
    decoder_->Begin();
    for (bool checked = false, ended = false; !ended;) {
      auto step = Advance(checked ? kChunkBytes : kHeadBytes - pieces_.Head().size());
      if (!step.ok()) return step.error();
      ended = *step;
      if (!checked && (ended || pieces_.size() >= kHeadBytes)) {
        if (auto worth = check(pieces_.Head()); !worth.ok()) return worth.error();
        checked = true;
      }
    }
    return std::move(pieces_).Join();
  }

 private:
  std::string ThisFile() const { return "this " + std::string(name_) + " file "; }

  // Makes at most `n_max` bytes. Returns whether the file has ended.
  Result<bool> Advance(std::size_t n_max) {
    const Out room = pieces_.Room();
    const Step step =
        decoder_->Next(bytes_.subspan(n_read_), room.first(std::min(n_max, room.size())));
    n_read_ += step.n_read;
    n_of_stream_ += step.n_written;
    pieces_.Add(step.n_written);
    if (!step.damage.empty()) return Damaged(step);
    if (pieces_.size() > Limit()) return Bomb();
    if (step.ended) return EndStream();
    if (step.n_read == 0 && step.n_written == 0) {
      return Error{ErrorCode::kInvalidModel, ThisFile() + "is cut off: it ends after " +
                                                 std::to_string(bytes_.size()) +
                                                 " bytes, in the middle of its data"};
    }
    return false;
  }

  Result<bool> EndStream() {
    const In rest = bytes_.subspan(n_read_);
    if (std::all_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte == 0; })) {
      return true;
    }
    if (++n_streams_ == kStreamsMax) {
      return Error{ErrorCode::kTooLarge, ThisFile() + "is made of more than " +
                                             std::to_string(kStreamsMax) +
                                             " streams; decompress it, and give the result"};
    }
    n_of_stream_ = 0;
    stream_begin_ = n_read_;
    decoder_->Begin();
    return false;
  }

  // What the bytes that were read so far may have become.
  std::uint64_t Limit() const {
    return std::min(DecompressedBytesMax(bytes_.size()), kFreeBytes + kRatioMax * n_read_);
  }

  Error Damaged(const Step& step) const {
    if (n_streams_ > 0 && n_of_stream_ == 0) {
      return {ErrorCode::kInvalidModel,
              ThisFile() + "is damaged: its data ends at byte " + std::to_string(stream_begin_) +
                  " of " + std::to_string(bytes_.size()) + ", and what follows is no more of it"};
    }
    if (step.code == ErrorCode::kTooLarge) {
      return {step.code, ThisFile() + "cannot be decompressed here, for " +
                             std::string(step.damage) +
                             "; decompress it first, and give the result"};
    }
    return {step.code, ThisFile() + "is damaged near byte " + std::to_string(n_read_) + " of " +
                           std::to_string(bytes_.size()) + " (" + std::string(step.damage) + ")"};
  }

  Error Bomb() const {
    return {ErrorCode::kTooLarge,
            ThisFile() + "of " + std::to_string(bytes_.size()) + " bytes is refused: its first " +
                std::to_string(n_read_) + " bytes become more than the limit for them, " +
                std::to_string(Limit()) +
                " bytes; if that is no mistake, decompress it first, and give the result"};
  }

  std::string_view name_;
  std::unique_ptr<Decoder> decoder_;
  In bytes_;
  Pieces pieces_;
  std::size_t n_read_ = 0;
  std::size_t n_streams_ = 0, stream_begin_ = 0;
  std::uint64_t n_of_stream_ = 0;
};

}  // namespace

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kZlib:
      return "zlib";
    case Compression::kGzip:
      return "gzip";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
    case Compression::kLzma:
      return "lzma";
    case Compression::kLz4:
      return "lz4";
    case Compression::kNone:
      break;
  }
  return {};
}

Result<std::vector<std::uint8_t>> Decompress(Compression compression,
                                             std::span<const std::uint8_t> bytes,
                                             const HeadCheck& check) {
  return Decompression(compression, bytes).Run(check);
}

}  // namespace copse
