#pragma once

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "copse/import.h"

/// Streams as the libraries themselves write them.
namespace copse::test {

inline std::string Gzip(std::string_view text, int window_bits = 15 + 16) {
  z_stream stream = {};
  if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string Bzip2(std::string_view text) {
  std::string out(text.size() + text.size() / 100 + 700, '\0');
  auto n = static_cast<unsigned>(out.size());
  if (BZ2_bzBuffToBuffCompress(out.data(), &n, const_cast<char*>(text.data()),
                               static_cast<unsigned>(text.size()), 9, 0, 0) != BZ_OK) {
    abort();
  }
  out.resize(n);
  return out;
}

inline std::string Lzma(std::string_view text, bool alone) {
  lzma_stream stream = LZMA_STREAM_INIT;
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 0);
  const lzma_ret begun = alone ? lzma_alone_encoder(&stream, &options)
                               : lzma_easy_encoder(&stream, 0, LZMA_CHECK_CRC64);
  if (begun != LZMA_OK) abort();
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  stream.next_in = reinterpret_cast<const std::uint8_t*>(text.data());
  stream.avail_in = text.size();
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = out.size();
  if (lzma_code(&stream, LZMA_FINISH) != LZMA_STREAM_END) abort();
  out.resize(stream.total_out);
  lzma_end(&stream);
  return out;
}

inline std::string Lz4(std::string_view text) {
  LZ4F_preferences_t preferences = {};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string out(LZ4F_compressFrameBound(text.size(), &preferences), '\0');
  out.resize(LZ4F_compressFrame(out.data(), out.size(), text.data(), text.size(), &preferences));
  return out;
}

inline std::string Compress(Compression compression, std::string_view text) {
  switch (compression) {
    case Compression::kZlib:
      return Gzip(text, 15);
    case Compression::kGzip:
      return Gzip(text);
    case Compression::kBzip2:
      return Bzip2(text);
    case Compression::kXz:
      return Lzma(text, false);
    case Compression::kLzma:
      return Lzma(text, true);
    case Compression::kLz4:
      return Lz4(text);
    case Compression::kNone:
      break;
  }
  return std::string(text);
}

}  // namespace copse::test
