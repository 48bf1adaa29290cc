//! Socket: one actor per open WebSocket, fed at the reader's own pace.
//!
//! `actix-web-actors` buffers what is written without a bound, so this actor bounds it itself: every so many bytes
//! it sends a ping, and writes on only while the answered pings show that the reader keeps up. What it has not
//! written yet lies in the ring or in the event log, not in this actor.
//!
//! It does not watch its reader's right: `ending.rs` stands between this actor and the line.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, StreamHandler, WrapFuture,
};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::{access::Access, error::ApiError, state::Service};
use crate::{
    broadcast::{Frame, Since, Subscription, Transient, Wake},
    domain::{Event, EventBody, Login, Seq, Timestamp},
    traces,
    vault::VaultStatus,
};

/// Written but not yet known to be read: more than this and the reader has to catch up first.
const WINDOW_BYTES: usize = 1 << 20;
/// Written between two pings at least.
const PING_BYTES: usize = WINDOW_BYTES / 16;
/// Frames taken at once.
const PORTION: u32 = 256;
const HEARTBEAT: Duration = Duration::from_secs(20);
/// A reader that answered no ping for this long is gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// The desk has nothing long to say.
const LARGEST_FRAME_IN: usize = 16 * 1024;

#[derive(Deserialize)]
pub struct After {
    after: Option<i64>,
}

pub async fn open_socket(
    request: HttpRequest,
    stream: web::Payload,
    query: web::Query<After>,
    access: Access,
    service: web::Data<Service>,
) -> Result<HttpResponse, ApiError> {
    let actor = SocketActor {
        vault: service.vault.watch_status(),
        service: service.into_inner(),
        access,
        cursor: query.after.map(Seq),
        subscription: None,
        reading_log: false,
        unanswered: VecDeque::new(),
        unanswered_bytes: 0,
        unpinged_bytes: 0,
        next_ping: 0,
        heard: Instant::now(),
    };
    ws::WsResponseBuilder::new(actor, &request, stream)
        .frame_size(LARGEST_FRAME_IN)
        .start()
        .map_err(|error| {
            let why = format!("this address is for WebSockets: {error}");
            ApiError::bad_request("not_a_websocket", why)
        })
}

/// Is this event for this caller?
pub fn sees(service: &Service, access: &Access, frame: &Frame) -> bool {
    service.doors.sees(access, frame.account_id())
}

/// An event as this caller may read it: whoever may not sign in sees no QR address and no hint of a password.
pub fn text_for(access: &Access, frame: &Frame) -> Arc<str> {
    let event = frame.event();
    match &event.body {
        EventBody::LoginUpdated { account_id, login } if !access.may_sign_in() => {
            let body = EventBody::LoginUpdated {
                account_id: *account_id,
                login: login.clone().map(Login::for_looking),
            };
            let event = Event {
                body,
                ..Event::clone(event)
            };
            Frame::new(Arc::new(event)).text()
        }
        _ => frame.text(),
    }
}

pub struct SocketActor {
    service: Arc<Service>,
    access: Access,
    /// Everything up to here was written, or lies before what the reader asked for.
    cursor: Option<Seq>,
    /// Set once the greeting is out.
    subscription: Option<Subscription>,
    reading_log: bool,
    /// How the vault is; read only when it is written to the reader.
    vault: watch::Receiver<VaultStatus>,
    /// Pings on their way with the bytes that went before each.
    unanswered: VecDeque<(u64, usize)>,
    unanswered_bytes: usize,
    /// The part of them that went out after the last ping.
    unpinged_bytes: usize,
    next_ping: u64,
    heard: Instant,
}

type Context = ws::WebsocketContext<SocketActor>;

impl Actor for SocketActor {
    type Context = Context;

