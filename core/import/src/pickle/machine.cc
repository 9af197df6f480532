#include "pickle/machine.h"

#include <algorithm>

namespace copse::importer::pickle {
namespace {

constexpr std::uint64_t kOpcodesMax = 50'000'000;
constexpr std::size_t kFarMemoMax = 1 << 16;

}  // namespace

void Machine::SetFlaw(ErrorCode code, std::initializer_list<text::Piece> pieces) {
  if (flaw_) return;
  const std::string_view byte = file_.substr(std::min(opcode_at_, file_.size()), 1);
  const std::string_view name = byte.empty() ? "" : OpcodeName(static_cast<unsigned char>(byte[0]));
  flaw_ = text::MakeError(code, {"pickle, byte ", opcode_at_, name.empty() ? "" : ", opcode ", name,
                                 ": ", text::Concat(pieces)});
}

void Machine::Fail(std::initializer_list<text::Piece> pieces) {
  SetFlaw(ErrorCode::kInvalidModel, pieces);
}

void Machine::Refuse(std::initializer_list<text::Piece> pieces) {
  SetFlaw(ErrorCode::kUnsupportedModel, pieces);
}

Result<Id> Machine::Run() {
  if (file_.starts_with("ZF")) {
    opcode_at_ = file_.size();
    RefuseSideFile();
  }
  while (root_ == kAbsent && !flaw_) {
    opcode_at_ = at_;
    if (left() == 0) {
      Fail({"the file ends here without the opcode STOP"});
    } else if (++n_opcodes_ > kOpcodesMax || store_.IsFull()) {
      SetFlaw(ErrorCode::kTooLarge, {"more values than the file's size explains"});
    } else {
      Step(static_cast<unsigned char>(file_[at_++]));
    }
  }
  if (flaw_) return *flaw_;
  return root_;
}

void Machine::Step(unsigned char opcode) {
  if (StepLiteral(opcode) || StepCall(opcode)) return;
  switch (opcode) {
    case '(':
      return Mark();
    case '.':
      return Stop();
    case '0':  // POP: a mark on top is taken away alone
      if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back();
      Pop();
      return;
    case '1':  // POP_MARK
      PopMark();
      return;
    case '2':  // DUP
      return Push(Top());
    case 'g':
    case 'h':
    case 'j':
    case 'p':
    case 'q':
    case 'r':
    case 0x94:
      return StepMemo(opcode);
    case 0x80: {  // PROTO
      const std::uint64_t version = Unsigned(1);
      if (version > 5) Refuse({"protocol ", version, " is newer than 5, the newest that is known"});
      return;
    }
    case 0x95:  // FRAME: its length is for readers that wait for more
      Take(8);
      return;
    case 'P':
    case 'Q':
    case 0x82:
    case 0x83:
    case 0x84:
    case 0x97:
    case 0x98:
      return Refuse(
          {"refers to data outside of the file, which is not supported; save the model "
           "with pickle.dump(model, file) or joblib.dump(model, 'model.joblib')"});
    default:
      return StepContainer(opcode);
  }
}

void Machine::StepMemo(unsigned char opcode) {
  switch (opcode) {
    case 'g':
      return Get(LineNumber());
    case 'h':
      return Get(Unsigned(1));
    case 'j':
      return Get(Unsigned(4));
    case 'p':
      return Put(LineNumber());
    case 'q':
      return Put(Unsigned(1));
    case 'r':
      return Put(Unsigned(4));
    default:  // MEMOIZE
      return Put(n_memo_);
  }
}

void Machine::StepContainer(unsigned char opcode) {
  switch (opcode) {
    case ')':
      return Push(kEmptyTupleId);
    case ']':
      return Push(store_.AddList(Tag::kList));
    case '}':
      return Push(store_.AddList(Tag::kDict));
    case 0x8f:
      return Push(store_.AddList(Tag::kSet));
    case 't':
      return PushFromMark(Tag::kTuple);
    case 'l':
      return PushFromMark(Tag::kList);
    case 'd':
      return PushFromMark(Tag::kDict);
    case 0x91:
      return PushFromMark(Tag::kSet);
    case 0x85:
    case 0x86:
    case 0x87:
      return PushTuple(opcode - 0x84u);
    case 'a':
    case 's': {
      const std::size_t n = opcode == 'a' ? 1 : 2;
      std::array<Id, 2> items{};
      for (std::size_t i = n; i > 0; --i) items[i - 1] = Pop();
      return AppendTo(Top(), opcode == 'a' ? Tag::kList : Tag::kDict, std::span(items).first(n));
    }
    case 'e':
    case 'u':
    case 0x90: {
      const std::span<const Id> items = PopMark();
      const Tag tag = opcode == 'e' ? Tag::kList : opcode == 'u' ? Tag::kDict : Tag::kSet;
      return AppendTo(Top(), tag, items);
    }
    default:
      return Fail({"this byte (", static_cast<unsigned>(opcode), ") is no opcode of a pickle"});
  }
}

Id Machine::Pop() {
  const Id top = Top();
  if (!flaw_) stack_.pop_back();
  return top;
}

Id Machine::Top() {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) {
    Fail({"needs a value, but the stack is empty"});
    return kNoneId;
  }
  return stack_.back();
}

std::span<const Id> Machine::PopMark() {
  if (marks_.empty()) {
    Fail({"needs a mark, but there is none"});
    return {};
  }
  const std::size_t begin = marks_.back(), end = stack_.size();
  marks_.pop_back();
  stack_.resize(begin);  // keeps the memory
  return {stack_.data() + begin, end - begin};
}

