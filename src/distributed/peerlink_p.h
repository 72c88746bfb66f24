// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#pragma once

#include "gate_p.h"
#include "outgoingstream_p.h"
#include "peererror.h"
#include "peerinfo.h"
#include "postedmessage_p.h"
#include "wire/codec_p.h"
#include "wire/frame_p.h"
#include "wire/handshake_p.h"

#include <Asyncoro/AsyncSocket>
#include <Asyncoro/Coro>
#include <Asyncoro/Event>

#include <QCborStreamWriter>
#include <QHash>
#include <QMultiHash>

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>

namespace Asyncoro::Detail {

class EndReporter;
class NetworkCore;
class PeerLink;
class RemoteChannel;

/** The wait for the answer to a frame with a number. */
class AnswerSuspension : public Suspension
{
public:
    ~AnswerSuspension() override;

    QVariant await_resume();

protected:
    /** `startsCoro`: the answer is the handle of a coroutine, whose end the peer tells without being asked. */
    AnswerSuspension(std::shared_ptr<PeerLink> link, const QDeadlineTimer &deadline, bool startsCoro);

    /** Sends the frame. */
    virtual void ask(quint64 number) = 0;
    bool start() final;
    void abandon() noexcept final;
    QString operation() const final { return QStringLiteral("the answer of a peer"); }

    const std::shared_ptr<PeerLink> m_link;

private:
    friend class PeerLink;
    const bool m_startsCoro;
    /** There will be no answer. */
    void fail(const std::exception_ptr &error)
    {
        m_error = error;
        complete();
    }

    quint64 m_number = 0;
    QVariant m_value;
    std::exception_ptr m_error;
};

/**
 * The way to one other process: a session of frames in both directions, over one connection after the other.
 *
 * Begins idle, connects when something is to be sent, goes on over another connection when one breaks, and ends lost, for
 * good: a process that is reached again gets another link. Lives on the network's thread.
 */
class PeerLink final : public std::enable_shared_from_this<PeerLink>, public Carrier
{
public:
    enum class State : quint8 { Idle, Connecting, Connected, Interrupted, Lost };

    /** To a process that is to listen at `location`; `incarnation` is empty if any will do. */
    PeerLink(std::shared_ptr<NetworkCore> core, const Location &location, const QByteArray &incarnation);
    ~PeerLink();

    [[nodiscard]] State state() const { return m_state; }
    /** Whether a session is under way, even if it has no connection just now. */
    [[nodiscard]] bool hasSession() const { return m_state == State::Connected || m_state == State::Interrupted; }
    [[nodiscard]] quint64 session() const { return m_session; }
    /** How many sessions this process had begun, this one included, when it began. */
    [[nodiscard]] quint64 ordinal() const { return m_ordinal; }
    /** Where it is to be called; invalid if it is not known to listen. */
    [[nodiscard]] const Location &location() const { return m_location; }
    void setLocation(const Location &location) { m_location = location; }
    /** Where it says it is to be called, while another peer has been reached there. */
    [[nodiscard]] const Location &claim() const { return m_claim; }
    void setClaim(const Location &location) { m_claim = location; }
    [[nodiscard]] const QString &address() const { return m_address; }
    /** By which the peer reaches this process; while connected. */
    [[nodiscard]] QString localAddress() const { return m_localAddress; }
    [[nodiscard]] const QByteArray &incarnation() const { return m_incarnation; }
    [[nodiscard]] const std::shared_ptr<NetworkCore> &core() const { return m_core; }
    [[nodiscard]] std::exception_ptr error() const { return m_error; }
    [[nodiscard]] PeerInfo info() const;
    /** Once connected: this link, or the one that the same process had already under another location. */
    [[nodiscard]] std::shared_ptr<PeerLink> target() { return m_other ? m_other : shared_from_this(); }

