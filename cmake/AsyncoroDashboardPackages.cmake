# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# Finds what the QML module and the dashboard need, and sets ASYNCORO_WITH_DASHBOARD by BUILD_DASHBOARD (ON, OFF, AUTO).

set(ASYNCORO_WITH_DASHBOARD OFF)
if(BUILD_DASHBOARD)
    if(BUILD_DASHBOARD STREQUAL "AUTO")
        set(type OPTIONAL)
    else()
        set(type REQUIRED)
    endif()

    find_package(Qt6 ${QT_MIN_VERSION} QUIET OPTIONAL_COMPONENTS Qml Quick QuickControls2 QuickTest Widgets)
    find_package(KF6Kirigami ${KF_MIN_VERSION} QUIET)
    find_package(KF6QuickCharts ${KF_MIN_VERSION} QUIET)
    set_package_properties(KF6Kirigami PROPERTIES TYPE ${type} PURPOSE "Dashboard")
    set_package_properties(KF6QuickCharts PROPERTIES TYPE ${type} PURPOSE "Graphs of the dashboard")

    if(TARGET Qt6::Quick AND TARGET Qt6::QuickControls2 AND TARGET Qt6::Widgets AND KF6Kirigami_FOUND AND KF6QuickCharts_FOUND)
        set(ASYNCORO_WITH_DASHBOARD ON)
    endif()
endif()
