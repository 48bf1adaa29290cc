//! From an encrypted packet to checked messages: key, session, time, salt, sequence.

use std::sync::Arc;

use rand::RngExt;
use sha2::{Digest, Sha256};

use super::{
    calls,
    cipher::Side,
    context::Context,
    counters::count,
    fault::{Victim, WireFault},
    keys::Key,
    link::{Ending, Link},
    packet::{self, CONTAINER, Message, Packet},
    received::{Progress, Refused},
    service,
    session::Kind,
    shared::Shared,
    tl::{Put, VECTOR},
    transport::Framing,
};
use crate::port::KeyId;

const MSGS_ACK: u32 = 0x62d6_b459;
const BAD_MSG_NOTIFICATION: u32 = 0xa7ef_f811;
const BAD_SERVER_SALT: u32 = 0xedab_447b;
const NEW_SESSION_CREATED: u32 = 0x9ec2_0908;
/// Message ids may be this many seconds ahead of the server, or behind it.
const AHEAD: i64 = 30;
const BEHIND: i64 = 300;

/// Handles one frame with an encrypted packet, which is decrypted in place. `true`: it was made with a known key.
pub fn packet(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    frame: &mut [u8],
    framing: Option<Framing>,
    quick_ack: bool,
) -> bool {
    let key_id = KeyId(frame.first_chunk().copied().map_or(0, i64::from_le_bytes));
    let now = shared.ground.seconds(Some(link));
    let Some(key) = shared
        .keys
        .get(key_id)
        .filter(|key| key.is_good(link.dc_id, now))
    else {
        return violation(shared, link);
    };
    let identity = key.identity();
    let victim = Victim {
        dc_id: link.dc_id,
        key: Some(identity.id),
    };
    if shared.ground.faults.any() && meets_fault(shared, link, victim) {
        return false;
    }
    // Padded intermediate frames carry up to 15 bytes more than the packet.
    let surplus = frame
        .len()
        .checked_sub(24)
        .map_or(0, |encrypted| encrypted % 16);
    if surplus > 0 && framing != Some(Framing::Padded) {
        return violation(shared, link);
    }
    let usable = frame.len() - surplus;
    let Some(frame) = frame.get_mut(..usable) else {
        return violation(shared, link);
    };
    let Ok(plaintext) = key.auth.open(frame, Side::FromClient) else {
        return violation(shared, link);
    };
    if quick_ack {
        acknowledge_quickly(link, framing, &key, plaintext);
    }
    let Ok(packet) = Packet::read(plaintext) else {
        return violation(shared, link);
    };

    shared.join(link, &key);
    let session = key.session(packet.session_id, &shared.ground.config.limits);
    session.attach(&shared.ground, link);
    let mut context = Context {
        shared,
        link,
        key: &key,
        identity,
        session,
        victim,
        acks: Vec::new(),
    };
    context.handle(packet, now);
    context.flush_acks();
    true
}

fn violation(shared: &Shared, link: &Link) -> bool {
    count(&shared.ground.counts.violations);
    link.refuse(-404);
    false
}

/// Faults that take a whole packet.
fn meets_fault(shared: &Shared, link: &Link, victim: Victim) -> bool {
    let code = shared.ground.hit(victim, |fault| match fault {
        WireFault::TransportError { code } => Some(*code),
        _ => None,
    });
    if let Some(code) = code {
        link.refuse(code);
        return true;
    }
    // With a key scope these cannot happen before the key is known, which is now.
    let by_key = Victim {
        dc_id: i32::MIN,
        key: victim.key,
    };
    if link.is_anonymous() {
        if shared.ground.strikes(by_key, &WireFault::RefuseConnects)
            || shared.ground.strikes(by_key, &WireFault::CloseOnAccept)
        {
            link.end(Ending::Reset);
            return true;
        }
        if shared.ground.strikes(by_key, &WireFault::SilentConnects) {
            link.silence();
            return true;
        }
    }
    false
}