    /** Starts to connect unless that has been done. */
    void open();
    /** Until it is connected. Throws why it cannot be. */
    Task<> connected(QDeadlineTimer deadline);
    /** Whether the connection was made by this side, which therefore knows where the peer listens. */
    [[nodiscard]] bool isOutbound() const { return m_outbound; }
    /** How much of the session has arrived. */
    [[nodiscard]] quint64 received() const { return m_received; }
    /** How many bytes of this side's frames the peer has said to have. */
    [[nodiscard]] quint64 acknowledged() const { return m_outgoing.acknowledged(); }
    /** Takes a connection on which the handshake is done; returns when that has ended. */
    Task<> run(std::shared_ptr<AsyncSocket> socket, Hello theirs, SessionAnswer session);
    /** The connection is of no use any more: goes on with another one, or ends lost. */
    enum class Break : quint8 { Failed, Closed }; // Closed: in order, by the other side
    void interrupt(const QString &reason, Break how);
    /** Ends everything that waits for the peer with `error`. */
    void lose(std::exception_ptr error);
    /** Tells the peer why, and closes; what waits here is told `ours`. */
    void close(const QString &reason, const QString &ours = QStringLiteral("this process has left the network"));

    /** Writes a frame; `write` appends the items of its array. Kept until the peer has it; dropped if lost. */
    template<typename Write>
    void send(FrameKind kind, quint64 items, Write write);

    /** Sends a frame that is answered, and waits for the answer; `write` appends all items but the number. */
    template<typename Write>
    [[nodiscard]] auto ask(FrameKind kind, quint64 items, QDeadlineTimer deadline, Write write, bool startsCoro = false);

    /** Whether what is sent now would not wait here behind too much else. */
    [[nodiscard]] bool hasRoom() const { return m_room.isFree(); }
    /** Until it is one's turn and there is room; the next one's turn comes when the guard is released. */
    Task<Lock::Guard> waitForRoom(QDeadlineTimer deadline) { return m_room.pass(deadline); }
    class Turn;
    /** Whether a message for that coroutine would only wait here: so much does already, or its mailbox is full. */
    [[nodiscard]] bool isFullFor(quint64 coro) const;
    /** `size` bytes of another thread are on their way here. False if too much waits already. Any thread. */
    [[nodiscard]] bool addPosted(qint64 size);
    /** They are here. Any thread. */
    void removePosted(qint64 size) { m_posted -= size; }
    /** `signature`: what the caller believes that the function has; empty if it does not know. */
    Task<QVariant> call(QString function, QVariantList arguments, QString signature = {},
                        QDeadlineTimer deadline = QDeadlineTimer::Forever);
    Task<Coro<>> start(QString function, QVariantList arguments, QString signature = {});
    /** Puts the message behind all that waits, however much that is. */
    void send(quint64 coro, const Message &message);
    /** That of another thread, whose sender could not be told of a full mailbox, waits here meanwhile. */
    void send(quint64 coro, PostedMessage message);
    Task<> deliver(quint64 coro, Message message, QDeadlineTimer deadline);
    bool sendToAll(const std::vector<CoroPointer> &targets, const Message &message) override;
    Task<int> deliverToAll(std::vector<CoroPointer> targets, Message message, QDeadlineTimer deadline) override;
    void watch(quint64 id, const CoroPointer &coro);
    /** The handle of the coroutine `id` over there that is watched already, if one is. */
    [[nodiscard]] CoroPointer findWatched(quint64 id) const { return m_watched.value(id); }
    [[nodiscard]] QList<CoroPointer> allWatched(quint64 id) const { return m_watched.values(id); }
    /** The channel `id` over there. */
    std::shared_ptr<RemoteChannel> channel(quint64 id, const QString &name);
    /** Asks for a sign of life. */
    void ping();

    // for what is asked of this process
    void answer(quint64 number, const QVariant &value);
    void answerFailure(quint64 number, const std::exception_ptr &error);
    /** Does `work`; if that fails, the answer is why. A malformed frame is no matter of this one answer. */
    void answerFrame(quint64 number, const std::function<void()> &work);
    /**
     * Runs `body`, whose outcome is the answer, until it ends or the peer no longer waits. If it is known that `size` bytes
     * have come for it, it does not begin before there is room for answers: it takes less memory than its value.
     */
    void serve(quint64 number, const QString &name, Task<QVariant> body, qint64 size = 0);
    /** One that was started for the peer. */
    void startedEnded() { --m_startedRunning; }
    /** Tells the peer how `coro`, which has ended, did. */
    void reportEnd(const Coro<> &coro);

private:
    friend class AnswerSuspension;

