#include "prediction_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace copse {
namespace {

// What one thread takes at a time: about a millisecond's work, so that handing it out costs nothing
// beside it.
constexpr std::size_t kBlockTrees = std::size_t{1} << 18;
constexpr std::size_t kBlockRowsMin = 128, kBlockRowsMax = 8192;

// Rows that one thread takes at a time. A forest may have no trees; a linear model has none.
std::size_t BlockRowsFor(const Model& model) {
  const Forest* forest = model.forest();
  const std::size_t n_trees = forest == nullptr ? 1 : std::max<std::size_t>(1, forest->n_trees());
  return std::clamp(kBlockTrees / n_trees, kBlockRowsMin, kBlockRowsMax);
}

bool IsClass(const Output& output) { return output.kind == OutputKind::kClass; }

// What one output of one row has come to.
struct Piece {
  const Output& output;
  std::span<const double> values, decisions;
};

// Calls `use` with every output of `row`.
template <class Use>
void ForEachPiece(const Model& model, const Prediction& prediction, std::size_t row, Use use) {
  std::size_t value = row * model.n_values(), decision = row * model.n_decisions();
  for (const Output& output : model.outputs()) {
    const std::size_t n_values = ValueColumns(output);
    const std::size_t n_decisions = IsClass(output) ? 1 : n_values;
    use(Piece{output, std::span(prediction.values).subspan(value, n_values),
              std::span(prediction.decisions).subspan(decision, n_decisions)});
    value += n_values;
    decision += n_decisions;
  }
}

std::size_t ClassIndex(const Piece& piece) { return static_cast<std::size_t>(piece.decisions[0]); }

const std::string& ClassLabel(const Piece& piece) { return piece.output.labels[ClassIndex(piece)]; }

std::string ClassMembers(const Piece& piece) {
  std::string text = "\"label\":" + LabelJson(piece.output, ClassLabel(piece)) +
                     ",\"index\":" + std::to_string(ClassIndex(piece)) + ",\"probabilities\":{";
  for (std::size_t k = 0; k < piece.values.size(); ++k) {
    text += (k == 0 ? "" : ",") + JsonString(piece.output.labels[k]) + ":" +
            NumberJson(piece.values[k]);
  }
  return text + "}";
}

std::string ValueMembers(const Piece& piece) {
  return "\"value\":" + (piece.decisions.size() == 1 ? NumberJson(piece.decisions[0])
                                                     : NumbersJson(piece.decisions));
}

std::string PieceMembers(const Piece& piece) {
  return IsClass(piece.output) ? ClassMembers(piece) : ValueMembers(piece);
}

// Whether the decision is a whole number to Python: a class index, or an isolation forest's sign.
bool IsWhole(const Model& model, const Output& output) {
  return IsClass(output) || model.link().kind == LinkKind::kIsolation;
}

// The decisions of one row, separated as Python separates them.
std::string TutorialCells(const Model& model, const Prediction& prediction, std::size_t row) {
  std::string text;
  ForEachPiece(model, prediction, row, [&](const Piece& piece) {
    for (const double decision : piece.decisions) {
      if (!text.empty()) text += ", ";
      text += IsWhole(model, piece.output) ? NumberText(decision) : PythonRepr(decision);
    }
  });
  return text;
}

}  // namespace

