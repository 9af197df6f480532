#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "copse/result.h"
#include "reply.h"

namespace copse {

/// The built page, held in memory: files of one folder by their URL path, with the compressed
/// forms that the build left beside them (`x.js.br`, `x.js.gz`); where both are there, `x.js`
/// itself may be left out. Immutable after loading.
class WebAssets {
 public:
  WebAssets() = default;

  /// Reads every regular file under `folder`, hidden ones excepted; at most 64 MiB.
  /// Errors: kNotFound (no such folder), kTooLarge, kInvalidModel (a gzip form that is damaged and
  /// has to stand for a plain one).
  static Result<WebAssets> Load(const std::string& folder);

  bool empty() const { return assets_.empty(); }
  /// Whether there is a file for that path; a path that ends with `/` means its index.html.
  bool Has(std::string_view path) const { return Find(path) != nullptr; }

  /// The file, in the best encoding of `accept_encoding`, or 304 if `if_none_match` names it, with
  /// its type, a strong ETag, Cache-Control and Content-Security-Policy. 404 if there is none.
  Reply Get(std::string_view path, std::string_view accept_encoding,
            std::string_view if_none_match) const;

 private:
  struct Form {
    std::string body;
    std::string etag;
  };
  struct Asset {
    std::string content_type;
    Form plain;
    std::optional<Form> brotli, gzip;
  };

  const Asset* Find(std::string_view path) const;

  std::map<std::string, Asset, std::less<>> assets_;  ///< by path, such as "/index.html"
};

/// Type of a file by its extension; application/octet-stream if unknown.
std::string_view MimeType(std::string_view path);

/// Whether the entity tag is one of the list in an If-None-Match field (weak comparison).
bool MatchesEtag(std::string_view if_none_match, std::string_view etag);

/// Whether an Accept-Encoding field allows that coding by its name or by `*`.
bool AcceptsEncoding(std::string_view accept_encoding, std::string_view coding);

/// What a file may do in a browser: the page runs wasm, its documentation does not.
std::string_view ContentSecurityPolicy(std::string_view path);

/// A quality value: `text` is the parameters behind a member of an Accept field, ";q=0.5". 1 if
/// there is none, 0 if it is no number.
double Quality(std::string_view text);

}  // namespace copse
