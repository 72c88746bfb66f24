# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# Installs the CMake package: find_package(Asyncoro REQUIRED COMPONENTS Core Network ...)

include(CMakePackageConfigHelpers)

get_property(ASYNCORO_COMPONENTS GLOBAL PROPERTY ASYNCORO_COMPONENTS)
configure_package_config_file(AsyncoroConfig.cmake.in ${PROJECT_BINARY_DIR}/AsyncoroConfig.cmake
    INSTALL_DESTINATION ${ASYNCORO_CMAKE_INSTALL_DIR}
)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/AsyncoroConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/AsyncoroConfig.cmake ${PROJECT_BINARY_DIR}/AsyncoroConfigVersion.cmake
    DESTINATION ${ASYNCORO_CMAKE_INSTALL_DIR}
)
