# The arrows between rooms, as greps: `cmake -DROOT=... -P layering_test.cmake`.
# A line that this finds is a mistake, wherever it stands.

cmake_policy(VERSION 3.25)
set(mistakes "")

# forbid(<what> <regex> <why> PATHS globs... EXCEPT files...)
function(forbid regex why)
  cmake_parse_arguments(ARG "" "" "PATHS;EXCEPT" ${ARGN})
  list(TRANSFORM ARG_PATHS PREPEND ${ROOT}/)
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ARG_PATHS})
  foreach(file IN LISTS files)
    if(NOT file IN_LIST ARG_EXCEPT AND NOT file MATCHES "node_modules|/dist/")
      file(STRINGS ${ROOT}/${file} hits REGEX "${regex}")
      foreach(hit IN LISTS hits)
        string(APPEND mistakes "${file}: ${hit}\n  ${why}\n")
      endforeach()
    endif()
  endforeach()
  set(mistakes "${mistakes}" PARENT_SCOPE)
endfunction()

set(core core/*.h core/*.cc)
set(native native/*.h native/*.cc)
file(GLOB kernels RELATIVE ${ROOT} ${ROOT}/core/src/kernels/*)

forbid("#include <(iostream|sstream|fstream|thread|mutex|atomic|chrono|filesystem|locale|cstdio)>"
  "core has no files, clocks, threads or printing" PATHS ${core})
forbid("__EMSCRIPTEN__|__wasm|__x86_64__|_WIN32" "only kernels ask for the target" PATHS ${core}
  EXCEPT ${kernels})
forbid("#include \"(native|wasm|\\.\\./)" "core includes nothing above it" PATHS ${core})
forbid("std::(exp|log|exp2|log1p|pow|expf|logf)\\(" "links use copse/math.h, never libm" PATHS ${core})
forbid("Eigen" "Eigen stays behind its own door" PATHS core/include/*.h core/src/*.cc
  EXCEPT core/include/copse/eigen.h)
forbid("nlohmann" "public headers know only the standard library" PATHS core/include/*.h)
forbid("[ (]throw[ ;]|catch *\\(" "core and wasm neither throw nor catch"
  PATHS ${core} wasm/*.cc)
forbid("<httplib" "only transport.cc knows httplib" PATHS ${core} ${native} wasm/*.cc
  EXCEPT native/transport.cc)
forbid("<boost/" "only http_head.cc knows Boost.Beast" PATHS ${core} ${native} wasm/*.cc
  EXCEPT native/http_head.cc)
forbid("<hiredis" "only redis_shipper.cc knows Redis" PATHS ${core} ${native} wasm/*.cc
  EXCEPT native/redis_shipper.cc)
forbid("<hwy/" "only the kernels know Highway" PATHS ${core} ${native} wasm/*.cc
  EXCEPT ${kernels})
forbid("#include <sqlite3" "only outbox_database.cc knows SQLite" PATHS ${core} ${native} wasm/*.cc
  EXCEPT native/outbox_database.cc)
forbid("<(zlib|bzlib|lzma|lz4)" "only decompress.cc and compress.cc know compressed streams"
  PATHS ${core} ${native} wasm/*.cc EXCEPT native/decompress.cc native/compress.cc)
forbid("<fast_float" "only number_text.cc knows fast_float" PATHS ${core} ${native} wasm/*.cc
  EXCEPT native/number_text.cc)
forbid("emscripten" "only wasm knows Emscripten" PATHS ${core} ${native})
forbid("(document|window)\\." "the binding does not know the DOM" PATHS wasm/js/*.ts)
forbid("copse_(load|predict|describe)" "the page speaks to the binding, not to the C door"
  PATHS web/src/*.ts web/src/*.tsx)

if(mistakes)
  message(FATAL_ERROR "Arrows that must not be:\n${mistakes}")
endif()
message(STATUS "layering: every arrow points where it may")
