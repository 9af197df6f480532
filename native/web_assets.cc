#include "web_assets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "copse/sha256.h"
#include "decompress.h"
#include "http_head.h"
#include "multipart.h"

namespace copse {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTotalBytesMax = std::uint64_t{64} << 20;

std::string EtagOf(std::string_view body, std::string_view suffix) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(body.data());
  return "\"" + Sha256Hex({data, body.size()}).substr(0, 16) + std::string(suffix) + "\"";
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Vite writes a hash of the content into the names under assets/: they never change.
bool IsHashed(std::string_view path) { return path.starts_with("/assets/"); }

// Calls `visit` with every member of a comma-separated list, trimmed.
template <class Visit>
void ForEachMember(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    visit(Trim(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

using Files = std::map<std::string, std::string, std::less<>>;

// Every visible file below `folder` by its URL path.
Result<Files> ReadFolder(const fs::path& folder) {
  Files files;
  std::error_code failure;
  std::uint64_t total = 0;
  fs::recursive_directory_iterator entries(folder, failure);
  if (failure) {
    return Error{ErrorCode::kNotFound,
                 folder.string() + ": the folder of the page cannot be read: " + failure.message()};
  }
  for (const auto end = fs::recursive_directory_iterator(); entries != end;
       entries.increment(failure)) {
    if (failure) break;
    const std::string name = entries->path().filename().string();
    if (name.starts_with('.')) {
      if (entries->is_directory(failure)) entries.disable_recursion_pending();
      continue;
    }
    if (!entries->is_regular_file(failure)) continue;
    total += entries->file_size(failure);
    if (total > kTotalBytesMax) {
      return Error{ErrorCode::kTooLarge, folder.string() + ": the page has more than 64 MiB."};
    }
    files["/" + fs::relative(entries->path(), folder, failure).generic_string()] =
        ReadFile(entries->path());
  }
  return files;
}

// Adds the plain form of each file that is there in both compressed ones only.
Status AddPlainForms(Files& files) {
  Files plain;
  for (const auto& [path, body] : files) {
    if (!path.ends_with(".gz")) continue;
    const std::string name = path.substr(0, path.size() - 3);
    if (files.contains(name) || !files.contains(name + ".br")) continue;
    const auto any = [](std::span<const std::uint8_t>) -> Status { return Ok{}; };
    const std::vector<std::uint8_t> bytes(body.begin(), body.end());
    auto unpacked = Decompress(Compression::kGzip, bytes, any);
    if (!unpacked.ok()) return Error{unpacked.error().code, path + ": " + unpacked.error().message};
    plain.emplace(name, std::string(unpacked->begin(), unpacked->end()));
  }
  files.merge(plain);
  return Ok{};
}

}  // namespace

Result<WebAssets> WebAssets::Load(const std::string& folder) {
  auto files = ReadFolder(folder);
  if (!files.ok()) return files.error();
  if (const Status added = AddPlainForms(*files); !added.ok()) return added.error();
  WebAssets web;
  for (const auto& [path, body] : *files) {
    const bool compressed = path.ends_with(".br") || path.ends_with(".gz");
    if (compressed && files->contains(path.substr(0, path.size() - 3))) continue;
    Asset asset;
    asset.content_type = MimeType(path);
    asset.plain = {body, EtagOf(body, "")};
    if (const auto found = files->find(path + ".br"); found != files->end()) {
      asset.brotli = {found->second, EtagOf(body, "-br")};
    }
    if (const auto found = files->find(path + ".gz"); found != files->end()) {
      asset.gzip = {found->second, EtagOf(body, "-gz")};
    }
    web.assets_.emplace(path, std::move(asset));
  }
  return web;
}

const WebAssets::Asset* WebAssets::Find(std::string_view path) const {
  const auto found =
      path.ends_with('/') ? assets_.find(std::string(path) + "index.html") : assets_.find(path);
  return found == assets_.end() ? nullptr : &found->second;
}

Reply WebAssets::Get(std::string_view path, std::string_view accept_encoding,
                     std::string_view if_none_match) const {
  const Asset* const asset = Find(path);
  if (asset == nullptr) return Problem(404, "There is no such file.");
  const Form* form = &asset->plain;
  std::string_view encoding;
  if (asset->brotli && AcceptsEncoding(accept_encoding, "br")) {
    form = &*asset->brotli;
    encoding = "br";
  } else if (asset->gzip && AcceptsEncoding(accept_encoding, "gzip")) {
    form = &*asset->gzip;
    encoding = "gzip";
  }
  Reply reply;
  reply.headers = {
      {"ETag", form->etag},
      {"Cache-Control", IsHashed(path) ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", std::string(ContentSecurityPolicy(path))}};
  if (asset->brotli || asset->gzip) reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (MatchesEtag(if_none_match, form->etag)) {
    reply.status = 304;
    reply.headers.emplace_back("Content-Length", std::to_string(form->body.size()));
    return reply;
  }
  if (!encoding.empty()) reply.headers.emplace_back("Content-Encoding", encoding);
  reply.content_type = asset->content_type;
  reply.body = form->body;
  return reply;
}

std::string_view MimeType(std::string_view path) {
  static constexpr std::array kTypes = {
      std::pair{".html", "text/html; charset=utf-8"},
      std::pair{".js", "text/javascript; charset=utf-8"},
      std::pair{".mjs", "text/javascript; charset=utf-8"},
      std::pair{".css", "text/css; charset=utf-8"},
      std::pair{".wasm", "application/wasm"},
      std::pair{".json", "application/json"},
      std::pair{".map", "application/json"},
      std::pair{".webmanifest", "application/manifest+json"},
      std::pair{".svg", "image/svg+xml"},
      std::pair{".png", "image/png"},
      std::pair{".ico", "image/x-icon"},
      std::pair{".webp", "image/webp"},
      std::pair{".woff2", "font/woff2"},
      std::pair{".txt", "text/plain; charset=utf-8"},
      std::pair{".csv", "text/csv; charset=utf-8"},
  };
  if (path.ends_with('/')) return kTypes[0].second;
  for (const auto& [extension, type] : kTypes) {
    if (path.ends_with(extension)) return type;
  }
  return "application/octet-stream";
}

bool MatchesEtag(std::string_view if_none_match, std::string_view etag) {
  bool matches = false;
  ForEachMember(if_none_match, [&](std::string_view member) {
    if (member.starts_with("W/")) member.remove_prefix(2);
    matches = matches || member == "*" || member == etag;
  });
  return matches;
}

double Quality(std::string_view text) {
  const auto q = FieldParameter(text, "q");
  if (!q) return 1;
  double quality = 0;
  const auto [end, failure] = std::from_chars(q->data(), q->data() + q->size(), quality);
  const bool read = failure == std::errc() && end == q->data() + q->size();
  return read && quality >= 0 && quality <= 1 ? quality : 0;
}

bool AcceptsEncoding(std::string_view accept_encoding, std::string_view coding) {
  std::optional<double> named;
  std::optional<double> any;
  ForEachMember(accept_encoding, [&](std::string_view member) {
    const std::string name = MediaType(member);
    const double quality = Quality(member);
    if (name == coding) named = quality;
    if (name == "*") any = quality;
  });
  return named.value_or(any.value_or(0)) > 0;
}

std::string_view ContentSecurityPolicy(std::string_view path) {
  if (path.starts_with("/apidocs/")) {
    return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  }
  return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
         "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; "
         "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace copse
