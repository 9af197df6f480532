#include "json_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "json_syntax.h"
#include "number_text.h"
#include "utf8.h"

namespace copse {
namespace {

using nlohmann::json;

// Receives the text's tokens one by one and stops at the first that cannot be used: no tree of
// values is built, so nesting costs nothing.
class RowHandler : public nlohmann::json_sax<json> {
 public:
  RowHandler(const RowValues& columns, std::string_view text, RowNumber row, Blame& blame)
      : columns_(columns), text_(text), first_row_(row), blame_(blame) {}

  bool null() override {
    return Add("null", "null", [&](std::size_t f) { return columns_.FromNull(Row(), f); });
  }
  bool boolean(bool truth) override { return AddNumber(truth ? 1 : 0); }
  bool number_integer(std::int64_t number) override {
    return AddNumber(static_cast<double>(number));
  }
  bool number_unsigned(std::uint64_t number) override {
    return AddNumber(static_cast<double>(number));
  }
  bool number_float(double number, const std::string& text) override {
    return AddNumber(number, text);
  }
  bool string(std::string& text) override {
    return Add(Shown(text), text,
               [&](std::size_t f) { return columns_.FromString(Row(), f, text); });
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
      return Fail(BlameOn(name),
                  columns_.Refuse(Row(), Shown(name) + " is no feature of this model; it has " +
                                             NamesShown(columns_.model())));
    }
    if (given_[*feature]) {
      return Fail(BlameOn(name), columns_.Refuse(Row(), Shown(name) + " is given twice"));
    }
    given_[*feature] = true;
    feature_ = *feature;
    has_key_ = true;
    return true;
  }
  bool end_object() override {
    for (std::size_t f = 0; f < given_.size(); ++f) {
      if (given_[f]) continue;
      return Fail(BlameOn(columns_.Name(f)), columns_.AbsentError(Row(), f));
    }
    return EndRow();
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kStart) {
      place_ = first_row_ != 0 ? Place::kRow : Place::kList;
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
    if (number && std::isinf(*number) && IsAtValue()) {
      return Fail(BlameOn(columns_.Name(feature_), token),
                  columns_.Refuse(Row(), Shown(columns_.Name(feature_)) + " is " + Shown(token) +
                                             ", which is too large for a number"));
    }
    const bool is_word = token.find_first_of("NI") != std::string::npos;
    return Fail(is_word && IsAtValue() ? BlameOn(columns_.Name(feature_), Word(byte)) : Blame{},
                JsonSyntaxError(byte, token));
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

  // Whether the next value is one of a feature.
  bool IsAtValue() const {
    if (feature_ >= columns_.n_features()) return false;
    if (place_ == Place::kObject) return has_key_;
    return place_ == Place::kRow || (place_ == Place::kList && !is_list_);
  }

  // The word, such as NaN or -Infinity, whose first letter is at `byte`, counted from 1.
  std::string_view Word(std::size_t byte) const {
    std::size_t begin = std::min(byte, text_.size());
    if (begin > 0) --begin;
    if (begin > 0 && text_[begin - 1] == '-') --begin;
    const std::string_view rest = text_.substr(begin);
    return rest.substr(0, rest.find_first_of(",:]} \t\r\n"));
  }

  // Only fractions and exponents can make a number that Check refuses, so only they have a `text`.
  bool AddNumber(double number, std::string_view text = {}) {
    return Add("a number", text, [&](std::size_t f) -> Result<double> {
      if (auto checked = columns_.Check(Row(), f, number); !checked.ok()) return checked.error();
      return number;
    });
  }

  // A value sent as `text`, which `value_of` makes of it once its feature is known.
  template <class ValueOf>
  bool Add(std::string_view what, std::string_view text, const ValueOf& value_of) {
    if (place_ == Place::kStart || (place_ == Place::kList && is_list_)) {
      return Fail(std::string(what) + " stands where a row was expected: a list or an object");
    }
    if (feature_ >= columns_.n_features()) {
      return Fail(columns_.WidthError(
          Row(), "more than " + std::to_string(columns_.n_features()) + " values"));
    }
    Result<double> value = value_of(feature_);
    if (!value.ok()) return Fail(BlameOn(columns_.Name(feature_), text), value.error());
    has_key_ = false;
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
      return Fail(BlameOn(columns_.Name(feature_)),
                  columns_.WidthError(
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
    return Fail(BlameOn(columns_.Name(feature_)), columns_.KindError(Row(), feature_, what));
  }
  bool Fail(const std::string& why) { return Fail(columns_.Refuse(Row(), why)); }
  bool Fail(Error error) { return Fail(Blame{}, std::move(error)); }
  bool Fail(Blame blame, Error error) {
    if (error_) return false;
    error_ = std::move(error);
    blame_ = std::move(blame);
    return false;
  }

  const RowValues& columns_;
  const std::string_view text_;
  const RowNumber first_row_;  // of the one row that the text must be; 0: a row or a list of rows
  Blame& blame_;
  Place place_ = Place::kStart;
  bool is_list_ = false;
  std::size_t n_rows_ = 0;
  std::size_t feature_ = 0;  // the next value's, or the key's
  bool has_key_ = false;     // in an object: the key came, its value not yet
  std::vector<bool> given_;  // which features of the object have come
  std::vector<double> values_;
  std::optional<Error> error_;
};

Result<Rows> Parse(RowHandler handler, std::string_view text) {
  json::sax_parse(text.begin(), text.end(), &handler);
  return std::move(handler).Take();
}

}  // namespace

Result<Rows> ParseJsonRows(const RowValues& columns, std::string_view text, Blame& blame) {
  return Parse(RowHandler(columns, text, 0, blame), text);
}

Result<Rows> ParseJsonRow(const RowValues& columns, std::string_view text, RowNumber row,
                          Blame& blame) {
  return Parse(RowHandler(columns, text, row, blame), text);
}

}  // namespace copse
