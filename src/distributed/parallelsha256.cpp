// SPDX-FileCopyrightText: 2026 The Asyncoro authors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "parallelsha256_p.h"

#include "sha256_p.h"

#ifdef ASYNCORO_WITH_IPSEC_MB
#include <QMutex>

#include <intel-ipsec-mb.h>

#include <memory>
#include <vector>
#endif

namespace Asyncoro::Detail {

#ifdef ASYNCORO_WITH_IPSEC_MB

namespace {

constexpr qsizetype FewestInParallel = 8; // for less it takes as long as for these

struct FreeManager {
    void operator()(IMB_MGR *manager) const { free_mb_mgr(manager); }
};
/** The library's state, for one thread at a time. */
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

/** Those that nobody uses now: as many as threads have ever hashed at once. Any thread. */
class SpareManagers
{
public:
    /** Nothing if the library cannot work on this processor. */
    Manager take()
    {
        const QMutexLocker lock(&m_mutex);
        if (m_spare.empty() && m_libraryWorks)
            m_spare.push_back(make());
        if (!m_libraryWorks)
            return {};
        Manager manager = std::move(m_spare.back());
        m_spare.pop_back();
        return manager;
    }
    void put(Manager manager)
    {
        const QMutexLocker lock(&m_mutex);
        m_spare.push_back(std::move(manager));
    }
    void giveUp()
    {
        const QMutexLocker lock(&m_mutex);
        m_libraryWorks = false;
    }

private:
    Manager make()
    {
        Manager manager(alloc_mb_mgr(0));
        IMB_ARCH kind = IMB_ARCH_NONE;
        if (manager)
            init_mb_mgr_auto(manager.get(), &kind);
        m_libraryWorks = kind != IMB_ARCH_NONE;
        return manager;
    }

    QMutex m_mutex; // guards what follows
    std::vector<Manager> m_spare;
    bool m_libraryWorks = true;
};

SpareManagers &spareManagers()
{
    static SpareManagers &theManagers = *new SpareManagers; // not destroyed: as the program ends, threads may still hash
    return theManagers;
}

bool isComplete(const IMB_JOB *job)
{
    return job && job->status == IMB_STATUS_COMPLETED;
}

/** False if the library cannot. */
bool hashInParallel(QByteArrayView bytes, qsizetype pieceSize, QByteArray *digests)
{
    Manager owned = spareManagers().take();
    IMB_MGR *const manager = owned.get();
    if (!manager)
        return false;
    qsizetype complete = 0;
    const qsizetype count = bytes.size() / pieceSize;
    for (qsizetype i = 0; i < count; ++i) {
        IMB_JOB *const job = IMB_GET_NEXT_JOB(manager);
        *job = {};
        job->cipher_mode = IMB_CIPHER_NULL;
        job->cipher_direction = IMB_DIR_ENCRYPT;
        job->chain_order = IMB_ORDER_HASH_CIPHER;
        job->hash_alg = IMB_AUTH_SHA_256;
        job->src = reinterpret_cast<const uint8_t *>(bytes.data() + i * pieceSize);
        job->msg_len_to_hash_in_bytes = uint64_t(pieceSize);
        job->auth_tag_output = reinterpret_cast<uint8_t *>(digests->data() + i * Sha256::Size);
        job->auth_tag_output_len_in_bytes = uint64_t(Sha256::Size);
        complete += isComplete(IMB_SUBMIT_JOB(manager));
    }
    while (const IMB_JOB *const job = IMB_FLUSH_JOB(manager))
        complete += isComplete(job);
    if (complete != count) {
        spareManagers().giveUp();
        return false;
    }
    spareManagers().put(std::move(owned));
    return true;
}

} // namespace

#endif

QByteArray sha256OfEach(QByteArrayView bytes, qsizetype pieceSize)
{
    Q_ASSERT(bytes.size() % pieceSize == 0);
    const qsizetype count = bytes.size() / pieceSize;
    QByteArray digests(count * Sha256::Size, Qt::Uninitialized);
#ifdef ASYNCORO_WITH_IPSEC_MB
    if (count >= FewestInParallel && hashInParallel(bytes, pieceSize, &digests))
        return digests;
#endif
    Sha256 hash;
    for (qsizetype i = 0; i < count; ++i) {
        hash.reset();
        hash.add(bytes.sliced(i * pieceSize, pieceSize));
        digests.replace(i * Sha256::Size, Sha256::Size, hash.result());
    }
    return digests;
}

} // namespace Asyncoro::Detail
