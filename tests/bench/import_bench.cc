// How long importing takes in process, and which step of it: import_bench FILE [ROUNDS].
// Prints one JSON object of medians in milliseconds.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "copse/import.h"
#include "copse/model_file.h"
#include "copse/sha256.h"
#include "loaded_model.h"

namespace {

double Milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// The median of `n` calls after one that nobody counts.
template <class Step>
double Median(int n, Step step) {
  std::vector<double> times;
  for (int i = 0; i <= n; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    if (i > 0) times.push_back(Milliseconds(std::chrono::steady_clock::now() - begin));
  }
  std::nth_element(times.begin(), times.begin() + n / 2, times.end());
  return times[static_cast<std::size_t>(n / 2)];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: import_bench FILE [ROUNDS]\n");
    return 2;
  }
  const std::string path = argv[1];
  const int n = argc > 2 ? std::max(1, std::atoi(argv[2])) : 21;
  std::ifstream file(path, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto model = copse::ImportModel(bytes);
  if (!model.ok()) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), model.error().message.c_str());
    return 3;
  }
  const std::vector<std::uint8_t> canonical = copse::WriteModel(*model);
  std::size_t n_good = 0;
  const double load = Median(n, [&] { n_good += copse::LoadModel(path).ok() ? 1 : 0; });
  const double import = Median(n, [&] { n_good += copse::ImportModel(bytes).ok() ? 1 : 0; });
  const double digest = Median(n, [&] { n_good += copse::Sha256Hex(bytes).size() / 64; });
  const double write = Median(n, [&] { n_good += copse::WriteModel(*model).empty() ? 0 : 1; });
  const double read = Median(n, [&] { n_good += copse::ReadModel(canonical).ok() ? 1 : 0; });
  std::printf(
      "{\"rounds\":%d,\"file_bytes\":%zu,\"canonical_bytes\":%zu,\"load_ms\":%.2f,"
      "\"import_ms\":%.2f,\"digest_ms\":%.2f,\"write_ms\":%.2f,\"read_canonical_ms\":%.2f}\n",
      n, bytes.size(), canonical.size(), load, import, digest, write, read);
  return n_good == 5 * static_cast<std::size_t>(n + 1) ? 0 : 1;
}
