#include "json_rows.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "number_text.h"
#include "utf8.h"

namespace copse {
namespace {

using nlohmann::json;

// Receives the text's tokens one by one and stops at the first that cannot be used: no tree of
// values is built, so nesting costs nothing.
class RowHandler : public nlohmann::json_sax<json> {
 public:
  RowHandler(const RowValues& columns, bool one_row, RowNumber row)
      : columns_(columns), one_row_(one_row), first_row_(row) {}

  bool null() override {
    return Add("null", [&](std::size_t f) { return columns_.FromNull(Row(), f); });
  }
  bool boolean(bool truth) override { return AddNumber(truth ? 1 : 0); }
  bool number_integer(std::int64_t number) override {
    return AddNumber(static_cast<double>(number));
  }
  bool number_unsigned(std::uint64_t number) override {
    return AddNumber(static_cast<double>(number));
  }
  bool number_float(double number, const std::string&) override { return AddNumber(number); }
  bool string(std::string& text) override {
    return Add(Shown(text), [&](std::size_t f) { return columns_.FromString(Row(), f, text); });
  }
  bool binary(json::binary_t&) override { return Fail("binary is not JSON"); }

  bool start_object(std::size_t) override {
    if (place_ == Place::kList && NotAfterValues()) {
      is_list_ = true;
    } else if (place_ != Place::kStart) {
      return FailNested("an object");
    }
    place_ = Place::kObject;
    given_.assign(columns_.n_features(), false);
    values_.resize(values_.size() + columns_.n_features());
    return true;
  }
  bool key(std::string& name) override {
    const auto feature = columns_.Find(name);
    if (!feature) {
      return Fail(Shown(name) + " is no feature of this model; it has " +
                  NamesShown(columns_.model()));
    }
    if (given_[*feature]) return Fail(Shown(name) + " is given twice");
    given_[*feature] = true;
    feature_ = *feature;
    return true;
  }
  bool end_object() override {
    for (std::size_t f = 0; f < given_.size(); ++f) {
      if (!given_[f]) return Fail(columns_.AbsentError(Row(), f));
    }
    return EndRow();
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kStart) {
      place_ = one_row_ ? Place::kRow : Place::kList;
    } else if (place_ == Place::kList && NotAfterValues()) {
      is_list_ = true;
      place_ = Place::kRow;
    } else {
      return FailNested("a list");
    }
    feature_ = 0;
    return true;
  }
  bool end_array() override {
    if (place_ == Place::kRow) return EndValues();
    // The end of the outer list: of rows, or of the values of one bare row.
    if (is_list_) return true;
    if (feature_ == 0) return Fail("the list is empty; a row or a list of rows was expected");
    return EndValues();
  }

  bool parse_error(std::size_t byte, const std::string& token, const json::exception&) override {
    const auto number = ParseNumber(token);
    if (number && std::isinf(*number) && place_ != Place::kStart) {
      return Fail(Shown(token) + " is too large for a number");
    }
    const bool unknown = token.find_first_of("NI") != std::string::npos;
    return Fail(Error{ErrorCode::kInvalidInput,
                      "not JSON at byte " + std::to_string(byte) + ", near " + Shown(token) +
                          (unknown ? "; JSON writes a missing value as null" : "")});
  }

  Result<Rows> Take() && {
    if (error_) return *std::move(error_);
    return Rows{.n_rows = n_rows_, .values = std::move(values_), .is_list = is_list_};
  }

 private:
  enum class Place {
    kStart,   // outside of everything
    kList,    // in the outer list: of rows, or of the values of one bare row
    kRow,     // in a list of values
    kObject,  // in an object of values
  };

  // What messages call the current row: numbered in a list, or when the caller numbers it.
  RowNumber Row() const {
    if (first_row_ != 0) return first_row_;
    return is_list_ ? n_rows_ + 1 : 0;
  }

  // In the outer list: no value came before, so this may be a list of rows.
  bool NotAfterValues() const { return is_list_ || feature_ == 0; }

  bool AddNumber(double number) {
    return Add("a number", [&](std::size_t) -> Result<double> { return number; });
  }

  // A value, which `value_of` makes of it once its feature is known.
  template <class ValueOf>
  bool Add(std::string_view what, const ValueOf& value_of) {
    if (place_ == Place::kStart || (place_ == Place::kList && is_list_)) {
      return Fail(std::string(what) + " stands where a row was expected: a list or an object");
    }
    if (feature_ >= columns_.n_features()) {
      return Fail(columns_.WidthError(
          Row(), "more than " + std::to_string(columns_.n_features()) + " values"));
    }
    Result<double> value = value_of(feature_);
    if (!value.ok()) return Fail(value.error());
    if (place_ == Place::kObject) {
      values_[values_.size() - columns_.n_features() + feature_] = *value;
    } else {
      values_.push_back(*value);
      ++feature_;
    }
    return true;
  }

  bool EndValues() {
    if (feature_ != columns_.n_features()) {
      return Fail(columns_.WidthError(
          Row(), std::to_string(feature_) + (feature_ == 1 ? " value" : " values")));
    }
    return EndRow();
  }

  bool EndRow() {
    ++n_rows_;
    feature_ = 0;
    place_ = is_list_ ? Place::kList : Place::kStart;
    return true;
  }

  bool FailNested(const std::string& what) {
    if (feature_ >= columns_.n_features()) return Fail(what + " stands after the last value");
    return Fail(columns_.KindError(Row(), feature_, what));
  }
  bool Fail(const std::string& why) { return Fail(columns_.Refuse(Row(), why)); }
  bool Fail(Error error) {
    if (!error_) error_ = std::move(error);
    return false;
  }

  const RowValues& columns_;
  const bool one_row_;
  const RowNumber first_row_;
  Place place_ = Place::kStart;
  bool is_list_ = false;
  std::size_t n_rows_ = 0;
  std::size_t feature_ = 0;  // the next value's, or the key's
  std::vector<bool> given_;  // which features of the object have come
  std::vector<double> values_;
  std::optional<Error> error_;
};

Result<Rows> Parse(RowHandler handler, std::string_view text) {
  json::sax_parse(text.begin(), text.end(), &handler);
  return std::move(handler).Take();
}

}  // namespace

Result<Rows> ParseJsonRows(const RowValues& columns, std::string_view text) {
  return Parse(RowHandler(columns, false, 0), text);
}

Result<Rows> ParseJsonRow(const RowValues& columns, std::string_view text, RowNumber row) {
  return Parse(RowHandler(columns, true, row), text);
}

}  // namespace copse
