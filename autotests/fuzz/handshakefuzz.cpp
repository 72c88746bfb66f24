// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Any bytes read as the hellos and the header of a frame that a connection begins with.

#include "../../src/distributed/wire/frame_p.h"
#include "../../src/distributed/wire/handshake_p.h"

#include <cstdlib>
#include <utility>

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

// The input: the hello of one side, that of the other one, a request, an answer, a proof; or the header of a frame.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray input(reinterpret_cast<const char *>(data), qsizetype(size));
    qsizetype position = 0;
    const auto take = [&](qsizetype count) { return input.mid(std::exchange(position, position + count), count); };
    const QByteArray first = take(Hello::Size);
    const QByteArray second = take(Hello::Size);
    const std::optional<Hello> one = Hello::fromBytes(first);
    const std::optional<Hello> other = Hello::fromBytes(second);
    check(!one || one->toBytes() == first);
    check(!one || !other || one->understands(*other) == other->understands(*one));

    const QByteArray request = take(SessionRequest::Size);
    check(request.size() < SessionRequest::Size || SessionRequest::fromBytes(request).toBytes() == request);
    const QByteArray answer = take(SessionAnswer::Size);
    check(answer.size() < SessionAnswer::Size || SessionAnswer::fromBytes(answer).toBytes() == answer);

    const QByteArray proof = makeProof("s3cret", Side::Connecting, first + second + request);
    const QByteArray theirs = take(ProofSize);
    check(equalInConstantTime(proof, theirs) == (proof == theirs));
    check(!equalInConstantTime(proof, makeProof("s3cret", Side::Accepting, first + second + request)));
    if (second.size() == Hello::Size && first != second)
        check(!equalInConstantTime(proof, makeProof("s3cret", Side::Connecting, second + first + request)));

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
