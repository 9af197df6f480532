#include "multipart.h"

#include <algorithm>

#include "http_head.h"

namespace copse {
namespace {

Error Bad(std::string message) { return {ErrorCode::kInvalidInput, std::move(message)}; }

// The value of the header `name` among the lines of a part's head.
std::optional<std::string_view> PartField(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && EqualsIgnoringCase(Trim(line.substr(0, colon)), name)) {
      return Trim(line.substr(colon + 1));
    }
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
  }
  return std::nullopt;
}

struct Part {
  std::string_view head, content;
};

// Splits what stands between two boundaries.
std::optional<Part> Split(std::string_view part) {
  if (part.starts_with("\r\n")) return Part{{}, part.substr(2)};
  const std::size_t end = part.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return Part{part.substr(0, end + 2), part.substr(end + 4)};
}

// A file, not a plain text field: it says a file name, if only an empty one.
bool IsFile(const Part& part, std::string_view name) {
  const auto disposition = PartField(part.head, "Content-Disposition");
  if (!disposition || MediaType(*disposition) != "form-data") return false;
  const bool has_file_name = FieldParameter(*disposition, "filename").has_value() ||
                             FieldParameter(*disposition, "filename*").has_value();
  return has_file_name && FieldParameter(*disposition, "name") == name;
}

// Takes the quoted text at the start of `text`, `\` being the escape.
std::string TakeQuoted(std::string_view& text) {
  std::string value;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    value.push_back(text[i]);
  }
  text.remove_prefix(std::min(text.size(), i + 1));
  return value;
}

std::string TakeValue(std::string_view& text) {
  if (text.starts_with('"')) return TakeQuoted(text);
  const std::size_t end = std::min(text.find(';'), text.size());
  std::string value(Trim(text.substr(0, end)));
  text.remove_prefix(end);
  return value;
}

}  // namespace

std::string MediaType(std::string_view content_type) {
  return LowerCase(Trim(content_type.substr(0, content_type.find(';'))));
}

std::optional<std::string> FieldParameter(std::string_view field, std::string_view name) {
  field.remove_prefix(std::min(field.find(';'), field.size()));
  while (field.starts_with(';')) {
    field = Trim(field.substr(1));
    const std::size_t end = std::min(field.find_first_of("=;"), field.size());
    const std::string_view key = Trim(field.substr(0, end));
    field.remove_prefix(end);
    if (!field.starts_with('=')) continue;
    field = Trim(field.substr(1));
    const std::string value = TakeValue(field);
    if (EqualsIgnoringCase(key, name)) return value;
    field.remove_prefix(std::min(field.find(';'), field.size()));
  }
  return std::nullopt;
}

Result<std::string_view> FindFile(std::string_view body, std::string_view content_type,
                                  std::string_view name, Blame* blame) {
  const auto boundary = FieldParameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) {
    if (blame != nullptr) *blame = BlameOn("Content-Type", content_type);
    return Bad("Content-Type multipart/form-data must name a boundary of 1 to 70 characters.");
  }
  const std::string first = "--" + *boundary;
  const std::string delimiter = "\r\n" + first;
  std::size_t begin = body.starts_with(first) ? 0 : body.find(delimiter);
  if (begin == std::string_view::npos) {
    return Bad("The multipart body does not contain its boundary \"" + *boundary + "\".");
  }
  begin += body.starts_with(first) ? first.size() : delimiter.size();
  for (;;) {
    std::string_view rest = body.substr(begin);
    if (rest.starts_with("--")) break;
    rest.remove_prefix(std::min(rest.find("\r\n"), rest.size()));
    const std::size_t end = rest.substr(std::min<std::size_t>(2, rest.size())).find(delimiter);
    if (end == std::string_view::npos) {
      return Bad("The multipart body ends before its last boundary.");
    }
    const auto part = Split(rest.substr(2, end));
    if (!part) return Bad("A part of the multipart body has no empty line after its fields.");
    if (IsFile(*part, name)) return part->content;
    begin = static_cast<std::size_t>(rest.data() - body.data()) + 2 + end + delimiter.size();
  }
  if (blame != nullptr) *blame = BlameOn(name);
  return Bad("The form has no file in a field \"" + std::string(name) + "\".");
}

}  // namespace copse
