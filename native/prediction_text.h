#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copse/model.h"
#include "row_pool.h"

/// Predictions as text: JSON for programs, the tutorial's list, cells for CSV and the log. Numbers
/// are the shortest text that reads back as the same double, whatever the locale.
namespace copse {

/// Everything that is said about rows, from one evaluation.
struct Prediction {
  std::size_t n_rows = 0;
  std::vector<double> margins;    ///< [n_rows, n_margins()]
  std::vector<double> values;     ///< [n_rows, n_values()]
  std::vector<double> decisions;  ///< [n_rows, n_decisions()]: Answer::kPredict
  std::vector<double> scores;     ///< [n_rows]: Answer::kScore, empty where there is none
};

/// Evaluates checked `rows` [n_rows, n_features()]; many of them with the help of `pool`.
Prediction PredictEverything(const Model& model, std::span<const double> rows,
                             RowPool* pool = nullptr);

/// One row's prediction as the members of a JSON object, without its braces, so that more may
/// follow: `"label":"setosa","index":0,"probabilities":{"setosa":1,...}` for a class,
/// `"value":151.5` for a number, `"value":-1,"score":-0.61` for an isolation forest, and
/// `"outputs":{"NAME":{...},...}` for several outputs. Labels have their JSON type; a number
/// that is not finite is null.
std::string PredictionMembers(const Model& model, const Prediction& prediction, std::size_t row);

/// The same in braces: a line of `copse predict --output json`.
std::string PredictionJson(const Model& model, const Prediction& prediction, std::size_t row);

/// What the tutorial answers, as Python prints a list: class indices `[0, 1, 2]`, values
/// `[151.5, 2.0]`; several outputs `[[0, 1], [2, 0]]`.
std::string TutorialText(const Model& model, const Prediction& prediction);
/// The same of one row: `[0]`.
std::string TutorialText(const Model& model, const Prediction& prediction, std::size_t row);

/// The label or value of one row as plain text, several outputs separated by commas: `setosa`.
std::string LabelText(const Model& model, const Prediction& prediction, std::size_t row);

/// A JSON list of numbers, null where not finite: `[5.1,3.5,1.4,0.2]`.
std::string NumbersJson(std::span<const double> numbers);

/// Shortest text that reads back as the same double: `0.1`, `1e-20`, `nan`, `inf`, `-inf`.
std::string NumberText(double number);
/// Appends the same.
void AppendNumber(std::string& text, double number);
/// As NumberText, but `null` where the number is not finite.
std::string NumberJson(double number);
void AppendNumberJson(std::string& text, double number);
/// As Python's repr: `1.0`, `1e-05`, `1e+16`, `nan`.
std::string PythonRepr(double number);
/// A label of `output` as a JSON value of its label_type: `"setosa"`, `0`, `true`.
std::string LabelJson(const Output& output, const std::string& label);
/// `text`, which must be UTF-8, as a JSON string with its quotes.
std::string JsonString(std::string_view text);

}  // namespace copse