    /** A message of the peer, for which a mailbox may have no room. */
    struct UnreadMessage {
        Message message;
        QByteArray encoded; // the same as it came; where it waits there is either, the message unless it takes much more memory
        quint64 number = 0; // of the Deliver to be answered; 0: none
        qsizetype size = 0; // in bytes, where it waits
        qint64 memory = 0; // that the message takes, roughly

        /** How many like this one may lie in a mailbox that has no limit of its own. */
        [[nodiscard]] quint32 mailboxLimit() const;
    };
    struct Backlog {
        std::list<UnreadMessage> messages; // the first one is being delivered
        Coro<> target;
        Coro<> passer; // by which they are delivered
        qint64 size = 0; // of all of them
        bool isTold = false; // to the peer, which waits
    };
    /** Where a Deliver waits. */
    struct UnreadPlace {
        quint64 coro = 0; // whose mailbox has no room
        std::list<UnreadMessage>::iterator message;
    };
    struct Connection;

    // --- connections (peerconnection.cpp)
    Task<> connectAndRun();
    Task<> attempt();
    Task<> recover(QString reason, bool refusalIsFinal);
    Task<Connection> connectPatiently(QDeadlineTimer deadline);
    Task<Connection> connectOnce(QDeadlineTimer deadline);
    [[nodiscard]] bool isStillConnecting() const;
    void setConnector(const Coro<> &connector);
    void giveWayTo(const std::shared_ptr<PeerLink> &other);
    [[nodiscard]] bool isWanted(const Hello &theirs) const;
    void dropConnection();
    Task<> readFrames(std::shared_ptr<AsyncSocket> socket);
    Task<bool> receive(std::shared_ptr<AsyncSocket> socket);
    Task<> writeFrames(std::shared_ptr<AsyncSocket> socket);
    Task<> keepAlive();
    void readAcknowledged(quint64 position);
    void sendReceived(FrameKind kind);
    void updateRoom();

    // --- frames (peerlink.cpp)
    void read(const FrameHeader &header, FrameMemory *memory);
    void readSend(QCborStreamReader &reader, const QByteArray &body);
    void readDeliver(QCborStreamReader &reader, const QByteArray &body);
    /** `body` is that of the frame; its memory is that of the encoded message, too. */
    UnreadMessage decodeMessage(QCborStreamReader &reader, const QByteArray &body);
    /** The message for `target`; nothing, and a line in the log, if it is of a type that is not known here. */
    std::optional<UnreadMessage> readMessage(QCborStreamReader &reader, const QByteArray &body, const Coro<> &target);
    void readWatch(QCborStreamReader &reader);
    void readEnded(QCborStreamReader &reader);
    void readCall(QCborStreamReader &reader, qint64 size);
    /** Of an offered function, for the peer. */
    Coro<> startForPeer(const QString &function, QVariantList arguments, const QString &signature);
    void readCancel(QCborStreamReader &reader);
    void readAnswer(FrameKind kind, QCborStreamReader &reader, FrameMemory *memory);
    void readPong(QCborStreamReader &reader);
    void readFull(QCborStreamReader &reader);
    void readRoom(QCborStreamReader &reader);

