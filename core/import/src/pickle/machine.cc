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
  // One text, each name behind its opcode: a table of views would be four times as much module.
  // clang-format off
  constexpr std::string_view kNames =
      "(MARK " ".STOP " "0POP " "1POP_MARK " "2DUP " "FFLOAT " "IINT " "JBININT " "KBININT1 "
      "LLONG " "MBININT2 " "NNONE " "PPERSID " "QBINPERSID " "RREDUCE " "SSTRING " "TBINSTRING "
      "USHORT_BINSTRING " "VUNICODE " "XBINUNICODE " "aAPPEND " "bBUILD " "cGLOBAL " "dDICT "
      "}EMPTY_DICT " "eAPPENDS " "gGET " "hBINGET " "iINST " "jLONG_BINGET " "lLIST "
      "]EMPTY_LIST " "oOBJ " "pPUT " "qBINPUT " "rLONG_BINPUT " "sSETITEM " "tTUPLE "
      ")EMPTY_TUPLE " "uSETITEMS " "GBINFLOAT " "\x80PROTO " "\x81NEWOBJ " "\x82" "EXT1 "
      "\x83" "EXT2 " "\x84" "EXT4 " "\x85TUPLE1 " "\x86TUPLE2 " "\x87TUPLE3 " "\x88NEWTRUE "
      "\x89NEWFALSE " "\x8aLONG1 " "\x8bLONG4 " "BBINBYTES " "CSHORT_BINBYTES "
      "\x8cSHORT_BINUNICODE " "\x8d" "BINUNICODE8 " "\x8e" "BINBYTES8 " "\x8f" "EMPTY_SET "
      "\x90" "ADDITEMS " "\x91" "FROZENSET " "\x92NEWOBJ_EX " "\x93STACK_GLOBAL " "\x94MEMOIZE "
      "\x95" "FRAME " "\x96" "BYTEARRAY8 " "\x97NEXT_BUFFER " "\x98READONLY_BUFFER ";
  // clang-format on
  for (std::size_t at = 0; at < kNames.size();) {
    const std::string_view entry = kNames.substr(at, kNames.find(' ', at) - at);
    if (static_cast<unsigned char>(entry[0]) == opcode) return entry.substr(1);
    at += entry.size() + 1;
  }
  return {};
}

}  // namespace copse::importer::pickle