Prediction PredictEverything(const Model& model, std::span<const double> rows, RowPool* pool) {
  Prediction prediction;
  const std::size_t n_rows = rows.size() / model.n_features();
  prediction.n_rows = n_rows;
  prediction.margins.resize(n_rows * model.n_margins());
  prediction.values.resize(n_rows * model.n_values());
  prediction.decisions.resize(n_rows * model.n_decisions());
  const auto scores = model.Columns(Answer::kScore);
  if (scores.ok()) prediction.scores.resize(n_rows * *scores);
  const auto part = [](auto& numbers, std::size_t width, std::size_t first, std::size_t n) {
    return std::span(numbers).subspan(first * width, n * width);
  };
  const auto predict = [&](std::size_t first, std::size_t n) {
    const auto block = part(rows, model.n_features(), first, n);
    const auto margins = part(prediction.margins, model.n_margins(), first, n);
    const auto values = part(prediction.values, model.n_values(), first, n);
    model.PredictMargins(block, margins);
    model.ApplyLink(margins, values);
    model.Decide(margins, values, part(prediction.decisions, model.n_decisions(), first, n));
    if (scores.ok()) model.Scores(margins, part(prediction.scores, *scores, first, n));
  };
  if (pool != nullptr) {
    pool->ForBlocks(n_rows, BlockRowsFor(model), predict);
  } else if (n_rows > 0) {
    predict(0, n_rows);
  }
  return prediction;
}

std::string PredictionMembers(const Model& model, const Prediction& prediction, std::size_t row) {
  std::string text;
  const bool several = model.outputs().size() > 1;
  ForEachPiece(model, prediction, row, [&](const Piece& piece) {
    if (!several) {
      text = PieceMembers(piece);
      return;
    }
    text += (text.empty() ? "" : ",") + JsonString(piece.output.name) + ":{" + PieceMembers(piece) +
            "}";
  });
  if (several) text = "\"outputs\":{" + text + "}";
  if (!prediction.scores.empty()) text += ",\"score\":" + NumberJson(prediction.scores[row]);
  return text;
}

std::string PredictionJson(const Model& model, const Prediction& prediction, std::size_t row) {
  return "{" + PredictionMembers(model, prediction, row) + "}";
}

std::string TutorialText(const Model& model, const Prediction& prediction) {
  const bool nested = model.n_decisions() > 1;
  std::string text;
  for (std::size_t row = 0; row < prediction.n_rows; ++row) {
    const std::string cells = TutorialCells(model, prediction, row);
    text += (row == 0 ? "" : ", ") + (nested ? "[" + cells + "]" : cells);
  }
  return "[" + text + "]";
}

std::string TutorialText(const Model& model, const Prediction& prediction, std::size_t row) {
  return "[" + TutorialCells(model, prediction, row) + "]";
}

std::string LabelText(const Model& model, const Prediction& prediction, std::size_t row) {
  std::string text;
  ForEachPiece(model, prediction, row, [&](const Piece& piece) {
    for (const double decision : piece.decisions) {
      if (!text.empty()) text += ",";
      text += IsClass(piece.output) ? ClassLabel(piece) : NumberText(decision);
    }
  });
  return text;
}

std::string NumbersJson(std::span<const double> numbers) {
  std::string text = "[";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += ',';
    text += NumberJson(numbers[i]);
  }
  return text + "]";
}

void AppendNumber(std::string& text, double number) {
  if (std::isnan(number)) {
    text += "nan";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), end);
}

void AppendNumberJson(std::string& text, double number) {
  if (std::isfinite(number)) return AppendNumber(text, number);
  text += "null";
}

std::string NumberText(double number) {
  std::string text;
  AppendNumber(text, number);
  return text;
}

std::string NumberJson(double number) {
  std::string text;
  AppendNumberJson(text, number);
  return text;
}

std::string PythonRepr(double number) {
  if (!std::isfinite(number)) return NumberText(number);
  const double size = std::abs(number);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  std::array<char, 64> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed)
          .ptr;
  std::string text(digits.data(), end);
  if (!scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string LabelJson(const Output& output, const std::string& label) {
  switch (output.label_type) {
    case LabelType::kString:
      return JsonString(label);
    case LabelType::kBool:
      return label == "True" || label == "true" ? "true" : "false";
    case LabelType::kInteger:
    case LabelType::kFloat:
      return label;
  }
  return JsonString(label);
}

std::string JsonString(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      json += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      json += c;
    }
  }
  return json + "\"";
}

}  // namespace copse
