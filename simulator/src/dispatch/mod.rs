//! Dispatch: from a function's number to the part of the world that answers it.
//!
//! Receives: unwrapped calls from `wire` (as [`Backend`]).
//! Sends:    changes to `world`, what the world wants pushed to `wire` (through `port::Pusher`).
//! Promises: every call is counted; an unknown one is refused by name and recorded; scripted faults happen here.
//! Does not: keep any state of users, or know packets.

mod account;
mod album;
mod auth;
mod by_id;
mod channels;
mod contacts;
mod content;
mod dialogs;
mod engine;
mod fault;
mod forums;
mod help;
mod history;
mod invites;
mod layers;
mod messages;
mod pins;
mod reactions;
mod reply;
mod routes;
mod scheduled;
mod search;
mod sent;
mod updates;
mod upload;

use std::sync::Arc;

use grammers_tl_types::{self as tl, Cursor, Deserializable, Serializable};

pub use engine::Engine;
pub use fault::{Effect, Fault, FaultId, Faults};

use crate::{
    port::{Answer, AnswerFuture, Backend, Caller, KeyId},
    world::{Refusal, World},
};

/// No layer has a type of this number.
const UNKNOWN_TYPE: [u8; 4] = 0x0bad_0bad_u32.to_le_bytes();

/// One call on its way through a handler.
pub struct Call<'a> {
    pub caller: &'a Caller,
    /// Who is signed in; 0 for the few functions that need nobody.
    pub user: i64,
    pub dcs: &'a [(i32, std::net::SocketAddr)],
    pub faults: &'a Faults,
}

impl Call<'_> {
    pub fn key(&self) -> KeyId {
        self.caller.key
    }

    pub fn dc(&self) -> i32 {
        self.caller.dc_id
    }
}

/// The [`Backend`] of the simulator.
#[derive(Clone)]
pub struct Dispatch {
    pub engine: Arc<Engine>,
}

impl Dispatch {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }
}

impl Backend for Dispatch {
    fn call(&self, caller: Caller, body: Vec<u8>) -> AnswerFuture {
        let body = layers::upgrade(caller.layer, body);
        let id = body
            .first_chunk::<4>()
            .map_or(0, |id| u32::from_le_bytes(*id));
        let name = tl::name_for_id(id);
        let user = self.engine.user_of(caller.key);
        let effect = self.engine.faults().next_for_call(user, name, &body);
        let Some(effect) = effect else {
            // Nothing to wait for: answered at once, so that calls of one session keep their order.
            let answer = self.engine.answer(&caller, id, name, &body);
            return Box::pin(std::future::ready(answer));
        };
        let engine = self.engine.clone();
        let guard = matches!(effect, Effect::SlowStart { .. })
            .then(|| engine.hold_random_id(user, &body))
            .flatten();
        Box::pin(async move {
            match effect {
                Effect::Error { code, message } => {
                    engine.with(|world| count(world, name, id));
                    Answer::Error { code, message }
                }
                Effect::Unreadable => {
                    engine.answer(&caller, id, name, &body);
                    Answer::Result(UNKNOWN_TYPE.to_vec())
                }
                Effect::NeverAnswer => Answer::Silence,
                Effect::Pretend => {
                    engine.with(|world| count(world, name, id));
                    Answer::Result(true.to_bytes())
                }
                Effect::Cut => Answer::Cut,
                Effect::SlowStart { millis } => {
                    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
                    drop(guard);
                    engine.answer(&caller, id, name, &body)
                }
                Effect::SlowAnswer { millis } => {
                    let answer = engine.answer(&caller, id, name, &body);
                    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
                    answer
                }
                Effect::CutAfter => {
                    engine.answer(&caller, id, name, &body);
                    Answer::Cut
                }
                Effect::SilentAfter => {
                    engine.answer(&caller, id, name, &body);
                    Answer::Silence
                }
                _ => engine.answer(&caller, id, name, &body),
            }
        })
    }

    fn session_opened(&self, caller: &Caller) {
        self.engine.with(|world| {
            let now = world.now();
            let state = world.key_mut(caller.key, caller.dc_id);
            state.active = now;
        });
    }

    fn is_authorised(&self, key: KeyId) -> bool {
        self.engine.user_of(key).is_some()
    }

    fn key_burnt(&self, key: KeyId) {
        self.engine.with(|world| world.burn_key(key));
    }
}

/// The ledger knows every method that was called.
pub(crate) fn count(world: &mut World, name: &str, id: u32) {
    let name = if name.is_empty() || name == "(unknown)" {
        format!("#{id:08x}")
    } else {
        name.to_owned()
    };
    *world.methods.entry(name).or_default() += 1;
    world.revision += 1;
}

/// Reads a function, lets `handler` answer it and writes the answer.
pub(crate) fn serve<R, F>(body: &[u8], layer: i32, handler: F) -> Result<Vec<u8>, Refusal>
where
    R: tl::RemoteCall + Deserializable,
    R::Return: Serializable,
    F: FnOnce(R) -> Result<R::Return, Refusal>,
{
    let mut cursor = Cursor::from_slice(body.get(4..).unwrap_or(&[]));
    let request = R::deserialize(&mut cursor)
        .map_err(|error| Refusal::new(400, format!("INPUT_FETCH_ERROR: {error}")))?;
    Ok(layers::downgrade(layer, handler(request)?.to_bytes()))
}
