#pragma once

#include <string>
#include <utility>

#include "check.h"
#include "imported.h"

namespace copse::test {

/// What an importer made of some bytes, finished as Copse's own and checked as one.
inline void CheckImport(Result<importer::Imported> imported) {
  if (!imported.ok()) return CheckRefusal(imported.error());
  CheckModel(importer::Finish(*std::move(imported), std::string(64, '0')));
}

}  // namespace copse::test