    void dropped(const Coro<> &target, const QString &reason);
    void notSent(const CoroPointer &coro);
    void forgetStarted();
    Task<> sendPosted(quint64 coro);
    void tellFull(quint64 coro, Backlog *backlog);
    /** Puts the message, which is that of `unread`, into the mailbox; false if that has no room, or the coroutine has ended. */
    bool put(const Coro<> &target, Message &&message, const UnreadMessage &unread);
    void pass(quint64 id, UnreadMessage message);
    /** Whether it may wait for room in a mailbox: not too much does so already. */
    [[nodiscard]] bool mayWait(const UnreadMessage &message) const;
    [[nodiscard]] static QString staysFull(const Coro<> &target);
    void startPassing(const std::shared_ptr<Backlog> &backlog);
    Task<> deliverUnread(Coro<> target, UnreadMessage unread);
    Task<> passBacklog(std::shared_ptr<Backlog> backlog);
    UnreadMessage takeFirst(Backlog &backlog);
    void dropUnread(quint64 number);
    // remoteverbs.cpp
    void readThrow(QCborStreamReader &reader);
    void readResume(QCborStreamReader &reader, const QByteArray &body);
    void readTie(FrameKind kind, QCborStreamReader &reader);
    void readSendAll(QCborStreamReader &reader, const QByteArray &body);
    void readDeliverAll(QCborStreamReader &reader, const QByteArray &body);
    void readClosed(QCborStreamReader &reader);
    Task<int> deliverToParts(std::span<const CoroPointer> targets, Message message, QDeadlineTimer deadline);
    static void writeTargets(QCborStreamWriter &writer, std::span<const CoroPointer> targets);
    [[nodiscard]] QList<Coro<>> readTargets(QCborStreamReader &reader) const;

    class Kept;
    Task<> runServed(quint64 number, Task<QVariant> body, qint64 size);
    Task<> answerInTurn(quint64 number, QVariant value);
    [[nodiscard]] qint64 unsentLimit() const;
    void giveUp();
    void watchForPeer(const Coro<> &coro, bool asked);
    /** Its end will be told, and is of interest. */
    void adopt(const Coro<> &coro);
    void closeChannels();
    void writeCall(QCborStreamWriter &writer, const QString &function, const QVariantList &arguments, bool start,
                   const QString &signature);
    void endFrame(FrameKind kind, const FrameSink::Mark &start);

    const std::shared_ptr<NetworkCore> m_core;
    Location m_location;
    Location m_claim;
    QString m_address;
    QString m_localAddress;
    QByteArray m_incarnation;
    State m_state = State::Idle;
    bool m_outbound = false; // this side made the connection
    quint16 m_flags = 0; // of the peer's hello
    std::exception_ptr m_error; // once lost
    std::shared_ptr<PeerLink> m_other; // to the same process, in whose favour this one was given up
    Event m_connectedOrLost;
    Coro<> m_connector; // which makes a connection

    quint64 m_session = 0;
    quint64 m_ordinal = 0;
    OutgoingStream m_outgoing; // frames
    Event m_outgoingReady;
    Gate m_room{true}; // open while few enough bytes wait
    // Open at the same time; of values of calls, which do not wait behind calls that have not begun. Null until one has to.
    std::unique_ptr<Gate> m_answerRoom;
    qint64 m_kept = 0; // bytes of calls of the peer, and of values of such calls, that wait for room
    qint64 m_valuesDropped = 0; // for which there was none
    std::atomic<bool> m_crowded = false; // not open; for other threads
    std::atomic<qint64> m_posted = 0; // bytes of messages of other threads that are on their way here
    QByteArray m_incoming; // the beginning of a frame
    quint64 m_received = 0; // bytes
    quint64 m_acknowledged = 0; // of these, those that the peer knows of

    std::shared_ptr<AsyncSocket> m_socket; // while connected
    QList<Coro<>> m_workers; // those that read and keep alive; ended with the connection
    Coro<> m_writer; // ended with it, too, unless it has last words to send
    bool m_writing = false; // it has bytes that the socket has not taken yet
    qint64 m_lastHeard = 0; // in milliseconds of the steady clock
    qint64 m_lastPing = 0; // likewise; 0: never
    qint64 m_pinged = 0; // the same in nanoseconds; 0: the answer has come
    PeerInfo m_info; // what is counted

