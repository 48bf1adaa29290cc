//! One connection's way back to its client: a bounded queue of bytes that are already framed and encrypted.
//!
//! Whoever has something to say encodes it straight into the queue; the connection's task writes the queue out.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::RngExt;
use tokio::{sync::Notify, time::Instant};

use super::{
    cipher::{AuthKey, ENVELOPE, HEADER, Side, padding},
    counters::{Counts, count},
    fault::Victim,
    tl::Put,
    transport::FrameWriter,
};
use crate::port::{ConnectionId, KeyId};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Ending {
    None = 0,
    /// When everything queued was written.
    AfterFlush = 1,
    Now = 2,
    /// With a TCP reset.
    Reset = 3,
}

/// A frame of this size has a part of a file.
const PART: usize = 64 << 10;

/// One encrypted message to be sent.
pub struct Outbound<'a> {
    pub salt: i64,
    pub session_id: i64,
    pub msg_id: i64,
    pub seqno: i32,
    /// The body, in pieces.
    pub body: &'a [&'a [u8]],
}

struct Queue {
    /// Known once the client's first bytes told the transport.
    writer: Option<FrameWriter>,
    bytes: Vec<u8>,
    /// Bytes that the connection's task took and has not written yet.
    in_flight: usize,
}

/// A key whose packets came over a connection, and the one that the backend knows it by.
#[derive(Clone, Copy)]
struct User {
    key: KeyId,
    identity: KeyId,
}

/// Shared by the connection's task, its sessions and the fault switchboard.
pub struct Link {
    pub id: ConnectionId,
    pub dc_id: i32,
    /// Where its client is.
    pub from: SocketAddr,
    queue: Mutex<Queue>,
    limit: usize,
    counts: Arc<Counts>,
    ending: AtomicU8,
    silent: AtomicBool,
    has_files: AtomicBool,
    users: Mutex<Vec<User>>,
    disconnect_at: Mutex<Option<Instant>>,
    /// Calls that came on it and still run.
    pub running: AtomicUsize,
    pub wake: Notify,
}

