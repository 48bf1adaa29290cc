//! Port: what the wire and the rest of the simulator know of each other.
//!
//! The wire knows connections, keys and packets, and nothing of users. The backend knows users, and nothing of
//! packets. Both meet here: the wire hands unwrapped calls to a [`Backend`], the backend pushes through a
//! [`Pusher`]. Faults that happen below the calls (cut lines, wrong salts) are the wire's own business.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// The low 64 bits of an auth key's SHA-1: the name that packets carry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub i64);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{:016x}", self.0)
    }
}

/// One TCP connection, numbered from the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Who calls, as far as the wire can tell.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The data centre whose port the client dialled.
    pub dc_id: i32,
    pub key: KeyId,
    pub session_id: i64,
    pub connection: ConnectionId,
    /// Of the call itself; an answer refers to it.
    pub msg_id: i64,
    /// Layer of the last `invokeWithLayer` in this session; 0 when none came yet.
    pub layer: i32,
    /// What `initConnection` said last in this session.
    pub client: Option<Arc<ClientInfo>>,
    /// The call came wrapped in `invokeWithoutUpdates`.
    pub without_updates: bool,
}

/// What a client says of itself in `initConnection`.
#[derive(Clone, Debug, Default)]
pub struct ClientInfo {
    pub api_id: i32,
    pub device_model: String,
    pub system_version: String,
    pub app_version: String,
    pub system_lang_code: String,
    pub lang_code: String,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The serialised result, without `rpc_result`.
    Result(Vec<u8>),
    /// `rpc_error`.
    Error { code: i32, message: String },
    /// Never answered: a scripted fault.
    Silence,
    /// The connection is cut instead of answering: a scripted fault.
    Cut,
}

pub type AnswerFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The side that knows users: called by the wire.
pub trait Backend: Send + Sync + 'static {
    /// Answers one call. The wire has taken off `invokeWithLayer`, `initConnection`, `invokeWithoutUpdates`,
    /// `invokeAfterMsg(s)` and gzip; `body` begins with the constructor of the real function.
    /// Calls of one session start in the order of their message ids; their futures may finish in any order.
    fn call(&self, caller: Caller, body: Vec<u8>) -> AnswerFuture;

    /// A session was seen for the first time on a key (`new_session_created` is being sent).
    fn session_opened(&self, _caller: &Caller) {}

    /// A key's last connection is gone.
    fn key_went_offline(&self, _key: KeyId) {}

    /// Does a signed-in user stand behind this key? Asked by the fault that answers 406 AUTH_KEY_DUPLICATED.
    fn is_authorised(&self, _key: KeyId) -> bool {
        false
    }

    /// That fault has struck: the wire refuses the key's calls from now on, and nobody is signed in with it any more.
    fn key_burnt(&self, _key: KeyId) {}
}

/// The way down from the backend to connected clients. Never blocks; a key without a connection drops what is
/// pushed, as Telegram does: the client asks for the difference when it comes back.
pub trait Pusher: Send + Sync + 'static {
    /// Sends one serialised `Updates` object to every session of `key` that wants updates, over its newest
    /// connection. Answers to how many it went.
    fn push(&self, key: KeyId, updates: &[u8]) -> usize;

    /// Cuts every connection of `key`.
    fn cut(&self, key: KeyId);

    /// The key no longer exists on the server: its connections end and later packets get transport error -404.
    fn destroy_key(&self, key: KeyId);

    /// Layer last announced by a session of this key, 0 when unknown: pushes are serialised for it.
    fn layer(&self, key: KeyId) -> i32;
}
