// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "suspension.h"

#include <atomic>
#include <memory>
#include <typeinfo>

namespace Asyncoro {

template<typename T>
class Task;

namespace Detail {

/** A function with its arguments, which can be called once. */
struct ASYNCORO_CORE_EXPORT BodyBase {
    virtual ~BodyBase();
};

template<typename T>
struct Body : BodyBase {
    virtual Task<T> call() = 0;
};

/** A wish to go on with another function, and what became of it. Shared by who wishes and the coroutine; any thread. */
struct ASYNCORO_CORE_EXPORT HotSwapState {
    enum Outcome : quint8 { Open, Accepted, Refused, Ended };

    /** The first outcome counts. */
    void settle(Outcome how);

    std::unique_ptr<BodyBase> body;
    const std::type_info *valueType = nullptr;
    Waker requester;
    std::atomic<Outcome> outcome = Open;
};

/** The coroutine's side of it: dropping the last one is a refusal. */
struct ASYNCORO_CORE_EXPORT HotSwapOffer {
    explicit HotSwapOffer(std::shared_ptr<HotSwapState> wish)
        : state(std::move(wish))
    {
    }
    ~HotSwapOffer() { state->settle(HotSwapState::Refused); }
    HotSwapOffer(const HotSwapOffer &) = delete;
    HotSwapOffer &operator=(const HotSwapOffer &) = delete;

    const std::shared_ptr<HotSwapState> state;
};

/** Waits for the outcome. */
class ASYNCORO_CORE_EXPORT HotSwapSuspension final : public Suspension
{
public:
    HotSwapSuspension(CoroPointer target, std::shared_ptr<HotSwapState> state, const QDeadlineTimer &deadline);
    ~HotSwapSuspension() override;
    bool await_resume() const;

protected:
    bool start() override;
    void abandon() noexcept override { }
    QString operation() const override;
    bool isInternal() const override { return true; }

private:
    const CoroPointer m_target;
    const std::shared_ptr<HotSwapState> m_state;
};

} // namespace Detail

/**
 * Thrown out of `co_await` in a coroutine that is hot-swappable, when somebody wants it to go on with another function:
 * see Coro::hotSwap().
 *
 * Let it pass, after cleaning up, to accept: the new function begins when the old one has ended by it. To refuse, catch
 * it and drop it. Like Cancelled it is no std::exception, so that no `catch (const std::exception &)` refuses by
 * mistake.
 */
class ASYNCORO_CORE_EXPORT HotSwapRequest
{
public:
    explicit HotSwapRequest(std::shared_ptr<Detail::HotSwapOffer> offer);
    HotSwapRequest(const HotSwapRequest &);
    HotSwapRequest &operator=(const HotSwapRequest &);
    ~HotSwapRequest();

    [[nodiscard]] const std::shared_ptr<Detail::HotSwapOffer> &offer() const { return m_offer; }

private:
    std::shared_ptr<Detail::HotSwapOffer> m_offer;
};

} // namespace Asyncoro
