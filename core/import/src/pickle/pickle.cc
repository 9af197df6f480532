#include "pickle/pickle.h"

#include <algorithm>

#include "pickle/machine.h"

namespace copse::importer::pickle {
namespace {

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// "copy_reg\n_reconstructor\n": two dotted names on two lines.
bool IsGlobalLines(std::string_view text) {
  for (int line = 0; line < 2; ++line) {
    const std::size_t end = text.substr(0, 256).find('\n');
    if (end == std::string_view::npos || end == 0) return false;
    const bool is_name = std::all_of(text.begin(), text.begin() + end, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.';
    });
    if (!is_name) return false;
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

Document::Document(std::unique_ptr<Arena> arena) : arena_(std::move(arena)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::Parse(std::span<const std::uint8_t> bytes) {
  auto arena = std::make_unique<Arena>(Arena{Store(bytes.size())});
  auto root = Machine(AsText(bytes), arena->store).Run();
  if (!root.ok()) return root.error();
  arena->root = *root;
  return Document(std::move(arena));
}

Value Document::root() const { return Value(this, arena_->root); }

bool LooksLikePickle(std::span<const std::uint8_t> bytes) {
  const std::string_view text = AsText(bytes);
  if (text.size() < 2) return false;
  if (bytes[0] == 0x80) return bytes[1] >= 2 && bytes[1] < 16;
  if (text.starts_with("ZF0x")) return true;  // joblib of old
  if (text[0] == 'c') return IsGlobalLines(text.substr(1));
  if (text.back() != '.') return false;
  if (text[0] == '(')
    return std::string_view("(cditlFGIJKLMNSTUVX)]}").find(text[1]) != std::string_view::npos;
  // Protocols 0 and 1 of anything else begin with a letter, as prose does: only those that can be
  // read are pickles.
  return std::string_view("FGIJKLMNSTUVX)]}").find(text[0]) != std::string_view::npos &&
         Document::Parse(bytes).ok();
}

}  // namespace copse::importer::pickle
