#pragma once

#include <array>
#include <initializer_list>
#include <unordered_map>

#include "pickle/store.h"
#include "text.h"

/// Python's unpickling machine (Lib/pickletools.py is its manual), which builds inert values.
///
/// The first thing that is wrong is kept in flaw_ and ends the run; what an opcode does after that
/// is harmless and forgotten, so opcodes need not ask at every step.
namespace copse::importer::pickle {

class Machine {
 public:
  Machine(std::string_view file, Store& store) : file_(file), store_(store) {}

  /// Runs to STOP and gives the root.
  Result<Id> Run();

 private:
  // machine.cc: the stack and the containers
  void Step(unsigned char opcode);
  void StepMemo(unsigned char opcode);
  void StepContainer(unsigned char opcode);
  void Push(Id id) { stack_.push_back(id); }
  Id Pop();
  Id Top();
  void Mark() { marks_.push_back(static_cast<std::uint32_t>(stack_.size())); }
  /// What was pushed since the last mark, which is taken away; valid until the next Push.
  std::span<const Id> PopMark();
  void PushTuple(std::size_t n);
  void PushFromMark(Tag tag);
  void AppendTo(Id target, Tag tag, std::span<const Id> items);
  void Put(std::uint64_t index);
  void Get(std::uint64_t index);
  void Stop();

  // literals.cc: the bytes of the file
  bool StepLiteral(unsigned char opcode);
  std::string_view Take(std::uint64_t n);
  std::string_view Line();
  std::uint64_t Unsigned(unsigned bytes);
  std::int64_t Signed32();
  std::uint64_t LineNumber();
  void PushCounted(Tag tag, std::uint64_t n) { Push(store_.AddText(tag, Take(n))); }
  void PushLong(std::uint64_t n);
  void PushDecimal(std::string_view digits);
  void PushFloat(std::string_view text);
  void PushString(std::string_view repr);
  void PushUnicode(std::string_view escaped);
  void PushCopy(Tag tag, std::string_view text);

  // calls.cc: globals, objects and their state
  bool StepCall(unsigned char opcode);
  void PushGlobal(std::string_view module, std::string_view name);
  Id Call(Id callee, Id arguments);
  Id CallNumpy(std::string_view name, Id callee, Id arguments);
  Id CallBuiltin(std::string_view name, std::span<const Id> arguments);
  Id CallCopier(std::string_view name, std::span<const Id> arguments);
  Id MakeOrderedDict(std::span<const Id> arguments);
  Id EncodeLatin1(Id text);
  Id CopyTuple(Id tuple, Id last);
  Id NewObject(Id callee, Id arguments);
  void Build();
  void BuildArray(Id array, Id state);

  // joblib.cc: arrays between the opcodes
  void ReadJoblibArray(Id wrapper);
  void ReadRawArray(Id wrapper, const Layout& layout);
  void RefuseSideFile();

  void Fail(std::initializer_list<text::Piece> pieces);
  void Refuse(std::initializer_list<text::Piece> pieces);
  void SetFlaw(ErrorCode code, std::initializer_list<text::Piece> pieces);
  std::size_t left() const { return file_.size() - at_; }

  std::string_view file_;
  Store& store_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::uint64_t n_opcodes_ = 0;
  std::vector<Id> stack_;
  std::vector<std::uint32_t> marks_;  // heights of stack_
  std::vector<Id> memo_;              // dense: an index below the file's size
  std::unordered_map<std::uint64_t, Id> far_memo_;
  std::size_t n_memo_ = 0;
  Id root_ = kAbsent;
  text::Flaw flaw_;

  // The pickle around the one of an object array (joblib): its machine, and the array to be made.
  struct Outer {
    std::vector<Id> stack;
    std::vector<std::uint32_t> marks;
    std::vector<Id> memo;
    std::unordered_map<std::uint64_t, Id> far_memo;
    std::size_t n_memo;
    Id array;
  };
  std::unique_ptr<Outer> outer_;
};

/// Whether `name` is numpy.ndarray, or a class of the same state with the same meaning.
bool IsArrayClass(std::string_view name);

/// "BINUNICODE"; a byte that is no opcode gives nothing.
std::string_view OpcodeName(unsigned char opcode);

}  // namespace copse::importer::pickle