/// The token of a quick acknowledgement: 31 bits of the packet's hash, the highest bit set.
fn acknowledge_quickly(link: &Link, framing: Option<Framing>, key: &Key, plaintext: &[u8]) {
    let secret = key.auth.bytes().get(88..120).unwrap_or_default();
    let digest: [u8; 32] = Sha256::new()
        .chain_update(secret)
        .chain_update(plaintext)
        .finalize()
        .into();
    let token = digest.first_chunk().copied().map_or(0, u32::from_le_bytes) | 1 << 31;
    link.send_quick_ack(if framing == Some(Framing::Abridged) {
        token.to_be_bytes()
    } else {
        token.to_le_bytes()
    });
}

impl Context<'_> {
    fn handle(&mut self, packet: Packet<'_>, now: i64) {
        let outer = packet.message;
        if let Some(code) = self.wrong_time(&outer, now) {
            return self.refuse(&outer, code);
        }
        if !self.is_good_salt(packet.salt, now) {
            return self.refuse_salt(&outer, now);
        }
        if outer.constructor() != Some(CONTAINER) {
            self.take_in(&[outer], None);
            return;
        }
        let messages = match packet::read_container(outer.body) {
            Ok(messages) => messages,
            Err(_) => return self.refuse(&outer, 64),
        };
        let nested = messages
            .iter()
            .any(|m| m.constructor() == Some(CONTAINER) || m.msg_id >= outer.msg_id);
        if nested {
            return self.refuse(&outer, 64);
        }
        if outer.seqno & 1 == 1 {
            return self.refuse(&outer, 34);
        }
        self.take_in(&messages, Some(outer));
    }

    /// Codes 16 to 18: the message's own id.
    fn wrong_time(&self, message: &Message<'_>, now: i64) -> Option<i32> {
        let forced = self.shared.ground.hit(self.victim, |fault| match fault {
            WireFault::BadMsg { code } => Some(*code),
            _ => None,
        });
        let sent = message.msg_id >> 32;
        forced.or(match sent {
            _ if message.msg_id & 3 != 0 => Some(18),
            _ if sent < now - BEHIND => Some(16),
            _ if sent > now + AHEAD => Some(17),
            _ => None,
        })
    }

    fn is_good_salt(&self, salt: i64, now: i64) -> bool {
        if self.shared.ground.strikes(self.victim, &WireFault::BadSalt) {
            return false;
        }
        let first = self
            .key
            .first_salt
            .is_some_and(|first| first.salt == salt && now < first.until);
        first || self.shared.ground.salts.is_valid(self.key.id, now, salt)
    }

    /// Checks and remembers the messages, as a whole when they came in a container, then handles them.
    fn take_in(&mut self, messages: &[Message<'_>], container: Option<Message<'_>>) {
        let session = Arc::clone(&self.session);
        let mut state = session.state();
        let mut fresh = Vec::with_capacity(messages.len());
        let mut repeated = Vec::new();
        let mut refused = None;
        for message in messages.iter().chain(container.as_ref()) {
            let is_container =
                container.is_some_and(|container| container.msg_id == message.msg_id);
            let verdict = match wrong_parity(message) {
                _ if message.msg_id & 3 != 0 => Err(Refused::Code(18)),
                Some(code) => Err(Refused::Code(code)),
                None => state.received.take(message.msg_id, message.seqno),
            };
            match verdict {
                Ok(()) => fresh.push(*message),
                Err(Refused::Repeated(_)) if is_container => refused = Some((*message, 19)),
                Err(Refused::Repeated(progress)) => repeated.push((*message, progress)),
                Err(Refused::Code(code)) => refused = Some((*message, code)),
            }
            if refused.is_some() {
                break;
            }
        }
        if let Some((message, code)) = refused {
            for taken in &fresh {
                state.received.untake(taken.msg_id);
            }
            drop(state);
            return self.refuse(&message, code);
        }
        let greet = !std::mem::replace(&mut state.greeted, true);
        drop(state);
        if greet {
            self.greet(messages.first().map_or(0, |first| first.msg_id));
        }
        for (message, progress) in repeated {
            self.repeat(&message, progress);
        }
        for message in fresh
            .iter()
            .filter(|m| container.is_none_or(|c| c.msg_id != m.msg_id))
        {
            if !self.link.is_open() {
                return;
            }
            self.dispatch(message);
        }
    }

    /// A message that came before: its answer goes out again, or at least the word that it came.
    fn repeat(&mut self, message: &Message<'_>, progress: Progress) {
        let answered = matches!(progress, Progress::Answered | Progress::Failed)
            && self
                .session
                .answer_again(&self.shared.ground, message.msg_id);
        if !answered && message.seqno & 1 == 1 {
            self.acks.push(message.msg_id);
        }
    }

    fn greet(&self, first_msg_id: i64) {
        let mut body = Vec::with_capacity(28);
        body.put_u32(NEW_SESSION_CREATED);
        body.put_i64(first_msg_id);
        body.put_i64(rand::rng().random());
        body.put_i64(
            self.shared
                .ground
                .salts
                .current(self.key.id, self.shared.ground.seconds(Some(self.link))),
        );
        self.post(Kind::Unasked, &[&body]);
        if let Some(backend) = self.shared.backend() {
            backend.session_opened(&self.caller(first_msg_id, false));
        }
    }

    fn dispatch(&mut self, message: &Message<'_>) {
        let unpacked;
        let mut message = *message;
        match calls::unpacked(
            message.body,
            self.shared.ground.config.limits.unpacked_bytes,
        ) {
            Ok(None) => {}
            Ok(Some(body)) => {
                unpacked = body;
                message.body = &unpacked;
            }
            Err(()) => {
                self.reject(message.msg_id, 400, "INPUT_FETCH_ERROR");
                return;
            }
        }
        if !service::handle(self, &message) {
            calls::handle(self, &message);
        }
    }

    fn refuse(&mut self, message: &Message<'_>, code: i32) {
        count(&self.shared.ground.counts.messages_refused);
        let mut body = Vec::with_capacity(20);
        body.put_u32(BAD_MSG_NOTIFICATION);
        body.put_i64(message.msg_id);
        body.put_i32(message.seqno);
        body.put_i32(code);
        self.post(Kind::Reply, &[&body]);
    }

    fn refuse_salt(&mut self, message: &Message<'_>, now: i64) {
        count(&self.shared.ground.counts.messages_refused);
        let mut body = Vec::with_capacity(28);
        body.put_u32(BAD_SERVER_SALT);
        body.put_i64(message.msg_id);
        body.put_i32(message.seqno);
        body.put_i32(48);
        body.put_i64(self.shared.ground.salts.current(self.key.id, now));
        self.post(Kind::Reply, &[&body]);
    }

    fn flush_acks(&mut self) {
        if self.acks.is_empty() {
            return;
        }
        let mut body = Vec::with_capacity(12 + 8 * self.acks.len());
        body.put_u32(MSGS_ACK);
        body.put_u32(VECTOR);
        body.put_u32(self.acks.len() as u32);
        for msg_id in self.acks.drain(..) {
            body.put_i64(msg_id);
        }
        self.post(Kind::Reply, &[&body]);
    }
}

/// Codes 34 and 35: what needs no acknowledgement has an even number, calls have an odd one. The other messages of
/// the protocol are numbered differently by different clients (mtcute gives even acknowledgements odd numbers), and both
/// ways are taken, as Telegram does.
fn wrong_parity(message: &Message<'_>) -> Option<i32> {
    let odd = message.seqno & 1 == 1;
    let constructor = message.constructor().unwrap_or(0);
    if odd && matches!(constructor, CONTAINER | service::HTTP_WAIT) {
        return Some(34);
    }
    (!odd && constructor != CONTAINER && !service::is_service(constructor)).then_some(35)
}
