#include "multipart.h"

#include <gtest/gtest.h>

#include <string>

namespace copse {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=XX";

std::string Part(const std::string& disposition, const std::string& content) {
  return "--XX\r\nContent-Disposition: " + disposition + "\r\nContent-Type: text/csv\r\n\r\n" +
         content + "\r\n";
}

std::string FileOf(const std::string& body, const std::string& type = kType) {
  const auto file = FindFile(body, type, "f");
  return file.ok() ? std::string(*file) : "refused: " + file.error().message;
}

TEST(FindFile, TakesTheFirstFileOfThatName) {
  EXPECT_EQ(FileOf(Part("form-data; name=\"g\"; filename=\"x\"", "no") +
                   Part("form-data; name=\"f\"; filename=\"x\"", "yes") +
                   Part("form-data; name=\"f\"; filename=\"x\"", "late") + "--XX--\r\n"),
            "yes");
}

TEST(FindFile, ReadsNamesHoweverTheyAreWritten) {
  for (const char* const disposition :
       {"form-data; name=f; filename=x", "form-data; filename=\"a;b\"; name=\"f\"",
        "FORM-DATA; NAME=\"f\"; FILENAME=\"\"", "form-data;name=\"f\";filename*=UTF-8''x",
        "form-data; name=\"f\"; filename=\"a\\\"b\""}) {
    EXPECT_EQ(FileOf(Part(disposition, "yes") + "--XX--"), "yes") << disposition;
  }
}

TEST(FindFile, KeepsEveryByteOfTheContent) {
  const std::string content("\r\n--X\r\n\0--XXY\n", 14);
  EXPECT_EQ(FileOf(Part("form-data; name=\"f\"; filename=\"x\"", content) + "--XX--\r\n"), content);
  EXPECT_EQ(FileOf(Part("form-data; name=\"f\"; filename=\"x\"", "") + "--XX--\r\n"), "");
}

TEST(FindFile, IgnoresTextBeforeAndAfter) {
  EXPECT_EQ(FileOf("before\r\n" + Part("form-data; name=\"f\"; filename=\"x\"", "yes") +
                   "--XX--\r\nafter"),
            "yes");
}

TEST(FindFile, DoesNotTakeATextFieldForAFile) {
  EXPECT_EQ(FileOf(Part("form-data; name=\"f\"", "text") + "--XX--"),
            "refused: The form has no file in a field \"f\".");
  EXPECT_EQ(FileOf("--XX--\r\n"), "refused: The form has no file in a field \"f\".");
}

TEST(FindFile, RefusesWhatIsNotWhole) {
  const std::string part = Part("form-data; name=\"f\"; filename=\"x\"", "yes");
  EXPECT_EQ(FileOf(part), "refused: The multipart body ends before its last boundary.");
  EXPECT_EQ(FileOf("text"), "refused: The multipart body does not contain its boundary \"XX\".");
  EXPECT_EQ(FileOf("--XX\r\nno empty line\r\n--XX--"),
            "refused: A part of the multipart body has no empty line after its fields.");
  EXPECT_EQ(FileOf("--XX"), "refused: The multipart body ends before its last boundary.");
  EXPECT_EQ(FileOf(""), "refused: The multipart body does not contain its boundary \"XX\".");
  const std::string why =
      "refused: Content-Type multipart/form-data must name a boundary of 1 to 70 characters.";
  EXPECT_EQ(FileOf(part, "multipart/form-data"), why);
  EXPECT_EQ(FileOf(part, "multipart/form-data; boundary=\"\""), why);
  EXPECT_EQ(FileOf(part, "multipart/form-data; boundary=" + std::string(71, 'x')), why);
}

TEST(FindFile, TakesAQuotedBoundaryAndParametersBehindIt) {
  const std::string body = Part("form-data; name=\"f\"; filename=\"x\"", "yes") + "--XX--";
  EXPECT_EQ(FileOf(body, "multipart/form-data; boundary=\"XX\"; charset=utf-8"), "yes");
  EXPECT_EQ(FileOf(body, "Multipart/Form-Data; Charset=utf-8; BOUNDARY=XX"), "yes");
}

// A hostile head of a part costs time in its length, and no stack.
TEST(FindFile, SurvivesALongHead) {
  const std::string name(1 << 20, 'n');
  EXPECT_EQ(FileOf(Part("form-data; name=\"" + name + "\"; filename=\"x\"", "no") + "--XX--"),
            "refused: The form has no file in a field \"f\".");
}

TEST(FieldParameter, UnquotesAndIgnoresCase) {
  EXPECT_EQ(FieldParameter("a; b=\"c\\\"d\"; E = f", "B"), "c\"d");
  EXPECT_EQ(FieldParameter("a; b=\"c;e=1\"; e=2", "e"), "2");
  EXPECT_EQ(FieldParameter("a; b; c=1", "b"), std::nullopt);
  EXPECT_EQ(FieldParameter("a; b=\"open", "b"), "open");
  EXPECT_EQ(FieldParameter("", "b"), std::nullopt);
}

}  // namespace
}  // namespace copse
