#include "web_assets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "compress.h"
#include "service_fixtures.h"

namespace copse {
namespace {

namespace fs = std::filesystem;
using test::HeaderOf;

// A folder of its own with a small page.
class WebAssetsTest : public ::testing::Test {
 protected:
  WebAssetsTest() {
    std::string name = fs::temp_directory_path() / "copse-web-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    Write("index.html", "<p>page");
    Write("assets/app-1a2b.js", "plain");
    Write("assets/app-1a2b.js.br", "brotli");
    Write("assets/app-1a2b.js.gz", "gzip");
    Write("archive.gz", "alone");
    Write("apidocs/index.html", "<p>docs");
    Write(".secret", "no");
    Write(".git/config", "no");
  }
  ~WebAssetsTest() override { fs::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  WebAssets Load() {
    auto loaded = WebAssets::Load(folder_.string());
    EXPECT_TRUE(loaded.ok());
    return std::move(loaded).value();
  }

  fs::path folder_;
};

TEST_F(WebAssetsTest, ServesFilesWithTypePolicyAndTag) {
  const Reply page = Load().Get("/", "", "");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>page");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(HeaderOf(page, "Cache-Control"), "no-cache");
  EXPECT_NE(HeaderOf(page, "Content-Security-Policy").find("'wasm-unsafe-eval'"),
            std::string::npos);
  EXPECT_EQ(HeaderOf(page, "ETag").size(), 18U);
}

TEST_F(WebAssetsTest, ApiDocsMayNotRunWasm) {
  const Reply docs = Load().Get("/apidocs/", "", "");
  EXPECT_EQ(docs.body, "<p>docs");
  EXPECT_EQ(HeaderOf(docs, "Content-Security-Policy").find("wasm"), std::string::npos);
}

TEST_F(WebAssetsTest, SendsTheBestFormThatIsAccepted) {
  const WebAssets web = Load();
  const std::string path = "/assets/app-1a2b.js";
  const Reply brotli = web.Get(path, "gzip, deflate, br", "");
  EXPECT_EQ(brotli.body, "brotli");
  EXPECT_EQ(HeaderOf(brotli, "Content-Encoding"), "br");
  EXPECT_EQ(HeaderOf(brotli, "Vary"), "Accept-Encoding");
  EXPECT_EQ(HeaderOf(brotli, "Cache-Control"), "public, max-age=31536000, immutable");
  const Reply gzip = web.Get(path, "gzip, br;q=0", "");
  EXPECT_EQ(gzip.body, "gzip");
  const Reply plain = web.Get(path, "", "");
  EXPECT_EQ(plain.body, "plain");
  EXPECT_EQ(HeaderOf(plain, "Content-Encoding"), "");
  EXPECT_NE(HeaderOf(plain, "ETag"), HeaderOf(gzip, "ETag"));
  EXPECT_NE(HeaderOf(brotli, "ETag"), HeaderOf(gzip, "ETag"));
}

TEST_F(WebAssetsTest, CompressedFormsAreNoFilesOfTheirOwn) {
  const WebAssets web = Load();
  EXPECT_FALSE(web.Has("/assets/app-1a2b.js.br"));
  EXPECT_TRUE(web.Has("/archive.gz"));
}

std::string GzipOfPlain() { return Compress(ContentCoding::kGzip, "plain"); }

TEST_F(WebAssetsTest, PlainFormMayBeLeftOutWhereBothCompressedOnesAre) {
  Write("small.js.br", "brotli");
  Write("small.js.gz", GzipOfPlain());
  const WebAssets web = Load();
  const Reply plain = web.Get("/small.js", "", "");
  EXPECT_EQ(plain.body, "plain");
  EXPECT_EQ(HeaderOf(plain, "ETag"), HeaderOf(web.Get("/assets/app-1a2b.js", "", ""), "ETag"));
  EXPECT_EQ(plain.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(web.Get("/small.js", "br", "").body, "brotli");
  EXPECT_EQ(web.Get("/small.js", "gzip", "").body, GzipOfPlain());
  EXPECT_FALSE(web.Has("/small.js.gz"));
}

TEST_F(WebAssetsTest, DamagedFormThatStandsForThePlainOneIsNamed) {
  Write("small.js.br", "brotli");
  Write("small.js.gz", GzipOfPlain().substr(0, 12));
  const auto loaded = WebAssets::Load(folder_.string());
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message.find("small.js.gz"), std::string::npos);
}

TEST_F(WebAssetsTest, KnowsWhatAClientHasAlready) {
  const WebAssets web = Load();
  const std::string etag = HeaderOf(web.Get("/", "", ""), "ETag");
  const Reply again = web.Get("/", "", "W/" + etag);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(web.Get("/", "", "\"other\"").status, 200);
}

TEST_F(WebAssetsTest, HiddenFilesAndOtherFoldersStayHidden) {
  const WebAssets web = Load();
  for (const char* const path : {"/.secret", "/.git/config", "/../x", "/assets", "/assets/", "",
                                 "/%2e%2e/x", "//index.html"}) {
    EXPECT_FALSE(web.Has(path)) << path;
    EXPECT_EQ(web.Get(path, "", "").status, 404) << path;
  }
}

TEST_F(WebAssetsTest, MissingFolderIsNamed) {
  const auto loaded = WebAssets::Load((folder_ / "none").string());
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::kNotFound);
  EXPECT_NE(loaded.error().message.find("none"), std::string::npos);
}

TEST(MimeType, KnowsWhatBrowsersInsistOn) {
  EXPECT_EQ(MimeType("/a.wasm"), "application/wasm");
  EXPECT_EQ(MimeType("/a.webmanifest"), "application/manifest+json");
  EXPECT_EQ(MimeType("/a.mjs"), "text/javascript; charset=utf-8");
  EXPECT_EQ(MimeType("/a.unknown"), "application/octet-stream");
}

TEST(AcceptsEncoding, ReadsQualitiesAndStars) {
  EXPECT_TRUE(AcceptsEncoding("BR", "br"));
  EXPECT_TRUE(AcceptsEncoding("*", "br"));
  EXPECT_FALSE(AcceptsEncoding("*, br;q=0", "br"));
  EXPECT_FALSE(AcceptsEncoding("*;q=0", "br"));
  EXPECT_FALSE(AcceptsEncoding("", "br"));
  EXPECT_FALSE(AcceptsEncoding("brotli", "br"));
}

}  // namespace
}  // namespace copse