    quint64 m_lastNumber = 0;
    QHash<quint64, AnswerSuspension *> m_awaited; // by number. In frames of coroutines, not owning
    QHash<quint64, Coro<>> m_serving; // calls of the peer that run here
    /** The answer to a call that has started a coroutine: the peer has the handle once it has acknowledged so much. */
    struct StartedCall {
        quint64 number = 0;
        quint64 position = 0;
    };
    qsizetype m_startedRunning = 0; // coroutines of this process
    std::deque<StartedCall> m_startedCalls; // those that the peer may not know of yet
    QHash<quint64, quint64> m_started; // the coroutines of these, by the number of the call
    QHash<quint64, std::shared_ptr<EndReporter>> m_reporters; // by the coroutine of this process whose end is told
    QMultiHash<quint64, CoroPointer> m_watched; // coroutines over there whose end is of interest
    QHash<quint64, std::shared_ptr<Gate>> m_full; // of coroutines over there whose mailbox is full or for which somebody waits
    QHash<quint64, std::deque<PostedMessage>> m_postedFor; // those that wait for one of these
    std::atomic<qint64> m_notSent = 0; // messages of channels, for which there was no room
    QHash<quint64, std::shared_ptr<Backlog>> m_backlogs; // by the coroutine of this process whose mailbox is full
    QHash<quint64, UnreadPlace> m_unreadPlaces; // in these, by the number of the Deliver
    qint64 m_backlogSize = 0; // of all of them, in bytes
    QHash<quint64, std::weak_ptr<RemoteChannel>> m_channels; // over there
    qsizetype m_sweepChannelsAt = 1000; // how many of them there may be before those that nobody has are dropped
};

/**
 * The place of one message for a coroutine over there: among all for that one, and among all that wait for room here. The next
 * one's turn comes when this is released.
 */
class PeerLink::Turn
{
public:
    Turn(std::shared_ptr<PeerLink> link, quint64 coro)
        : m_link(std::move(link))
        , m_coro(coro)
    {
    }
    ~Turn() { release(); }
    Q_DISABLE_COPY_MOVE(Turn)

    /** Until the mailbox has room, as far as is known here, and the way there. Does not suspend if both have. */
    Task<> come(QDeadlineTimer deadline);
    void release();

private:
    const std::shared_ptr<PeerLink> m_link;
    const quint64 m_coro;
    std::shared_ptr<Gate> m_gate; // of the mailbox
    Lock::Guard m_mailboxTurn;
    Lock::Guard m_roomTurn;
};

/** Of a coroutine of this process: whether it is known at once if its mailbox has room. */
[[nodiscard]] bool isOfThisThread(const Coro<> &coro);

/** The text of `error`, of a length that may be sent. */
[[nodiscard]] QString textForPeer(const std::exception_ptr &error);

template<typename Write>
void PeerLink::send(FrameKind kind, quint64 items, Write write)
{
    if (m_state == State::Lost)
        return;
    FrameSink &sink = m_outgoing.sink();
    const FrameSink::Mark start = sink.begin(FrameHeader::Size);
    try {
        QCborStreamWriter writer(&sink);
        writer.startArray(items);
        write(writer);
        writer.endArray();
        endFrame(kind, start);
    } catch (...) {
        sink.drop(start);
        throw;
    }
    open();
}

template<typename Write>
class AnswerAwaiter final : public AnswerSuspension
{
public:
    AnswerAwaiter(std::shared_ptr<PeerLink> link, const QDeadlineTimer &deadline, FrameKind kind, quint64 items, Write write,
                  bool startsCoro)
        : AnswerSuspension(std::move(link), deadline, startsCoro)
        , m_kind(kind)
        , m_items(items)
        , m_write(std::move(write))
    {
    }

protected:
    void ask(quint64 number) override
    {
        m_link->send(m_kind, m_items + 1, [&](QCborStreamWriter &writer) {
            writer.append(number);
            m_write(writer);
        });
    }

private:
    const FrameKind m_kind;
    const quint64 m_items;
    Write m_write;
};

template<typename Write>
auto PeerLink::ask(FrameKind kind, quint64 items, QDeadlineTimer deadline, Write write, bool startsCoro)
{
    return AnswerAwaiter<Write>(shared_from_this(), deadline, kind, items, std::move(write), startsCoro);
}

} // namespace Asyncoro::Detail
