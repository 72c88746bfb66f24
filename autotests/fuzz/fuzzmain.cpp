// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Calls a fuzz target as libFuzzer would, without it: with inputs that are the same each time, or with those of files.
// Called as: NAME [FILE...]

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

constexpr int Inputs = 50000;

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

} // namespace

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        test(std::string(std::istreambuf_iterator(file), {}));
    }
    if (argc == 1) {
        std::mt19937 random(1);
        for (int i = 0; i < Inputs; ++i)
            test(randomInput(random));
        std::printf("%d inputs\n", Inputs);
    }
    return 0;
}
