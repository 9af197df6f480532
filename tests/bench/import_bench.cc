// How long importing takes in process, and which step of it: import_bench FILE [ROUNDS].
// Prints one JSON object: sizes, and of each step [milliseconds on the clock, of CPU], medians.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "copse/import.h"
#include "copse/model_file.h"
#include "copse/sha256.h"
#include "loaded_model.h"

namespace {

double CpuMilliseconds() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double MedianOf(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Runs `step` once unmeasured and `n` times; prints its medians, on the clock and of CPU.
template <class Step>
void Measure(const char* name, int n, Step step) {
  std::vector<double> clock, cpu;
  step();
  for (int i = 0; i < n; ++i) {
    const double cpu_begin = CpuMilliseconds();
    const auto begin = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    clock.push_back(time.count());
    cpu.push_back(CpuMilliseconds() - cpu_begin);
  }
  std::printf(",\"%s\":[%.2f,%.2f]", name, MedianOf(clock), MedianOf(cpu));
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
  std::printf("{\"rounds\":%d,\"file_bytes\":%zu,\"canonical_bytes\":%zu", n, bytes.size(),
              canonical.size());
  Measure("load", n, [&] { n_good += copse::LoadModel(path).ok() ? 1 : 0; });
  Measure("import", n, [&] { n_good += copse::ImportModel(bytes).ok() ? 1 : 0; });
  Measure("digest", n, [&] { n_good += copse::Sha256Hex(bytes).size() / 64; });
  Measure("write", n, [&] { n_good += copse::WriteModel(*model).empty() ? 0 : 1; });
  Measure("read", n, [&] { n_good += copse::ReadModel(canonical).ok() ? 1 : 0; });
  std::printf("}\n");
  return n_good == 5 * static_cast<std::size_t>(n + 1) ? 0 : 1;
}
