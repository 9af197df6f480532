// Globals, and what calling or building them would have made. Only what makes plain data is known
// here; every other call is an object with a class name and arguments.
#include <algorithm>

#include "pickle/machine.h"

namespace copse::importer::pickle {
namespace {

constexpr std::size_t kNameBytesMax = 512;

/// `name` behind the first of `prefixes` that it has; else empty.
std::string_view Behind(std::initializer_list<std::string_view> prefixes, std::string_view name) {
  for (const std::string_view prefix : prefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return {};
}

std::string_view InBuiltins(std::string_view name) {
  return Behind({"builtins.", "__builtin__."}, name);
}

/// Where NumPy 2 has _core, NumPy 1 has core.
std::string_view InNumpy(std::string_view name) {
  return Behind({"numpy._core.", "numpy.core.", "numpy."}, name);
}

bool IsLatin1(std::string_view encoding) {
  return encoding == "latin1" || encoding == "latin-1" || encoding == "iso-8859-1";
}

// Whether Python could have this name: what stands between letters is no matter, but nobody's
// terminal may be told anything by it.
bool IsName(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c <= ' ' || c == 0x7f; }) &&
         text::FindInvalidUtf8(text) == std::string_view::npos;
}

}  // namespace

bool IsArrayClass(std::string_view name) {
  const std::string_view stem = name.substr(name.rfind('.') + 1);
  return name.starts_with("numpy.") &&
         (stem == "ndarray" || stem == "matrix" || stem == "memmap" || stem == "recarray");
}

bool Machine::StepCall(unsigned char opcode) {
  switch (opcode) {
    case 'c': {
      const std::string_view module = Line();
      PushGlobal(module, Line());
      return true;
    }
    case 0x93: {
      const Id name = Pop(), module = Pop();
      if (!store_.IsText(name) || !store_.IsText(module)) Fail({"has a name that is no text"});
      PushGlobal(store_.Text(module), store_.Text(name));
      return true;
    }
    case 'R': {
      const Id arguments = Pop(), callee = Pop();
      Push(Call(callee, arguments));
      return true;
    }
    case 0x81: {
      const Id arguments = Pop(), callee = Pop();
      Push(NewObject(callee, arguments));
      return true;
    }
    case 0x92: {  // NEWOBJ_EX: named arguments stand behind the others
      const Id named = Pop(), arguments = Pop(), callee = Pop();
      const bool has_named = !store_.Items(named).empty();
      Push(NewObject(callee, has_named ? CopyTuple(arguments, named) : arguments));
      return true;
    }
    case 'i': {
      const std::string_view module = Line();
      PushGlobal(module, Line());
      const Id callee = Pop();
      PushFromMark(Tag::kTuple);
      Push(NewObject(callee, Pop()));
      return true;
    }
    case 'o': {
      const std::span<const Id> items = PopMark();
      if (items.empty()) Fail({"has no class"});
      if (!flaw_) Push(NewObject(items[0], store_.AddTuple(items.subspan(1))));
      return true;
    }
    case 'b':
      Build();
      return true;
    default:
      return false;
  }
}

Id Machine::CopyTuple(Id tuple, Id last) {
  const std::span<const Id> items = store_.Items(tuple);
  store_.Charge(items.size());
  std::vector<Id> all(items.begin(), items.end());
  all.push_back(last);
  return store_.AddTuple(all);
}

void Machine::PushGlobal(std::string_view module, std::string_view name) {
  if (module.size() > kNameBytesMax || name.size() > kNameBytesMax) {
    return Fail({"has a name of more than ", kNameBytesMax, " bytes"});
  }
  for (const std::string_view part : {module, name}) {
    if (!IsName(part))
      return Fail({"has the name ", text::Quote(part), "; expected one of Python"});
  }
  const std::size_t size = module.size() + 1 + name.size();
  char* block = store_.AddBlock(size);
  char* at = std::copy(module.begin(), module.end(), block);
  *at++ = '.';
  std::copy(name.begin(), name.end(), at);
  Push(store_.AddText(Tag::kGlobal, {block, size}));
}

