#include "lightgbm/lightgbm.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "copse/limits.h"
#include "lightgbm/header.h"
#include "lightgbm/tree.h"

namespace copse::importer {
namespace lightgbm {
namespace {

using text::Invalid;

// Takes the lines up to the next empty one, and that, off `rest`. False when there is none: the
// file ends before.
bool TakeBlock(std::string_view& rest, std::string_view& block) {
  std::string_view after = rest;
  for (std::string_view line; NextLine(after, line);) {
    if (!line.empty()) continue;
    block = rest.substr(0, rest.size() - after.size());
    rest = after;
    return true;
  }
  return false;
}

void SkipEmptyLines(std::string_view& rest) {
  for (std::string_view after = rest, line; NextLine(after, line) && line.empty();) rest = after;
}

// What a disk or a download left out is zeros, and may be long. Only the last byte may be one: the
// end of a C string that was saved with it.
Flaw CheckNoZeros(std::string_view text) {
  const std::size_t at = text.find('\0');
  if (at == std::string_view::npos || at + 1 == text.size()) return {};
  return Invalid({"the file is damaged at byte ", at, ": it is zero"});
}

// Bytes of `text` without carriage returns: a file that went through an editor on Windows keeps
// its meaning.
std::uint64_t BytesOf(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count(text.begin(), text.end(), '\r'));
}

// Reads the trees into an assembler.
class Trees {
 public:
  Trees(const Header& header, const ImportOptions& options, std::uint64_t n_iterations)
      : header_(header),
        n_iterations_(n_iterations),
        reader_(options.leaf_ids),
        assembler_({.n_features = static_cast<std::size_t>(header.n_features),
                    .n_outputs = static_cast<std::size_t>(header.n_columns),
                    .leaf_width = 1,
                    .threshold = Precision::kFloat64,
                    .leaf = Precision::kFloat64,
                    .leaf_ids = options.leaf_ids}) {}

  Flaw Read(std::string_view rest) {
    if (auto flaw = header_.has_tree_sizes ? ReadSized(rest) : ReadUnsized(rest)) return flaw;
    if (n_read_ % columns() == 0) return {};
    return Invalid({"the file has ", n_read_, " trees, not a multiple of the ", columns(),
                    " of num_tree_per_iteration"});
  }

  std::size_t n_iterations() const { return assembler_.n_trees() / columns(); }
  std::size_t n_iterations_read() const { return n_read_ / columns(); }
  bool has_nonfinite() const { return reader_.has_nonfinite(); }
  ForestParts Take() { return assembler_.Take(std::vector<double>(columns(), 0)); }

 private:
  std::size_t columns() const { return static_cast<std::size_t>(header_.n_columns); }

  // As LightGBM does, each tree must begin where tree_sizes says; where it ends, an empty line
  // says.
  Flaw ReadSized(std::string_view rest) {
    std::string_view sizes = header_.tree_sizes;
    std::uint64_t begin = 0, expected = 0;
    for (std::string_view word; NextWord(sizes, word);) {
      const auto size = ToInteger(word);
      if (!size || *size < 0) {
        return Invalid({"tree_sizes has ", text::Quote(word), " where a size was expected"});
      }
      if (begin != expected) {
        return Invalid({"tree ", n_read_, " begins at byte ", begin,
                        " of the trees, and tree_sizes says at ", expected});
      }
      const std::string_view before = rest;
      if (auto flaw = ReadTree(rest)) return flaw;
      begin += BytesOf(before.substr(0, before.size() - rest.size()));
      expected += static_cast<std::uint64_t>(*size);
    }
    if (n_read_ == 0 && rest.empty()) return Invalid({"the file ends within its header"});
    if (!rest.starts_with("Tree=")) return {};
    return Invalid({"the file has more trees than the ", n_read_, " of tree_sizes"});
  }

  // Without sizes, only what follows the trees tells that they are all there.
  Flaw ReadUnsized(std::string_view rest) {
    while (rest.starts_with("Tree=")) {
      if (auto flaw = ReadTree(rest)) return flaw;
    }
    return rest.empty() ? Invalid({"the file ends after tree ", n_read_,
                                   ", and does not say that "
                                   "it is the last"})
                        : Flaw();
  }

  // Takes one tree and the empty lines behind it off `rest`.
  Flaw ReadTree(std::string_view& rest) {
    const std::size_t tree = n_read_++;
    std::string_view block, line;
    if (!TakeBlock(rest, block)) return Invalid({"the file ends within tree ", tree});
    SkipEmptyLines(rest);
    if (!NextLine(block, line) || !line.starts_with("Tree=")) {
      return Invalid({"where tree ", tree, " should begin is ", text::Quote(line)});
    }
    if (auto flaw = reader_.Read(block)) {
      return text::MakeError((*flaw).code, {"tree ", tree, ": ", (*flaw).message});
    }
    if (tree / columns() >= n_iterations_) return {};
    reader_.tree().output = static_cast<std::uint32_t>(tree % columns());
    const Status status = assembler_.Add(reader_.tree());
    return status.ok() ? Flaw() : status.error();
  }

  const Header& header_;
  std::uint64_t n_iterations_;
  TreeReader reader_;
  ForestAssembler assembler_;
  std::size_t n_read_ = 0;
};

// Features that a categorical split asks for hold codes, whatever the training ranges say.
void MarkCategorical(const ForestParts& parts, std::vector<Feature>& features) {
  for (const std::uint32_t node : parts.cat_node) {
    features[parts.feature[node]].categorical = true;
  }
}

}  // namespace

Result<Imported> ImportText(std::string_view text, const ImportOptions& options,
                            std::uint64_t n_iterations) {
  if (auto flaw = CheckNoZeros(text)) return *flaw;
  std::string_view rest = text;
  Header header;
  if (auto flaw = ReadHeader(rest, header)) return *flaw;
  if (header.n_columns > static_cast<std::int64_t>(limits::kOutputsMax)) {
    return text::TooLarge(
        {"num_tree_per_iteration is ", header.n_columns, ", more than ", limits::kOutputsMax});
  }
  Imported imported;
  std::vector<double> codes;
  if (auto flaw = ReadFeatures(header, imported, codes)) return *flaw;
  Trees trees(header, options, n_iterations);
  if (auto flaw = trees.Read(rest)) return *flaw;
  if (auto flaw = ReadObjective(header, trees.n_iterations(), imported)) return *flaw;
  ReadPandasCategories(text, codes, imported);
  imported.missing_allowed = true;
  imported.category_cast = "truncate";
  imported.allow_nonfinite = trees.has_nonfinite();
  imported.source.kind = "LightGBM";
  imported.source.version = header.version;
  imported.source.estimator = header.is_average ? "random forest" : "gradient boosting";
  imported.source.options.emplace_back("iterations", std::to_string(trees.n_iterations_read()));
  imported.forest = trees.Take();
  MarkCategorical(*imported.forest, imported.features);
  return imported;
}

}  // namespace lightgbm

Result<Imported> ImportLightgbm(Bytes bytes, const ImportOptions& options) {
  return lightgbm::ImportText({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options);
}

}  // namespace copse::importer
