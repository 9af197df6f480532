// joblib: a pickle in which an array is a NumpyArrayWrapper, behind whose BUILD the array's bytes
// follow, or, of an array of objects, a whole other pickle.
// Source: joblib/numpy_pickle.py, NumpyArrayWrapper.read_array.
#include "pickle/machine.h"

namespace copse::importer::pickle {
namespace {

constexpr std::size_t kAttributesMax = 32;

}  // namespace

void Machine::RefuseSideFile() {
  Refuse(
      {"this file was written by a joblib older than 0.10, which keeps arrays in other files; "
       "load it with that joblib and save it again as one file with joblib 0.10 or newer: "
       "joblib.dump(model, 'model.joblib')"});
}

void Machine::ReadJoblibArray(Id wrapper) {
  const Id state = store_.object(wrapper).state;
  if (!store_.Is(state, Tag::kDict) || store_.Items(state).size() > 2 * kAttributesMax) {
    return Fail({"has an array of joblib without attributes"});
  }
  const auto layout = store_.LayoutOf(store_.Find(state, "dtype"), "an array of joblib");
  if (!layout.ok()) return SetFlaw(layout.error().code, {layout.error().message});
  // Reading a dtype takes time that an empty array of a few bytes would not explain.
  store_.Charge(layout->fields.size() * layout->fields.size() / 2);
  if (!layout->holds_objects()) return ReadRawArray(wrapper, *layout);
  outer_ = std::make_unique<Outer>(Outer{std::move(stack_), std::move(marks_), std::move(memo_),
                                         std::move(far_memo_), n_memo_, wrapper});
  stack_.clear();
  marks_.clear();
  memo_.clear();
  far_memo_.clear();
  n_memo_ = 0;
}

void Machine::ReadRawArray(Id wrapper, const Layout& layout) {
  const Id state = store_.object(wrapper).state;
  const Id shape_id = store_.Find(state, "shape");
  const auto shape = store_.ShapeOf(shape_id, "an array of joblib");
  if (!shape.ok()) return Fail({shape.error().message});
  const auto n_items = CountItems(*shape, layout.bytes);
  if (!n_items) return Fail({"has an array of joblib with more items than can be counted"});
  // Since joblib 1.2 the bytes are aligned: one byte says how many of filling follow.
  const Id alignment = store_.Find(state, "numpy_array_alignment_bytes");
  if (alignment != kAbsent && alignment != kNoneId) Take(Unsigned(1));
  const std::string_view bytes = Take(std::uint64_t{*n_items} * layout.bytes);
  const Id subclass = store_.Find(state, "subclass");
  if (flaw_ || (subclass != kAbsent && !IsArrayClass(store_.Text(subclass)))) return;
  const bool is_fortran = store_.Text(store_.Find(state, "order")) == "F";
  const ArrayPart part{shape_id, store_.Find(state, "dtype"), store_.AddText(Tag::kBytes, bytes),
                       is_fortran ? kTrueId : kFalseId};
  store_.Become(wrapper, store_.AddArray(part));
}

}  // namespace copse::importer::pickle