Id Machine::NewObject(Id callee, Id arguments) {
  if (!store_.Is(callee, Tag::kGlobal) && !store_.Is(callee, Tag::kObject)) {
    Fail({"calls a value that is no name"});
  } else if (!store_.IsTuple(arguments)) {
    Fail({"has arguments that are no tuple"});
  }
  return flaw_ ? kNoneId
               : store_.AddObject(Tag::kObject, {.callee = callee, .arguments = arguments});
}

Id Machine::Call(Id callee, Id arguments) {
  const std::string_view name = store_.Is(callee, Tag::kGlobal) ? store_.Text(callee) : "";
  const std::span<const Id> items = store_.Items(arguments);
  Id made = kAbsent;
  if (!store_.IsTuple(arguments)) {
    // NewObject refuses it.
  } else if (name.starts_with("numpy.")) {
    made = CallNumpy(InNumpy(name), callee, arguments);
  } else if (name == "_codecs.encode") {
    if (items.size() == 2 && IsLatin1(store_.Text(items[1]))) made = EncodeLatin1(items[0]);
  } else if (const std::string_view builtin = InBuiltins(name); !builtin.empty()) {
    made = CallBuiltin(builtin, items);
  } else if (name == "collections.OrderedDict") {
    made = MakeOrderedDict(items);
  } else if (name == "collections.defaultdict") {
    made = store_.AddList(Tag::kDict);
  } else if (const std::string_view copier = Behind({"copyreg.", "copy_reg."}, name);
             !copier.empty()) {
    made = CallCopier(copier, items);
  }
  return made != kAbsent ? made : NewObject(callee, arguments);
}

Id Machine::EncodeLatin1(Id text) {
  const Id bytes = store_.EncodeLatin1(text);
  if (bytes != kAbsent) return bytes;
  Fail({"has bytes written as a text that is not latin1"});
  return kNoneId;
}

Id Machine::CallBuiltin(std::string_view name, std::span<const Id> arguments) {
  if (name == "bytes" || name == "bytearray") {
    if (arguments.empty()) return store_.AddText(Tag::kBytes, {});
    if (arguments.size() == 1 && store_.IsBytes(arguments[0])) return arguments[0];
    const bool is_latin1 = arguments.size() == 2 && IsLatin1(store_.Text(arguments[1]));
    return is_latin1 ? EncodeLatin1(arguments[0]) : kAbsent;
  }
  if (name == "set" || name == "frozenset") {
    if (arguments.empty()) return store_.AddList(Tag::kSet);
    const bool is_plain = arguments.size() == 1 &&
                          (store_.Is(arguments[0], Tag::kList) || store_.IsTuple(arguments[0]));
    return is_plain ? store_.AddAlias(Tag::kSet, store_.Items(arguments[0])) : kAbsent;
  }
  return kAbsent;
}

Id Machine::MakeOrderedDict(std::span<const Id> arguments) {
  std::vector<Id> items;
  if (!arguments.empty()) {  // Python 2: a list of lists [key, value]
    const std::span<const Id> pairs = store_.Items(arguments[0]);
    store_.Charge(2 * pairs.size());
    for (const Id pair : pairs) {
      const std::span<const Id> both = store_.Items(pair);
      if (both.size() != 2) return kAbsent;
      items.insert(items.end(), both.begin(), both.end());
    }
  }
  const Id dict = store_.AddList(Tag::kDict);
  store_.Append(dict, items);
  return dict;
}

