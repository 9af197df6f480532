#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <type_traits>
#include <vector>

#include "copse/link.h"
#include "copse/model.h"

// From rows to answers. Columns(answer) has said that the model has the answer; nothing can fail
// here any more.
namespace copse {
namespace {

// Margins and values of the rows worked on at a time: bounds the scratch memory of a call whatever
// its size, and leaves enough rows for those layouts that go through a large tree with many.
constexpr std::size_t kBlockNumbers = std::size_t{1} << 17;
constexpr std::size_t kBlockRowsMin = 256, kBlockRowsMax = 1 << 14;
// Margins and values of one row of most models: no allocation for it.
constexpr std::size_t kRowNumbers = 64;

double Read(double x, Precision input) {
  return input == Precision::kFloat32 ? static_cast<float>(x) : x;
}

// The products are added in the order of the features: from zero, and the intercept at the end; or,
// where every step is rounded to float, from the intercept (XGBoost's gblinear).
template <class Number>
double LinearMargin(const Model& model, const Number* row, std::size_t k) {
  const LinearModel& linear = *model.linear();
  const bool fills = !linear.fill.empty();
  const auto read = [&](std::size_t f) {
    return Read(fills && row[f] != row[f] ? linear.fill[f] : row[f], model.input());
  };
  const double* coef = linear.coef.data() + k * model.n_features();
  const double intercept = linear.intercept[k];
  const bool is_float = model.accumulate() == Precision::kFloat32;
  double sum = is_float ? static_cast<float>(intercept) : 0;
  for (std::size_t f = 0; f < model.n_features(); ++f) {
    if (is_float) {
      const float product = static_cast<float>(coef[f]) * static_cast<float>(read(f));
      sum = static_cast<float>(sum) + product;
    } else {
      sum += coef[f] * read(f);
    }
  }
  return is_float ? sum : sum + intercept;
}

template <class Number>
void LinearMargins(const Model& model, std::span<const Number> rows, std::span<double> margins) {
  const std::size_t n_margins = model.n_margins();
  for (std::size_t i = 0; i < margins.size(); ++i) {
    const Number* row = rows.data() + i / n_margins * model.n_features();
    const double sum = LinearMargin(model, row, i % n_margins);
    // What sign a computed NaN has depends on the processor; ours has none.
    margins[i] = sum == sum ? sum : std::numeric_limits<double>::quiet_NaN();
  }
}

template <class Number>
void MarginsOf(const Model& model, std::span<const Number> rows, std::span<double> margins) {
  assert(rows.size() * model.n_margins() == margins.size() * model.n_features());
  if (model.plan() != nullptr) return model.plan()->PredictMargins(rows, margins);
  if (model.forest() != nullptr) return model.forest()->PredictMargins(rows, margins);
  LinearMargins(model, rows, margins);
}

// Position of the largest; the first of equals. NaN is never the largest.
std::size_t Argmax(std::span<const double> numbers) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < numbers.size(); ++k) {
    if (numbers[k] > numbers[best]) best = k;
  }
  return best;
}

// The class of one output in one row, from its margins and its values.
std::size_t ClassIndex(const Model& model, std::span<const double> margins,
                       std::span<const double> values) {
  if (margins.size() == 1 && values.size() == 2) {
    switch (model.decision()) {
      case Decision::kGreaterEqualZero:
        return margins[0] >= 0 ? 1 : 0;
      case Decision::kGreaterThanZero:
        return margins[0] > 0 ? 1 : 0;
      case Decision::kArgmax:
        break;
    }
    if (DecidesOnMargins(model.link().kind)) return margins[0] > 0 ? 1 : 0;
  }
  return Argmax(DecidesOnMargins(model.link().kind) ? margins : values);
}

// Writes the columns of one row, one after another.
class Writer {
 public:
  explicit Writer(std::span<double> out) : out_(out) {}
  void Put(double x) { out_[n_++] = x; }
  void Put(std::span<const double> numbers) {
    for (const double x : numbers) Put(x);
  }
  bool full() const { return n_ == out_.size(); }

 private:
  std::span<double> out_;
  std::size_t n_ = 0;
};

// What one output of one row has come to.
struct Piece {
  const Output& output;
  std::span<const double> margins, values;
};

// An isolation forest says 1 for what it knows and -1 for outliers; other numbers stay.
double DecidedValue(const Model& model, double value) {
  if (model.link().kind != LinkKind::kIsolation) return value;
  return value < 0 ? -1 : 1;
}

void PutDecision(const Model& model, const Piece& piece, Writer& writer) {
  if (piece.output.kind == OutputKind::kClass) {
    return writer.Put(static_cast<double>(ClassIndex(model, piece.margins, piece.values)));
  }
  for (const double value : piece.values) writer.Put(DecidedValue(model, value));
}

void Put(const Model& model, Answer answer, const Piece& piece, Writer& writer) {
  const bool is_class = piece.output.kind == OutputKind::kClass;
  switch (answer) {
    case Answer::kPredict:
      return PutDecision(model, piece, writer);
    case Answer::kIndex:
      return is_class ? PutDecision(model, piece, writer) : void();
    case Answer::kProba:
      return is_class ? writer.Put(piece.values) : void();
    case Answer::kMargin:  // of an isolation forest: see PredictRows
      return writer.Put(piece.values);
    case Answer::kScore:  // of margins alone
    case Answer::kLeaf:   // has no outputs
      break;
  }
}

