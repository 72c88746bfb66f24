# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

# Building, testing and measuring by the presets of CMakePresets.json. Part of ./dev.

# Configures where needed and builds all, or one target; afterwards the programs of this preset are those on the PATH.
build_preset() { # PRESET [TARGET]
    preset=$1
    mkdir -p "build/$preset"
    say "building preset $preset in build/$preset"
    # A clean clone finds nothing there; without, no source is preprocessed only to look.
    [[ ${CI:-} != true ]] || export CCACHE_DISABLE=1
    with_lock "build/$preset.lock" configure_and_build "${@:2}"
}

configure_and_build() { # [TARGET]
    if [[ ! -e build/$preset/build.ninja || CMakePresets.json -nt build/$preset/build.ninja ]]; then
        local options=()
        if [[ ${CI:-} == true ]]; then
            options+=(-DASYNCORO_PRECOMPILE=ON)
            # Where nobody will debug it, full debug information is a fifth of the time for nothing.
            [[ $preset != dev ]] || options+=("-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1")
        fi
        in_environment cmake --preset "$preset" --log-level=WARNING "${options[@]}" >&2
    fi
    in_environment cmake --build --preset "$preset" ${1:+--target "$1"} >&2
}

run_tests() { # [NAME] [--sanitizers]
    local filter=() presets=(dev) argument
    [[ ${CI:-} != true ]] || presets=(dev tsan asan-ubsan)
    for argument in "$@"; do
        case $argument in
            --sanitizers) presets=(dev tsan asan-ubsan) ;;
            -*) fail "test does not know the option $argument" ;;
            *) filter=(-R "$argument") ;;
        esac
    done

    prepare_environment
    for preset in "${presets[@]}"; do
        build_preset "$preset"
        # Under the thread sanitizer only some tests are run, perhaps none of those that were asked for.
        [[ $preset != tsan ]] || filter+=(--no-tests=ignore)
        say "testing preset $preset"
        in_environment ctest --preset "$preset" "${filter[@]}"
    done
}

run_benchmarks() { # [NAME...] [--json]
    local argument
    for argument in "$@"; do
        [[ $argument == --json || $argument != -* ]] || fail "bench does not know the option $argument"
    done

    prepare_environment benchmarks
    build_preset release benchmarks
    say "measuring"
    in_environment python3 -B autotests/benchmarks/run.py --build-dir "$checkout/build/release" "$@"
}