Id Machine::CallCopier(std::string_view name, std::span<const Id> arguments) {
  if (arguments.empty()) return kAbsent;
  if (name == "__newobj__") {
    return NewObject(arguments[0], store_.AddAlias(Tag::kTuple, arguments.subspan(1)));
  }
  if (name == "__newobj_ex__" && arguments.size() == 3) {
    return NewObject(arguments[0], arguments[1]);
  }
  if (name != "_reconstructor" || arguments.size() != 3) return kAbsent;
  // (class, the built-in class below it, that one's value)
  const Id value = arguments[2];
  if (value == kNoneId) return NewObject(arguments[0], kEmptyTupleId);
  const Id made = NewObject(arguments[0], store_.AddAlias(Tag::kTuple, arguments.subspan(2)));
  const bool has_items = store_.Is(value, Tag::kDict) || store_.Is(value, Tag::kList);
  if (!flaw_ && has_items) store_.object(made).items = value;
  return made;
}

Id Machine::CallNumpy(std::string_view name, Id callee, Id arguments) {
  const std::span<const Id> items = store_.Items(arguments);
  if (name == "dtype" && !items.empty()) {
    return store_.AddObject(Tag::kDtype, {.callee = callee, .arguments = arguments});
  }
  if (name == "multiarray._reconstruct" && !items.empty()) {
    const Id subclass = items[0];
    if (IsArrayClass(store_.Text(subclass))) return store_.AddArray({});
    return NewObject(subclass, arguments);
  }
  if (name == "multiarray.scalar" && items.size() == 2 && store_.Is(items[0], Tag::kDtype)) {
    const std::span<const Id> code = store_.Items(store_.object(items[0]).arguments);
    if (store_.Text(code[0]).starts_with('O')) return items[1];
    const Id dtype = items[0];
    return store_.AddArray({kEmptyTupleId, dtype, EncodeLatin1(items[1]), kFalseId});
  }
  if (name == "numeric._frombuffer" && (items.size() == 4 || items.size() == 5)) {
    ArrayPart part{items[2], items[1], items[0], kFalseId};
    if (!store_.IsBytes(part.data)) Fail({"has an array without bytes"});
    const std::string_view order = store_.Text(items[3]);
    if (order == "F") part.order = kTrueId;
    // NumPy 2.3: shape and axes of the array in memory.
    if (order == "K" && items.size() == 5 && items[4] != kNoneId) part.order = items[4];
    return store_.AddArray(part);
  }
  return kAbsent;
}

void Machine::Build() {
  const Id state = Pop(), target = Top();
  if (flaw_ || store_.Is(target, Tag::kDict)) return;  // attributes of an OrderedDict
  if (store_.Is(target, Tag::kArray)) return BuildArray(target, state);
  if (!store_.Is(target, Tag::kObject) && !store_.Is(target, Tag::kDtype)) {
    return Fail({"gives a state to a value that has none"});
  }
  ObjectPart& object = store_.object(target);
  if (object.state != kAbsent) return Fail({"gives a state to an object that has one"});
  object.state = state;
  const std::string_view name =
      store_.Is(object.callee, Tag::kGlobal) ? store_.Text(object.callee) : "";
  if (name.find("joblib.numpy_pickle") == std::string_view::npos) return;
  if (name.ends_with("NDArrayWrapper")) return RefuseSideFile();
  if (name.ends_with(".NumpyArrayWrapper") && !outer_) ReadJoblibArray(target);
}

void Machine::BuildArray(Id array, Id state) {
  std::span<const Id> items = store_.Items(state);  // ([1,] shape, dtype, is Fortran's, data)
  if (items.size() == 5) items = items.subspan(1);
  if (!store_.IsTuple(state) || items.size() != 4) {
    return Fail({"gives an array a state that is not of NumPy"});
  }
  ArrayPart part{items[0], items[1], items[3], kFalseId};
  if (store_.array(array).dtype != kAbsent) return Fail({"gives a state to an array that has one"});
  const bool is_fortran = items[2] == kTrueId || items[2] == kSmallInteger + 1;
  if (is_fortran) part.order = kTrueId;
  if (store_.IsText(part.data)) part.data = EncodeLatin1(part.data);
  store_.array(array) = part;
}

}  // namespace copse::importer::pickle
