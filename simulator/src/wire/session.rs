//! One session of one key: numbers of both directions, answers that nobody acknowledged yet, and the newest connection.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use tokio::sync::Notify;

use super::{
    cipher::AuthKey,
    config::Limits,
    counters::count,
    fault::WireFault,
    ground::Ground,
    link::{Link, Outbound},
    received::{Progress, Received},
    tl::Put,
};
use crate::port::{ClientInfo, ConnectionId, KeyId};

const RPC_RESULT: u32 = 0xf35c_6d01;
const RPC_ANSWER_DROPPED_RUNNING: u32 = 0xcd78_e586;

/// What kind of message the server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a message of the client; needs no acknowledgement.
    Reply,
    /// Answers a call; the client acknowledges it.
    Answer,
    /// Sent unasked; the client acknowledges it.
    Unasked,
}

struct Unacknowledged {
    msg_id: i64,
    seqno: i32,
    req_msg_id: i64,
    /// With its `rpc_result`.
    body: Vec<u8>,
}

/// Lives as long as its key, over any number of connections.
pub struct Session {
    pub id: i64,
    pub key: KeyId,
    auth: AuthKey,
    state: Mutex<State>,
    /// Woken whenever a call ends, for `invokeAfterMsg`.
    pub finished: Notify,
}

pub struct State {
    link: Option<Arc<Link>>,
    /// The connection that ended last.
    last_link: Option<ConnectionId>,
    pub received: Received,
    unacknowledged: VecDeque<Unacknowledged>,
    unacknowledged_bytes: usize,
    last_msg_id: i64,
    content_sent: i32,
    /// `new_session_created` went out.
    pub greeted: bool,
    pub layer: i32,
    pub client: Option<Arc<ClientInfo>>,
    /// A call came that was not wrapped in `invokeWithoutUpdates`.
    pub wants_updates: bool,
}

