// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any bytes read as the hellos and the header of a frame that a connection begins with.

#include "../../src/distributed/wire/frame_p.h"
#include "../../src/distributed/wire/handshake_p.h"

#include <cstdlib>

using namespace Asyncoro::Detail;

namespace {

void check(bool good)
{
    if (!good)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    return 0;
}

// The input: the hello of one side, that of the other one, a proof; or the header of a frame.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray input(reinterpret_cast<const char *>(data), qsizetype(size));
    const QByteArray first = input.left(Hello::Size);
    const QByteArray second = input.mid(Hello::Size, Hello::Size);
    const std::optional<Hello> one = Hello::fromBytes(first);
    const std::optional<Hello> other = Hello::fromBytes(second);
    check(!one || one->toBytes() == first);
    check(!one || !other || one->understands(*other) == other->understands(*one));

    const QByteArray proof = makeProof("s3cret", Side::Connecting, first, second);
    check(equalInConstantTime(proof, input.mid(2 * Hello::Size)) == (proof == input.mid(2 * Hello::Size)));
    check(!equalInConstantTime(proof, makeProof("s3cret", Side::Accepting, first, second)));
    if (second.size() == Hello::Size && first != second)
        check(!equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, second, first)));

    if (input.size() >= FrameHeader::Size) {
        if (const std::optional<FrameHeader> header = FrameHeader::read(input.constData())) {
            check(header->length <= FrameHeader::MaxLength);
            QByteArray written(FrameHeader::Size, '\0');
            header->write(written.data());
            check(input.startsWith(written));
        }
    }
    return 0;
}