    fn started(&mut self, ctx: &mut Context) {
        ctx.run_interval(HEARTBEAT, Self::beat);
        let service = Arc::clone(&self.service);
        let wake = ctx.address().recipient::<Wake>();
        let transient = ctx.address().recipient::<Transient>();
        // Subscribing comes before reading the newest number, or a commit between the two would go unseen.
        let greeting = async move {
            let subscription = service.broadcast.subscribe(wake, transient).await.ok()?;
            let newest = service.store.last_seq().await.ok()?;
            let oldest = service.store.oldest_seq().await.ok()?;
            Some((subscription, newest, oldest))
        };
        ctx.wait(greeting.into_actor(self).map(|greeted, socket, ctx| {
            let Some((subscription, newest, oldest)) = greeted else {
                ctx.close(Some(ws::CloseReason::from(ws::CloseCode::Restart)));
                ctx.stop();
                return;
            };
            socket.subscription = Some(subscription);
            socket.greet(newest, oldest, ctx);
            socket.vault.mark_changed();
            ctx.add_stream(changes_of(socket.vault.clone()));
            socket.pump(ctx);
        }));
    }
}

impl SocketActor {
    fn greet(&mut self, newest: Seq, oldest: Seq, ctx: &mut Context) {
        let hello = json!({ "event": "hello", "data": {
            "seq": newest, "oldest_seq": oldest, "version": env!("CARGO_PKG_VERSION"),
            "scope": self.access.scope.as_str(),
        }});
        ctx.text(hello.to_string());
        let asked = self.cursor.unwrap_or(newest);
        // A number from the future belongs to another database.
        if asked.0 + 1 < oldest.0 || asked > newest {
            self.resync(newest, ctx);
        } else {
            self.cursor = Some(asked);
        }
    }

    /// A reader that does not keep up gets the state as it is once it does, not every state in between.
    fn tell_vault(&mut self, ctx: &mut Context) {
        let greeted = self.subscription.is_some();
        if !greeted
            || self.unanswered_bytes >= WINDOW_BYTES
            || !self.vault.has_changed().unwrap_or(false)
        {
            return;
        }
        let status = self.vault.borrow_and_update().clone();
        let vault = status.seen_by(|id| self.service.doors.sees(&self.access, id));
        let frame =
            json!({ "event": "vault_status", "at": Timestamp::now(), "data": { "vault": vault } });
        let text = frame.to_string();
        let bytes = text.len();
        ctx.text(text);
        self.wrote(bytes, ctx);
    }

    fn resync(&mut self, newest: Seq, ctx: &mut Context) {
        ctx.text(json!({ "event": "resync", "data": { "seq": newest } }).to_string());
        self.cursor = Some(newest);
    }

    /// Writes what there is, as far as the reader keeps up.
    fn pump(&mut self, ctx: &mut Context) {
        let (Some(mut cursor), Some(subscription)) = (self.cursor, self.subscription.clone())
        else {
            return;
        };
        subscription.rearm();
        while !self.reading_log && self.unanswered_bytes < WINDOW_BYTES {
            match self.service.broadcast.after(cursor, PORTION as usize) {
                Since::Frames(frames) if frames.is_empty() => break,
                Since::Frames(frames) => {
                    if let Some(last) = frames.last() {
                        cursor = last.seq();
                    }
                    self.write(&frames, ctx);
                }
                Since::Behind => self.read_log(cursor, ctx),
            }
        }
        self.cursor = Some(cursor);
    }

    fn write(&mut self, frames: &[Arc<Frame>], ctx: &mut Context) {
        let mut bytes = 0;
        for frame in frames.iter().filter(|frame| self.sees(frame)) {
            let text = text_for(&self.access, frame);
            bytes += text.len();
            ctx.text(&*text);
            traces::shown(frame.event());
            if let Some(read_at) = frame.read_at() {
                self.service.metrics.delivered(read_at.elapsed());
            }
        }
        self.wrote(bytes, ctx);
    }

    fn wrote(&mut self, bytes: usize, ctx: &mut Context) {
        self.unanswered_bytes += bytes;
        self.unpinged_bytes += bytes;
        if self.unpinged_bytes >= PING_BYTES {
            self.ping(ctx);
        }
    }

    fn sees(&self, frame: &Frame) -> bool {
        sees(&self.service, &self.access, frame)
    }

    fn ping(&mut self, ctx: &mut Context) {
        let bytes = std::mem::take(&mut self.unpinged_bytes);
        self.unanswered.push_back((self.next_ping, bytes));
        ctx.ping(&self.next_ping.to_be_bytes());
        self.next_ping += 1;
    }

