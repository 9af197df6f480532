#include "foreign_file.h"

#include <array>

namespace copse {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kNeural = "; neural networks cannot be imported";
constexpr std::string_view kUnpack = "; unpack it, and give the model file in it";
constexpr std::string_view kRows = "; it holds rows, not a model";
constexpr std::string_view kFromR =
    "; save the model in its library's own format, such as xgb.save(model, \"model.json\") or "
    "lgb.save(model, \"model.txt\")";
constexpr std::string_view kXgboostDump =
    ", which lacks what a prediction needs; save the model with booster.save_model(\"model.json\")";

struct Look {
  std::size_t at;
  std::string_view bytes, what, advice;
};
constexpr std::array<Look, 17> kLooks = {{
    {0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv, "a PyTorch file", kNeural},
    {0, "\x08\x01\x12"sv, "a TensorFlow SavedModel", kNeural},
    {4, "TFL3"sv, "a TensorFlow Lite file", kNeural},
    {0, "GGUF"sv, "a GGUF file", kNeural},
    {0, "X\n\0\0\0\2"sv, "an R object (RDS)", kFromR},
    {0, "X\n\0\0\0\3"sv, "an R object (RDS)", kFromR},
    {0, "RDX2\n"sv, "an R workspace", kFromR},
    {0, "RDX3\n"sv, "an R workspace", kFromR},
    {0, "0:["sv, "XGBoost's text dump", kXgboostDump},
    {0, "0:leaf="sv, "XGBoost's text dump", kXgboostDump},
    {0, "bs64\t"sv, "a binary XGBoost model of the old format",
     "; open it with XGBoost 1.0 to 3.0 and save it with booster.save_model(\"model.json\")"},
    {257, "ustar"sv, "a tar archive", kUnpack},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", kUnpack},
    {0, "\x28\xb5\x2f\xfd"sv, "a file compressed by zstd", "; decompress it first (zstd -d)"},
    {0, "PAR1"sv, "a Parquet file", kRows},
    {0, "ARROW1"sv, "an Arrow file", kRows},
    {0, "SQLite format 3"sv, "an SQLite database", kRows},
}};

// What a zip file holds, by names of its first entries.
struct Entry {
  std::string_view name, what, advice;
};
constexpr std::array<Entry, 5> kEntries = {{
    {"schema.json"sv, "a skops file",
     "; load it with skops.io.load and save the model with joblib.dump(model, \"model.joblib\")"},
    {"model.weights.h5"sv, "a Keras file", kNeural},
    {"/data.pkl"sv, "a PyTorch file", kNeural},
    {"model.ini"sv, "an H2O MOJO", "; models of H2O cannot be imported"},
    {".npy"sv, "a zip file of NumPy arrays, such as skops or numpy.savez write",
     "; load it where it was made and save the model with joblib.dump(model, \"model.joblib\")"},
}};

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string Sentence(std::string_view what, std::string_view advice) {
  return "this is " + std::string(what) + std::string(advice);
}

// Dumps for people to read, which leave out what a program needs.
std::optional<std::string> JsonDump(std::string_view head) {
  if (head.starts_with('[') && Has(head, "\"nodeid\"")) {
    return Sentence("XGBoost's JSON dump", kXgboostDump);
  }
  if (head.starts_with('{') && Has(head, "\"tree_info\"") &&
      Has(head, "\"num_tree_per_iteration\"")) {
    return Sentence("LightGBM's JSON dump",
                    "; save the model with booster.save_model(\"model.txt\")");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ForeignFile(std::string_view head) {
  for (const Look& look : kLooks) {
    if (head.size() >= look.at && head.substr(look.at).starts_with(look.bytes)) {
      return Sentence(look.what, look.advice);
    }
  }
  if (head.starts_with("PK\x03\x04")) {
    for (const Entry& entry : kEntries) {
      if (Has(head, entry.name)) return Sentence(entry.what, entry.advice);
    }
  }
  // A byte order mark and spaces are no reason to call a page anything else.
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  head.remove_prefix(first);
  if (head.starts_with("<?xml") || head.starts_with("<PMML")) {
    return Sentence("an XML file",
                    "; PMML cannot be imported, save the model in the format of the library that "
                    "trained it");
  }
  if (head.starts_with('<')) {
    return Sentence("a web page, not a model", "; was the download answered by one?");
  }
  return JsonDump(head);
}

}  // namespace copse