void Machine::PushTuple(std::size_t n) {
  std::array<Id, 3> items{};
  for (std::size_t i = n; i > 0; --i) items[i - 1] = Pop();
  Push(store_.AddTuple(std::span(items).first(n)));
}

void Machine::PushFromMark(Tag tag) {
  const std::span<const Id> items = PopMark();
  if (tag == Tag::kTuple) return Push(store_.AddTuple(items));
  const Id list = store_.AddList(tag);
  AppendTo(list, tag, items);
  Push(list);
}

void Machine::AppendTo(Id target, Tag tag, std::span<const Id> items) {
  if (flaw_) return;
  if (tag == Tag::kDict && items.size() % 2 != 0) return Fail({"has a key without a value"});
  if (store_.Is(target, Tag::kObject) && tag != Tag::kSet) {
    // Of a class derived from list or dict.
    if (store_.object(target).items == kAbsent) {
      const Id list = store_.AddList(tag);
      store_.object(target).items = list;
    }
    target = store_.object(target).items;
  }
  if (!store_.Is(target, tag)) return Fail({"adds to a value that is not of its kind"});
  store_.Append(target, items);
}

void Machine::Put(std::uint64_t index) {
  const Id value = Top();
  if (flaw_) return;
  if (index < file_.size()) {  // as every pickler counts: from 0 or 1, one by one
    const auto i = static_cast<std::size_t>(index);
    if (i >= memo_.size()) memo_.resize(i + 1, kAbsent);
    n_memo_ += memo_[i] == kAbsent;
    memo_[i] = value;
    return;
  }
  if (far_memo_.size() >= kFarMemoMax) {
    return SetFlaw(ErrorCode::kTooLarge, {"more memo numbers than the file's size explains"});
  }
  n_memo_ += far_memo_.insert_or_assign(index, value).second;
}

void Machine::Get(std::uint64_t index) {
  Id value = kAbsent;
  if (index < memo_.size()) {
    value = memo_[static_cast<std::size_t>(index)];
  } else if (const auto found = far_memo_.find(index); found != far_memo_.end()) {
    value = found->second;
  }
  if (value == kAbsent) return Fail({"names value ", index, ", which was not stored before"});
  Push(value);
}

void Machine::Stop() {
  const Id value = Pop();
  if (flaw_) return;
  if (!outer_) {
    root_ = value;
    return;
  }
  const Id array = outer_->array;
  if (!store_.Is(value, Tag::kArray)) {
    return Fail({"the objects of a joblib array are not an array"});
  }
  store_.Become(array, value);
  stack_ = std::move(outer_->stack);
  marks_ = std::move(outer_->marks);
  memo_ = std::move(outer_->memo);
  far_memo_ = std::move(outer_->far_memo);
  n_memo_ = outer_->n_memo;
  outer_.reset();
}

std::string_view OpcodeName(unsigned char opcode) {
  struct Name {
    unsigned char opcode;
    std::string_view name;
  };
  static constexpr Name kNames[] = {
      {'(', "MARK"},
      {'.', "STOP"},
      {'0', "POP"},
      {'1', "POP_MARK"},
      {'2', "DUP"},
      {'F', "FLOAT"},
      {'I', "INT"},
      {'J', "BININT"},
      {'K', "BININT1"},
      {'L', "LONG"},
      {'M', "BININT2"},
      {'N', "NONE"},
      {'P', "PERSID"},
      {'Q', "BINPERSID"},
      {'R', "REDUCE"},
      {'S', "STRING"},
      {'T', "BINSTRING"},
      {'U', "SHORT_BINSTRING"},
      {'V', "UNICODE"},
      {'X', "BINUNICODE"},
      {'a', "APPEND"},
      {'b', "BUILD"},
      {'c', "GLOBAL"},
      {'d', "DICT"},
      {'}', "EMPTY_DICT"},
      {'e', "APPENDS"},
      {'g', "GET"},
      {'h', "BINGET"},
      {'i', "INST"},
      {'j', "LONG_BINGET"},
      {'l', "LIST"},
      {']', "EMPTY_LIST"},
      {'o', "OBJ"},
      {'p', "PUT"},
      {'q', "BINPUT"},
      {'r', "LONG_BINPUT"},
      {'s', "SETITEM"},
      {'t', "TUPLE"},
      {')', "EMPTY_TUPLE"},
      {'u', "SETITEMS"},
      {'G', "BINFLOAT"},
      {0x80, "PROTO"},
      {0x81, "NEWOBJ"},
      {0x82, "EXT1"},
      {0x83, "EXT2"},
      {0x84, "EXT4"},
      {0x85, "TUPLE1"},
      {0x86, "TUPLE2"},
      {0x87, "TUPLE3"},
      {0x88, "NEWTRUE"},
      {0x89, "NEWFALSE"},
      {0x8a, "LONG1"},
      {0x8b, "LONG4"},
      {'B', "BINBYTES"},
      {'C', "SHORT_BINBYTES"},
      {0x8c, "SHORT_BINUNICODE"},
      {0x8d, "BINUNICODE8"},
      {0x8e, "BINBYTES8"},
      {0x8f, "EMPTY_SET"},
      {0x90, "ADDITEMS"},
      {0x91, "FROZENSET"},
      {0x92, "NEWOBJ_EX"},
      {0x93, "STACK_GLOBAL"},
      {0x94, "MEMOIZE"},
      {0x95, "FRAME"},
      {0x96, "BYTEARRAY8"},
      {0x97, "NEXT_BUFFER"},
      {0x98, "READONLY_BUFFER"},
  };
  for (const Name& entry : kNames) {
    if (entry.opcode == opcode) return entry.name;
  }
  return {};
}

}  // namespace copse::importer::pickle