impl Link {
    pub fn new(
        id: ConnectionId,
        (dc_id, from): (i32, SocketAddr),
        limit: usize,
        counts: Arc<Counts>,
    ) -> Self {
        Self {
            id,
            dc_id,
            from,
            queue: Mutex::new(Queue {
                writer: None,
                bytes: Vec::new(),
                in_flight: 0,
            }),
            limit,
            counts,
            ending: AtomicU8::new(Ending::None as u8),
            silent: AtomicBool::new(false),
            has_files: AtomicBool::new(false),
            users: Mutex::default(),
            disconnect_at: Mutex::new(None),
            running: AtomicUsize::new(0),
            wake: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_writer(&self, writer: FrameWriter) {
        self.queue().writer = Some(writer);
    }

    pub fn ending(&self) -> Ending {
        match self.ending.load(Ordering::Acquire) {
            0 => Ending::None,
            1 => Ending::AfterFlush,
            2 => Ending::Now,
            _ => Ending::Reset,
        }
    }

    /// Ends the connection; a harder ending overrides a softer one.
    pub fn end(&self, how: Ending) {
        self.ending.fetch_max(how as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    pub fn is_open(&self) -> bool {
        self.ending() == Ending::None
    }

    /// Makes the line dead without closing it: what is queued is lost, and so is all that follows.
    pub fn silence(&self) {
        self.silent.store(true, Ordering::Release);
        self.queue().bytes = Vec::new();
        self.wake.notify_one();
    }

    /// A frame of so many bytes came, or goes.
    pub fn weigh(&self, frame: usize) {
        if frame >= PART {
            self.has_files.store(true, Ordering::Release);
        }
    }

    pub fn has_files(&self) -> bool {
        self.has_files.load(Ordering::Acquire)
    }

    pub fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    fn users(&self) -> MutexGuard<'_, Vec<User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Did packets of this key come over this connection?
    pub fn carries(&self, key: KeyId) -> bool {
        self.users().iter().any(|user| user.key == key)
    }

    pub fn is_anonymous(&self) -> bool {
        self.users().is_empty()
    }

    pub fn uses(&self, key: KeyId) -> bool {
        self.users()
            .iter()
            .any(|user| user.key == key || user.identity == key)
    }

    /// From now on `key` uses this connection. Who it is may be known better already: a binding says it meanwhile.
    pub fn add_user(&self, key: KeyId, identity: KeyId) {
        let mut users = self.users();
        if users.iter().all(|user| user.key != key) {
            users.push(User { key, identity });
        }
    }

    /// `key` stands for `identity` from now on.
    pub fn identify(&self, key: KeyId, identity: KeyId) {
        let mut users = self.users();
        users.retain(|user| user.key != key);
        users.push(User { key, identity });
    }

    /// For faults: whose connection this is.
    pub fn victim(&self) -> Victim {
        Victim {
            dc_id: self.dc_id,
            key: self.users().last().map(|user| user.identity),
        }
    }

    /// Queues one frame that `fill` writes; `len` is its exact payload length.
    fn enqueue(&self, len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> bool {
        if !self.is_open() {
            return false;
        }
        if self.is_silent() {
            return true;
        }
        self.weigh(len);
        let mut queue = self.queue();
        let Queue {
            writer: Some(writer),
            bytes,
            in_flight,
        } = &mut *queue
        else {
            return false;
        };
        if bytes.len() + *in_flight + len > self.limit {
            drop(queue);
            count(&self.counts.slow_readers);
            self.end(Ending::Reset);
            return false;
        }
        let was_empty = bytes.is_empty();
        let mark = writer.open(bytes, len);
        fill(bytes);
        writer.close(bytes, mark);
        drop(queue);
        if was_empty {
            self.wake.notify_one();
        }
        true
    }

    /// Encrypts one message into the queue. `false`: it will never arrive.
    pub fn send(&self, key: &AuthKey, outbound: &Outbound<'_>) -> bool {
        let body_len: usize = outbound.body.iter().map(|piece| piece.len()).sum();
        let plain_len = ENVELOPE + 16 + body_len;
        let pad_len = padding(plain_len);
        self.enqueue(HEADER + plain_len + pad_len, |out| {
            let start = out.len();
            out.reserve(HEADER + plain_len + pad_len + 8);
            out.resize(start + HEADER, 0);
            out.put_i64(outbound.salt);
            out.put_i64(outbound.session_id);
            out.put_i64(outbound.msg_id);
            out.put_i32(outbound.seqno);
            out.put_u32(body_len as u32);
            for piece in outbound.body {
                out.extend_from_slice(piece);
            }
            let random: [u8; 28] = rand::rng().random();
            out.extend(random.iter().take(pad_len));
            key.seal(out.get_mut(start..).unwrap_or_default(), Side::FromServer);
        })
    }

    /// An unencrypted message: only key exchanges use them.
    pub fn send_plain(&self, msg_id: i64, body: &[u8]) -> bool {
        self.enqueue(20 + body.len(), |out| {
            out.put_i64(0);
            out.put_i64(msg_id);
            out.put_u32(body.len() as u32);
            out.extend_from_slice(body);
        })
    }

    /// A frame of these bytes (a multiple of four), whatever they are.
    pub fn send_frame(&self, payload: &[u8]) -> bool {
        self.enqueue(payload.len(), |out| out.extend_from_slice(payload))
    }

    /// Four bytes without any frame: how quick acknowledgements travel.
    pub fn send_quick_ack(&self, token: [u8; 4]) {
        if !self.is_open() || self.is_silent() {
            return;
        }
        let mut queue = self.queue();
        let Queue {
            writer: Some(writer),
            bytes,
            ..
        } = &mut *queue
        else {
            return;
        };
        writer.raw(bytes, &token);
        drop(queue);
        self.wake.notify_one();
    }

    /// The client asked to be hung up on unless it asks again within so many seconds.
    pub fn disconnect_in(&self, seconds: u64) {
        let at = Instant::now() + Duration::from_secs(seconds.min(24 * 3600));
        *self
            .disconnect_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(at);
        self.wake.notify_one();
    }

    pub fn disconnect_at(&self) -> Option<Instant> {
        *self
            .disconnect_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A transport error, after which the connection ends.
    pub fn refuse(&self, code: i32) {
        if self.is_open() && !self.is_silent() {
            let mut queue = self.queue();
            if let Queue {
                writer: Some(writer),
                bytes,
                ..
            } = &mut *queue
            {
                writer.error(bytes, code);
            }
        }
        self.end(Ending::AfterFlush);
    }

    /// A frame that announces more than it brings, after which the connection ends.
    pub fn send_truncated(&self) {
        self.send_frame(&[0x55; 256]);
        let mut queue = self.queue();
        let len = queue.bytes.len().saturating_sub(128);
        queue.bytes.truncate(len);
        drop(queue);
        self.end(Ending::AfterFlush);
    }

    /// So much waits to be written that nothing more should be asked for: half of the limit, so that answers which
    /// are still to come and pushes find room.
    pub fn is_full(&self) -> bool {
        let queue = self.queue();
        queue.bytes.len() + queue.in_flight > self.limit / 2
    }

    /// Swaps what is queued for `written`, an empty buffer. For the connection's task, when it has written all it
    /// took before.
    pub fn take_queued(&self, written: &mut Vec<u8>) {
        let mut queue = self.queue();
        std::mem::swap(&mut queue.bytes, written);
        queue.in_flight = written.len();
    }
}
