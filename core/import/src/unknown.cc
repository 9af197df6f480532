#include <array>
#include <cstring>
#include <string_view>

#include "sources.h"
#include "text.h"

// What is no model that can be imported, by its first bytes: named, with what to do instead.
namespace copse::importer {
namespace {

struct Look {
  std::string_view bytes;
  std::string_view sentence;
};

constexpr std::array<Look, 13> kLooks = {{
    {"binf",
     "this is a binary XGBoost model of the old format; open it with XGBoost 1.0 to 3.0 and save "
     "it "
     "with booster.save_model(\"model.json\")"},
    {"CBM1",
     "this is a binary CatBoost model; save it with model.save_model(\"model.json\", "
     "format=\"json\")"},
    {"PK\x03\x04",
     "this is a zip file (skops, PyTorch, Keras or R); load it where it was made and save the "
     "scikit-learn model with joblib.dump(model, \"model.joblib\")"},
    {"\x89HDF", "this is an HDF5 file, such as Keras writes; neural networks cannot be imported"},
    {"ZF",
     "this is a joblib file of before 0.10, with arrays in other files; load it with that joblib "
     "and save it again with a newer one"},
    {"RDX", "this is an R data file; save the model in its library's own format instead"},
    {"TDF", "this is an R data file; save the model in its library's own format instead"},
    {"<?xml",
     "this is an XML file; PMML cannot be imported, save the model in the format of the "
     "library that trained it"},
    {"<PMML",
     "PMML cannot be imported; save the model in the format of the library that trained it"},
    {"<", "this is an HTML or XML page, not a model; was the download answered by a web page?"},
    {"version https://git-lfs",
     "this is a Git LFS pointer, not the model; fetch the file with git lfs pull"},
    {"booster[",
     "this is XGBoost's text dump, which lacks what a prediction needs; save the model "
     "with booster.save_model(\"model.json\")"},
    {"\x93NUMPY", "this is a NumPy array, not a model"},
}};

// XGBoost's old format: LearnerModelParam, 136 bytes, begins with base_score (float32), the number
// of features and of classes (u32 each), and is followed by the name of the objective with its
// length (u64). Source: xgboost 1.x, src/learner.cc, LoadModel(dmlc::Stream*).
bool IsOldXgboost(Bytes bytes) {
  constexpr std::size_t kParamBytes = 136;
  if (bytes.size() < kParamBytes + 8 + 4) return false;
  std::uint64_t name_bytes = 0;
  std::memcpy(&name_bytes, bytes.data() + kParamBytes, sizeof name_bytes);
  if (name_bytes < 4 || name_bytes > 64 || kParamBytes + 8 + name_bytes > bytes.size())
    return false;
  for (std::size_t i = 0; i < name_bytes; ++i) {
    const std::uint8_t c = bytes[kParamBytes + 8 + i];
    if (!((c >= 'a' && c <= 'z') || c == ':' || c == '_' || (c >= '0' && c <= '9'))) return false;
  }
  return true;
}

}  // namespace

Error RefuseUnknown(Bytes bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (head.empty()) return text::Unsupported({"the file is empty"});
  for (const Look& look : kLooks) {
    if (head.starts_with(look.bytes)) return text::Unsupported({look.sentence});
  }
  if (IsOldXgboost(bytes)) return text::Unsupported({kLooks[0].sentence});
  return text::Unsupported(
      {"this is no model that can be imported: it begins with ", text::Quote(head.substr(0, 8)),
       "; expected a scikit-learn pickle or joblib file, XGBoost JSON or UBJSON, LightGBM text, "
       "ONNX, CatBoost JSON or a Copse .safetensors file"});
}

}  // namespace copse::importer