impl Session {
    pub fn new(id: i64, key: KeyId, auth: AuthKey, limits: &Limits) -> Self {
        let state = State {
            link: None,
            last_link: None,
            received: Received::new(limits.remembered_ids),
            unacknowledged: VecDeque::new(),
            unacknowledged_bytes: 0,
            last_msg_id: 0,
            content_sent: 0,
            greeted: false,
            layer: 0,
            client: None,
            wants_updates: false,
        };
        Self {
            id,
            key,
            auth,
            state: Mutex::new(state),
            finished: Notify::new(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last connection of a session that has none any more.
    pub fn rests_since(&self) -> Option<ConnectionId> {
        let state = self.state();
        state.last_link.filter(|_| state.link.is_none())
    }

    /// A packet came over this connection: the newest one gets what is sent from now on, and what nobody
    /// acknowledged so far once more.
    pub fn attach(&self, ground: &Ground, link: &Arc<Link>) {
        let mut state = self.state();
        let is_newer = state
            .link
            .as_ref()
            .is_none_or(|current| current.id < link.id || !current.is_open());
        if !is_newer {
            return;
        }
        state.link = Some(Arc::clone(link));
        let waiting: Vec<i64> = state
            .unacknowledged
            .iter()
            .map(|answer| answer.msg_id)
            .collect();
        for msg_id in waiting {
            self.send_again(&state, ground, msg_id);
        }
    }

    pub fn detach(&self, link: &Link) {
        let mut state = self.state();
        if state
            .link
            .as_ref()
            .is_some_and(|current| current.id == link.id)
        {
            state.link = None;
            state.last_link = Some(link.id);
        }
    }

    /// Sends one message over the newest connection. `false`: there is none, or it is ending.
    pub fn post(&self, ground: &Ground, kind: Kind, body: &[&[u8]]) -> bool {
        self.post_locked(&mut self.state(), ground, kind, body)
    }

    pub fn post_locked(
        &self,
        state: &mut State,
        ground: &Ground,
        kind: Kind,
        body: &[&[u8]],
    ) -> bool {
        let (msg_id, seqno) = state.next_numbers(ground, kind);
        self.transmit(state, ground, msg_id, seqno, body)
    }

    fn transmit(
        &self,
        state: &State,
        ground: &Ground,
        msg_id: i64,
        seqno: i32,
        body: &[&[u8]],
    ) -> bool {
        let Some(link) = &state.link else {
            return false;
        };
        let mut session_id = self.id;
        if ground.faults.any() && ground.strikes(link.victim(), &WireFault::WrongSessionId) {
            session_id ^= 0x5a5a;
        }
        let salt = ground
            .salts
            .current(self.key, ground.seconds(state.victim()));
        link.send(
            &self.auth,
            &Outbound {
                salt,
                session_id,
                msg_id,
                seqno,
                body,
            },
        )
    }

    /// Answers a call and keeps the answer until it is acknowledged. A call that the client dropped meanwhile is
    /// answered with just that.
    pub fn answer(&self, ground: &Ground, req_msg_id: i64, result: &[u8], failed: bool) {
        let mut state = self.state();
        let dropped = state.received.progress(req_msg_id) == Some(Progress::Dropped);
        let progress = if failed {
            Progress::Failed
        } else {
            Progress::Answered
        };
        state.received.set_progress(req_msg_id, progress);
        let mut body = Vec::with_capacity(12 + result.len());
        body.put_u32(RPC_RESULT);
        body.put_i64(req_msg_id);
        if dropped {
            body.put_u32(RPC_ANSWER_DROPPED_RUNNING);
        } else {
            body.extend_from_slice(result);
        }
        let (msg_id, seqno) = state.next_numbers(ground, Kind::Answer);
        self.transmit(&state, ground, msg_id, seqno, &[&body]);
        count(&ground.counts.answers);
        state.keep(
            Unacknowledged {
                msg_id,
                seqno,
                req_msg_id,
                body,
            },
            &ground.config.limits,
        );
        drop(state);
        self.finished.notify_waiters();
    }

    /// A call that gets no answer: a scripted fault.
    pub fn leave_unanswered(&self, req_msg_id: i64) {
        self.state()
            .received
            .set_progress(req_msg_id, Progress::Failed);
        self.finished.notify_waiters();
    }

    /// Sends the kept answer to a call once more; `false` when none is kept.
    pub fn answer_again(&self, ground: &Ground, req_msg_id: i64) -> bool {
        let state = self.state();
        let kept = state
            .unacknowledged
            .iter()
            .find(|answer| answer.req_msg_id == req_msg_id);
        kept.is_some_and(|answer| self.send_again(&state, ground, answer.msg_id))
    }

    /// Sends a kept message of the server once more; `false` when it is not kept.
    pub fn resend(&self, ground: &Ground, msg_id: i64) -> bool {
        let state = self.state();
        self.send_again(&state, ground, msg_id)
    }

    fn send_again(&self, state: &State, ground: &Ground, msg_id: i64) -> bool {
        let Some(answer) = state
            .unacknowledged
            .iter()
            .find(|answer| answer.msg_id == msg_id)
        else {
            return false;
        };
        count(&ground.counts.answers_resent);
        self.transmit(state, ground, answer.msg_id, answer.seqno, &[&answer.body]);
        true
    }

    /// Pushes an update, if the session wants any and is connected.
    pub fn push(&self, ground: &Ground, updates: &[u8]) -> bool {
        let mut state = self.state();
        if !state.wants_updates || state.link.is_none() {
            return false;
        }
        self.post_locked(&mut state, ground, Kind::Unasked, &[updates])
    }
}

impl State {
    fn victim(&self) -> Option<&Link> {
        self.link.as_deref()
    }

    fn next_numbers(&mut self, ground: &Ground, kind: Kind) -> (i64, i32) {
        let low_bits = if kind == Kind::Unasked { 3 } else { 1 };
        let mut msg_id = ground.message_time(self.victim()) | low_bits;
        if msg_id <= self.last_msg_id {
            msg_id = (self.last_msg_id & !3) + 4 + low_bits;
        }
        self.last_msg_id = msg_id;
        let content = kind != Kind::Reply;
        let seqno = self.content_sent.wrapping_mul(2) + i32::from(content);
        self.content_sent = self.content_sent.wrapping_add(i32::from(content)) & 0x3fff_ffff;
        (msg_id, seqno)
    }

    fn keep(&mut self, answer: Unacknowledged, limits: &Limits) {
        self.unacknowledged_bytes += answer.body.len();
        self.unacknowledged.push_back(answer);
        while self.unacknowledged.len() > limits.unacknowledged_answers
            || self.unacknowledged_bytes > limits.unacknowledged_bytes
        {
            let Some(oldest) = self.unacknowledged.pop_front() else {
                return;
            };
            self.unacknowledged_bytes -= oldest.body.len();
        }
    }

    /// The client has these messages.
    pub fn acknowledge(&mut self, msg_ids: &[i64]) {
        if self.unacknowledged.is_empty() {
            return;
        }
        for msg_id in msg_ids {
            if let Ok(at) = self
                .unacknowledged
                .binary_search_by_key(msg_id, |answer| answer.msg_id)
                && let Some(answer) = self.unacknowledged.remove(at)
            {
                self.unacknowledged_bytes -= answer.body.len();
            }
        }
    }

    /// Forgets a kept answer: its message id, sequence number and length.
    pub fn forget_answer(&mut self, req_msg_id: i64) -> Option<(i64, i32, usize)> {
        let at = self
            .unacknowledged
            .iter()
            .position(|answer| answer.req_msg_id == req_msg_id)?;
        let answer = self.unacknowledged.remove(at)?;
        self.unacknowledged_bytes -= answer.body.len();
        Some((answer.msg_id, answer.seqno, answer.body.len()))
    }
}

/// Counts a call as running on a connection for as long as it lives.
pub struct Running(Arc<Link>);

impl Running {
    pub fn new(link: &Arc<Link>) -> Self {
        link.running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(link))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.wake.notify_one();
    }
}
