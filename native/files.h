#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "byte_source.h"
#include "copse/result.h"

/// Files and pipes of the command line. `-` is standard input or output.
namespace copse {

/// A file or pipe that is read from its start to its end.
class InFile {
 public:
  /// Errors: kNotFound, naming path and reason.
  static Result<std::unique_ptr<InFile>> Open(const std::string& path);
  ~InFile();
  InFile(const InFile&) = delete;
  InFile& operator=(const InFile&) = delete;

  /// Its bytes; the InFile must outlive the source. Take one only.
  ByteSource Source();
  /// The first bytes, at most 6, which the source gives again.
  Result<std::string> Peek();
  /// Makes a read that waits for a pipe or a terminal, and every later one, find the end. From
  /// any thread.
  void Interrupt();
  /// Size of a regular file; nothing for a pipe.
  std::optional<std::uint64_t> size() const { return size_; }

 private:
  InFile(int file, std::string path);
  Result<std::size_t> Read(std::span<char> buffer);
  bool WaitForBytes() const;

  int file_;
  int interrupt_;  // an event
  std::string path_;
  std::optional<std::uint64_t> size_;
  std::string peeked_;
};

/// A file that appears under its name only when it is complete: until Commit it is called
/// PATH.partial, and is removed if Commit does not come. Pipes and devices are written directly.
class OutFile {
 public:
  /// Errors: kInvalidInput, naming path and reason.
  static Result<std::unique_ptr<OutFile>> Open(const std::string& path);
  ~OutFile();
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  /// Appends. After the reader of a pipe has gone, closed() is true and writes do nothing.
  Status Write(std::string_view bytes);
  /// Writes over the first bytes; needs can_rewind().
  Status Rewrite(std::string_view head);
  Status Commit();
  bool closed() const { return closed_; }
  bool can_rewind() const { return can_rewind_; }

 private:
  OutFile(int file, std::string path) : file_(file), path_(std::move(path)) {}
  Error Failure() const;

  int file_;
  std::string path_;
  std::string partial_;  // the name until Commit, or empty
  bool can_rewind_ = false;
  bool closed_ = false;
};

}  // namespace copse