    fn answered(&mut self, payload: &[u8]) {
        let Ok(number) = payload.try_into().map(u64::from_be_bytes) else {
            return;
        };
        while let Some((ping, bytes)) = self.unanswered.front().copied() {
            if ping > number {
                break;
            }
            self.unanswered.pop_front();
            self.unanswered_bytes -= bytes;
        }
    }

    /// The ring has moved on: the next portion comes from the event log.
    fn read_log(&mut self, cursor: Seq, ctx: &mut Context) {
        self.reading_log = true;
        let service = Arc::clone(&self.service);
        let portion = async move {
            // In this order: what is written meanwhile comes next, and what goes meanwhile is seen to be gone.
            let newest = service.store.last_seq().await?;
            let events = service.store.events_after(cursor, PORTION).await?;
            let oldest = service.store.oldest_seq().await?;
            Ok::<_, crate::store::StoreError>((oldest, events, newest))
        };
        ctx.spawn(portion.into_actor(self).map(move |portion, socket, ctx| {
            socket.reading_log = false;
            match portion {
                Ok((oldest, _, newest)) if cursor.0 + 1 < oldest.0 => socket.resync(newest, ctx),
                Ok((_, events, newest)) => {
                    let frames: Vec<_> = events
                        .into_iter()
                        .map(|event| Arc::new(Frame::new(event)))
                        .collect();
                    // An empty portion means that the log holds nothing more up to `newest`.
                    socket.cursor = Some(frames.last().map_or(newest, |frame| frame.seq()));
                    socket.write(&frames, ctx);
                }
                Err(error) => {
                    log::warn!(target: "switchboard::web", "a dashboard is cut, it will resume: {error}");
                    ctx.close(Some(ws::CloseReason::from(ws::CloseCode::Again)));
                    ctx.stop();
                    return;
                }
            }
            socket.pump(ctx);
        }));
    }

    fn beat(&mut self, ctx: &mut Context) {
        if self.heard.elapsed() > PATIENCE {
            ctx.stop();
            return;
        }
        self.ping(ctx);
    }
}

impl Handler<Wake> for SocketActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Context) {
        match wake {
            Wake::News => self.pump(ctx),
            Wake::Closing => {
                ctx.close(Some(ws::CloseReason::from(ws::CloseCode::Restart)));
                ctx.stop();
            }
        }
    }
}

impl Handler<Transient> for SocketActor {
    type Result = ();

    fn handle(&mut self, transient: Transient, ctx: &mut Context) {
        let seen = self.service.doors.sees(&self.access, transient.account_id);
        if seen && self.unanswered_bytes < WINDOW_BYTES {
            let text = match &transient.for_looking {
                Some(text) if !self.access.may_sign_in() => text,
                _ => &transient.text,
            };
            ctx.text(&**text);
        }
    }
}

/// The vault is otherwise than it was.
struct VaultChanged;

/// Begins with how it is now.
fn changes_of(
    vault: watch::Receiver<VaultStatus>,
) -> impl futures_util::Stream<Item = VaultChanged> {
    stream::unfold(vault, |mut vault| async move {
        vault.changed().await.ok()?;
        Some((VaultChanged, vault))
    })
}

impl StreamHandler<VaultChanged> for SocketActor {
    fn handle(&mut self, _: VaultChanged, ctx: &mut Context) {
        self.tell_vault(ctx);
    }

    /// The vault closes with the service; the socket's end is told by [`Wake::Closing`].
    fn finished(&mut self, _: &mut Context) {}
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for SocketActor {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Context) {
        self.heard = Instant::now();
        match message {
            Ok(ws::Message::Pong(payload)) => {
                self.answered(&payload);
                self.pump(ctx);
                self.tell_vault(ctx);
            }
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            // Readers only read; what they say otherwise is not ours to judge.
            Ok(ws::Message::Text(_) | ws::Message::Binary(_) | ws::Message::Nop) => {}
            Ok(ws::Message::Continuation(_)) | Err(_) => ctx.stop(),
        }
    }
}
