#include "row_files.h"

#include <memory>
#include <string_view>

#include "files.h"
#include "npy.h"
#include "rows.h"

namespace copse {
namespace {

std::unique_ptr<RowReader> NewReaderFor(const Model& model, InFile& in, std::string_view head) {
  if (head.starts_with("\x93NUMPY")) return NewNpyReader(model, in.Source());
  if (head.starts_with("{") || head.starts_with("[")) return NewNdjsonReader(model, in.Source());
  return NewCsvReader(model, in.Source());
}

}  // namespace

Result<std::vector<double>> ReadRowsOfFile(const Model& model, const std::string& path,
                                           std::size_t n_rows_max) {
  auto in = InFile::Open(path);
  if (!in.ok()) return in.error();
  auto head = (*in)->Peek();
  if (!head.ok()) return head.error();
  const auto reader = NewReaderFor(model, **in, *head);
  std::vector<double> values;
  for (std::size_t n_rows = 0; n_rows < n_rows_max;) {
    auto rows = reader->Next(n_rows_max - n_rows);
    if (!rows.ok()) return Error{rows.error().code, path + ": " + rows.error().message};
    if (rows->n_rows == 0) break;
    n_rows += rows->n_rows;
    values.insert(values.end(), rows->values.begin(), rows->values.end());
  }
  if (values.empty()) return Error{ErrorCode::kInvalidInput, path + " has no rows"};
  return values;
}

}  // namespace copse
