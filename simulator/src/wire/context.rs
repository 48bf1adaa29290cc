//! What handling one packet needs, and the ways to answer it.

use std::sync::{Arc, atomic::Ordering};

use super::{
    fault::Victim,
    keys::Key,
    link::Link,
    session::{Kind, Session},
    shared::Shared,
    tl::Put,
};
use crate::port::Caller;

const RPC_ERROR: u32 = 0x2144_ca19;

pub struct Context<'a> {
    pub shared: &'a Arc<Shared>,
    pub link: &'a Arc<Link>,
    pub key: &'a Arc<Key>,
    /// The key that the backend knows.
    pub identity: Arc<Key>,
    pub session: Arc<Session>,
    pub victim: Victim,
    /// Messages to be acknowledged by themselves, as nothing else answers them yet.
    pub acks: Vec<i64>,
}

impl Context<'_> {
    pub fn caller(&self, msg_id: i64, without_updates: bool) -> Caller {
        let state = self.session.state();
        Caller {
            dc_id: self.link.dc_id,
            key: self.identity.id,
            session_id: self.session.id,
            connection: self.link.id,
            msg_id,
            layer: state.layer,
            client: state.client.clone(),
            without_updates,
        }
    }

    pub fn is_burnt(&self) -> bool {
        self.identity.burnt.load(Ordering::Acquire)
    }

    /// Sends a message of the protocol itself over the session.
    pub fn post(&self, kind: Kind, body: &[&[u8]]) {
        self.session.post(&self.shared.ground, kind, body);
    }

    /// Answers a message with an error of the server itself.
    pub fn reject(&self, msg_id: i64, code: i32, message: &str) {
        self.session.answer(
            &self.shared.ground,
            msg_id,
            &error_body(code, message),
            true,
        );
    }
}

pub fn error_body(code: i32, message: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(16 + message.len());
    body.put_u32(RPC_ERROR);
    body.put_i32(code);
    body.put_bytes(message.as_bytes());
    body
}
