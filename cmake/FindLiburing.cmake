# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# The library of io_uring, 2.3 or newer, which comes without a CMake package: sets Liburing_FOUND, Liburing_INCLUDE_DIR
# and Liburing_LIBRARY.

find_path(Liburing_INCLUDE_DIR liburing.h)
find_library(Liburing_LIBRARY uring)
mark_as_advanced(Liburing_INCLUDE_DIR Liburing_LIBRARY)

set(Liburing_IS_RECENT OFF) # older ones do not tell their version
if(Liburing_INCLUDE_DIR)
    file(STRINGS ${Liburing_INCLUDE_DIR}/liburing.h Liburing_IS_RECENT REGEX "io_uring_submit_and_get_events")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Liburing REQUIRED_VARS Liburing_LIBRARY Liburing_INCLUDE_DIR Liburing_IS_RECENT)
