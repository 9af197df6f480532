#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "copse/result.h"
#include "outbox.h"
#include "row_target.h"

struct sqlite3;
struct sqlite3_stmt;

namespace copse {

/// An open database of a log with its tables, and the statements that were asked of it before: what
/// Outbox is made of. For one thread.
class OutboxDatabase {
 public:
  using Value = std::variant<std::int64_t, std::string_view>;

  /// One row of an answer, while it is the current one.
  class Row {
   public:
    explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
    std::int64_t Number(int column) const;  ///< 0 for NULL
    std::string Text(int column) const;

   private:
    sqlite3_stmt* statement_;
  };

  /// Adds a row, unless there is one of that id: id, time, model, version, request_id, input,
  /// output, label, numbered, seq.
  static const char* const kInsert;

  explicit OutboxDatabase(std::string path) : path_(std::move(path)) {}

  /// `makes_it`: also where there is no such file.
  Status Open(const OutboxOptions& options, bool makes_it);
  /// Runs one statement; `on_row` says whether it wants more rows. Statements are told apart by
  /// the addresses of their texts.
  Status Run(const char* sql, std::initializer_list<Value> values = {},
             const std::function<bool(const Row&)>& on_row = {});
  Result<std::int64_t> NumberOf(const char* sql, std::initializer_list<Value> values = {});
  Result<std::string> TextOf(const char* sql, std::initializer_list<Value> values = {});
  /// Of a statement that asks for the columns of RecordedRow in their order.
  Result<std::vector<RecordedRow>> RowsOf(const char* sql, std::initializer_list<Value> values,
                                          std::size_t bytes_max);
  Result<std::int64_t> UsedBytes();
  std::int64_t Changes() const;
  bool HasMoved() const;
  bool IsBusy() const;
  /// Takes back what has not been committed; false if that is not possible.
  bool RollBack();

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  Result<sqlite3_stmt*> Prepared(const char* sql);
  Status Name();
  Error Failure() const;

  const std::string path_;
  std::int64_t page_bytes_ = 0;  // 0: not asked yet
  // The statements are finalized before their connection is closed.
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

}  // namespace copse