// Calls `use` with every output of one row.
template <class Use>
void ForEachPiece(const Model& model, std::span<const double> margins,
                  std::span<const double> values, Use use) {
  std::size_t at = 0;
  for (const Output& output : model.outputs()) {
    const std::size_t n_values = ValueColumns(output);
    use(Piece{output, margins.subspan(output.begin, output.end - output.begin),
              values.subspan(at, n_values)});
    at += n_values;
  }
}

void Leaves(const Forest& forest, std::span<const double> rows, std::span<double> out) {
  std::vector<std::uint32_t> leaves(out.size());
  forest.FindLeaves(rows, leaves);
  std::copy(leaves.begin(), leaves.end(), out.begin());
}

void LeavesOf(const Forest& forest, std::span<const double> rows, std::span<double> out) {
  Leaves(forest, rows, out);
}

void LeavesOf(const Forest& forest, std::span<const float> rows, std::span<double> out) {
  const std::vector<double> wide(rows.begin(), rows.end());
  Leaves(forest, wide, out);
}

template <class Number>
void PredictBlock(const Model& model, Answer answer, std::span<const Number> rows,
                  std::size_t n_rows, std::span<double> out) {
  if (answer == Answer::kLeaf) return LeavesOf(*model.forest(), rows, out);
  const std::size_t n_numbers = n_rows * (model.n_margins() + model.n_values());
  std::array<double, kRowNumbers> few;
  std::vector<double> many(n_numbers <= few.size() ? 0 : n_numbers);
  const std::span<double> numbers = many.empty() ? std::span(few).first(n_numbers) : many;
  const std::span<double> margins = numbers.first(n_rows * model.n_margins());
  const std::span<double> values = numbers.subspan(margins.size());
  model.PredictMargins(rows, margins);
  if (answer == Answer::kScore) return model.Scores(margins, out);
  model.ApplyLink(margins, values);
  const std::size_t n_columns = out.size() / n_rows;
  for (std::size_t i = 0; i < n_rows; ++i) {
    Writer writer(out.subspan(i * n_columns, n_columns));
    ForEachPiece(model, margins.subspan(i * model.n_margins(), model.n_margins()),
                 values.subspan(i * model.n_values(), model.n_values()),
                 [&](const Piece& piece) { Put(model, answer, piece, writer); });
    assert(writer.full());
  }
}

template <class Number>
void PredictRows(const Model& model, Answer answer, std::span<const Number> rows,
                 std::span<double> out) {
  if (rows.empty()) return;
  // Margins are what the trees leave: no link, nothing to copy.
  const bool isolation = model.link().kind == LinkKind::kIsolation;
  if (answer == Answer::kMargin && !isolation) return MarginsOf(model, rows, out);
  const std::size_t n_features = model.n_features();
  const std::size_t n_rows = rows.size() / n_features;
  const std::size_t n_columns = out.size() / n_rows;
  const std::size_t block = std::clamp(kBlockNumbers / (model.n_margins() + model.n_values()),
                                       kBlockRowsMin, kBlockRowsMax);
  for (std::size_t first = 0; first < n_rows; first += block) {
    const std::size_t n = std::min(block, n_rows - first);
    PredictBlock(model, answer, rows.subspan(first * n_features, n * n_features), n,
                 out.subspan(first * n_columns, n * n_columns));
  }
}

}  // namespace

void Model::Compile(const Plan::Options& options) {
  if (forest_ != nullptr) plan_ = std::make_shared<const Plan>(*forest_, options);
}

void Model::Predict(Answer answer, std::span<const double> rows, std::span<double> out) const {
  PredictRows(*this, answer, rows, out);
}

void Model::Predict(Answer answer, std::span<const float> rows, std::span<double> out) const {
  PredictRows(*this, answer, rows, out);
}

void Model::PredictMargins(std::span<const double> rows, std::span<double> margins) const {
  MarginsOf(*this, rows, margins);
}

void Model::PredictMargins(std::span<const float> rows, std::span<double> margins) const {
  MarginsOf(*this, rows, margins);
}

void Model::ApplyLink(std::span<const double> margins, std::span<double> values) const {
  assert(margins.size() * n_values() == values.size() * n_margins());
  for (std::size_t m = 0, v = 0; m < margins.size();) {
    for (const Output& output : outputs()) {
      const std::size_t n_margins = output.end - output.begin;
      const std::size_t n_values = ValueColumns(output);
      copse::ApplyLink(link(), margins.subspan(m, n_margins), values.subspan(v, n_values));
      m += n_margins;
      v += n_values;
    }
  }
}

// score_samples of an isolation forest: the decision function before its offset is taken off.
void Model::Scores(std::span<const double> margins, std::span<double> scores) const {
  assert(margins.size() == scores.size());
  Link score = link();
  score.offset = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) {
    copse::ApplyLink(score, margins.subspan(i, 1), scores.subspan(i, 1));
  }
}

void Model::Decide(std::span<const double> margins, std::span<const double> values,
                   std::span<double> decisions) const {
  assert(margins.size() * n_decisions() == decisions.size() * n_margins());
  for (std::size_t i = 0; i * n_decisions() < decisions.size(); ++i) {
    Writer writer(decisions.subspan(i * n_decisions(), n_decisions()));
    ForEachPiece(*this, margins.subspan(i * n_margins(), n_margins()),
                 values.subspan(i * n_values(), n_values()),
                 [&](const Piece& piece) { PutDecision(*this, piece, writer); });
  }
}

}  // namespace copse
