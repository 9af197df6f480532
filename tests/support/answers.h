#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <span>
#include <string>

namespace copse::test {

/// Where COPSE_WRITE_ANSWERS names a folder, leaves `numbers` there as raw little-endian doubles
/// in NAME.bin, for tests/wasm/compare-bits.mjs to hold against those of another build.
inline void WriteAnswers(const std::string& name, std::span<const double> numbers) {
  const char* folder = std::getenv("COPSE_WRITE_ANSWERS");
  if (folder == nullptr || *folder == 0) return;
  const std::string path = std::string(folder) + "/" + name + ".bin";
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(numbers.data()),
             static_cast<std::streamsize>(numbers.size_bytes()));
  file.close();
  EXPECT_TRUE(file.good()) << path << " cannot be written";
}

}  // namespace copse::test
