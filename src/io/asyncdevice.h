// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "asyncstream.h"

#include <functional>

class QIODevice;

namespace Asyncoro {

namespace Detail {

class DeviceData;

} // namespace Detail

/**
 * Any QIODevice for coroutines: a QBuffer, a QSerialPort, a QNetworkReply, a device of your own.
 *
 * The device is open already, and of this thread. Nobody else may read or write it meanwhile. Of one that does not tell
 * of bytes to come, such as a QFile, one reads what there is at once: its reading and writing may block the event loop,
 * take AsyncFile for a file. The end of such a device is where it ends now; one that grows can be read on.
 *
 * A QNetworkReply that fails, be it that the server answers with an error, ends with StreamError once what came before
 * has been received.
 */
class ASYNCORO_IO_EXPORT AsyncDevice : public AsyncStream
{
public:
    /**
     * Borrows `device`, which lives on, and can then read what was read ahead. If it is destroyed or closed first,
     * those who wait are woken with StreamError.
     */
    explicit AsyncDevice(QIODevice &device);
    /** Takes over `device`, which is closed and destroyed with this object; it loses its parent. */
    explicit AsyncDevice(std::unique_ptr<QIODevice> device);
    ~AsyncDevice();
    AsyncDevice(AsyncDevice &&other) noexcept;
    AsyncDevice &operator=(AsyncDevice &&other) noexcept;

    /** What is wrapped; nullptr once closed or destroyed. */
    [[nodiscard]] QIODevice *device() const;

    /**
     * Gives the device back: those who wait are woken with StreamError, and what was read ahead can be read from the
     * device again. Empty if the device was borrowed: then it is just left alone, as by the destructor.
     */
    std::unique_ptr<QIODevice> release();

protected:
    /** Takes over `device`; at the end of its stream asks `problem` why that is not in order. Empty if it is. */
    AsyncDevice(std::unique_ptr<QIODevice> device, std::function<QString()> problem);

private:
    [[nodiscard]] Detail::DeviceData *deviceData() const;
};

} // namespace Asyncoro
