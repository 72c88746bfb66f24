// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Calls a fuzz target as libFuzzer would, without it: with the files of its folder in data, and inputs that are made of
// them and the same each time; or with those of files.
// Called as: NAME [FILE...]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

void test(const std::string &input)
{
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(input.data()), input.size());
}

/** Few different bytes, so that those with a meaning are often among them. */
std::string randomInput(std::mt19937 &random)
{
    static constexpr std::string_view Bytes("\0\0\0\0\1\2\3\5\x10\x40\xff\n\n;;\r", 16);
    std::string input(random() % (random() % 8 == 0 ? 3000 : 120), '\0');
    const bool any = random() % 4 == 0;
    for (char &byte : input)
        byte = any ? char(random()) : Bytes[random() % Bytes.size()];
    return input;
}

/** An input with some bytes that are others, too many or too few. */
std::string altered(std::string input, std::mt19937 &random)
{
    for (auto i = 1 + random() % 4; i > 0; --i) {
        const std::size_t position = random() % (input.size() + 1);
        switch (random() % 4) {
        case 0:
            input.insert(position, 1, char(random()));
            break;
        case 1:
            input.erase(position, 1 + random() % 4);
            break;
        case 2:
            input.insert(position, input.substr(random() % (input.size() + 1), 1 + random() % 16));
            break;
        default:
            if (position < input.size())
                input[position] = char(input[position] ^ (1U << random() % 8));
        }
    }
    return input;
}

std::string contentOf(const std::filesystem::path &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator(file), {}};
}

/** What was found wrong once, and what shows the way. */
std::vector<std::string> samples()
{
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::exists(FUZZ_DATA)) {
        for (const auto &entry : std::filesystem::directory_iterator(FUZZ_DATA))
            paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end()); // so that all is the same each time
    std::vector<std::string> contents;
    std::transform(paths.begin(), paths.end(), std::back_inserter(contents), contentOf);
    return contents;
}

} // namespace

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; ++i)
        test(contentOf(argv[i]));
    if (argc == 1) {
        const std::vector<std::string> known = samples();
        std::for_each(known.begin(), known.end(), test);
        std::mt19937 random(1);
        for (int i = 0; i < FUZZ_INPUTS; ++i) {
            const bool fromKnown = !known.empty() && i % 4 != 0;
            test(fromKnown ? altered(known[random() % known.size()], random) : randomInput(random));
        }
        std::printf("%zu samples, %d inputs\n", known.size(), FUZZ_INPUTS);
    }
    return 0;
}
