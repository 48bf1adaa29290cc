//! The assistant's answer as a stream, sent from the user's own account once it is whole.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::header, rt, web};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    assistant::{AssistantClient, Turn},
    confirmed,
    user::{Id, authorized, owner_of},
    user_send::{CONFIRM_LIMIT, message_id},
};
use crate::{
    domain::{AccountId, Peer, SecretText},
    store::QueueSend,
    web::{
        ApiError, Service,
        conversations::resolved_send,
        doors::random_text,
        outgoing::check_can_send,
        repeats::{Claim, Held},
        wording::{Format, written},
    },
};

/// Events on their way to the caller; a slow caller slows the reading of the assistant.
const ON_THE_WAY: usize = 16;
/// How long a caller's goodbye may take to be noticed before something is sent for it.
const LISTENING: Duration = Duration::from_millis(150);
/// Something is written this often, so that a caller who left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(1);
const TURNS: usize = 1000;
const STREAM: &str = "text/event-stream; charset=utf-8";
/// More is not kept for a repeat, which then hears the end alone.
const LONGEST_TOLD: usize = 1 << 20;

#[derive(Deserialize)]
pub struct Relay {
    user_id: Id,
    #[serde(default)]
    send_to_telegram: bool,
    #[serde(default)]
    send_as_user: bool,
    recipient_id: Option<Id>,
    messages: Vec<Turn>,
    /// What the assistant writes in.
    format: Option<Format>,
}

/// Where the answer goes when it is whole.
struct Destination {
    account: AccountId,
    peer: Peer,
    format: Format,
}

pub async fn relay(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Json<Relay>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let owner = owner_of(&body.user_id)?;
    let assistant = service.assistant.clone().ok_or_else(|| {
        ApiError::unavailable(
            "assistant_missing",
            "no assistant is configured: set ASSISTANT_URL and ASSISTANT_MODEL",
        )
    })?;
    if body.messages.is_empty() || body.messages.len() > TURNS {
        return Err(ApiError::unprocessable(
            "messages_invalid",
            "messages holds 1 to 1000 of {role, content}",
        ));
    }
    // What can be known to go wrong is told before the assistant is asked.
    let destination = match body.recipient_id {
        Some(recipient) if body.send_to_telegram && body.send_as_user => {
            let owned = authorized(&service, &owner).await?;
            check_can_send(&owned.account)?;
            let recipient = SecretText::new(recipient.text());
            let words = Default::default();
            let found = resolved_send(&service, owned.id(), &recipient, words, None).await?;
            found.peer.map(|peer| Destination {
                account: owned.id(),
                peer,
                format: body.format.unwrap_or_default(),
            })
        }
        _ => None,
    };
    let (events, receiver) = mpsc::channel(ON_THE_WAY);
    let events = Events {
        caller: events,
        told: Arc::default(),
    };
    let claim = Held::claim_of(&request);
    rt::spawn(async move {
        let told = produce(&service, assistant, body.messages, destination, &events).await;
        if let Some(claim) = claim {
            end(claim, &service, told, events).await;
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, STREAM))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(stream::unfold(receiver, |mut receiver| async move {
            let event = receiver.recv().await?;
            Some((Ok::<_, actix_web::Error>(event), receiver))
        })))
}

/// On their way to the caller, and what was told so far: a repeat under the same key hears it again.
#[derive(Clone)]
struct Events {
    caller: mpsc::Sender<web::Bytes>,
    told: Arc<Mutex<String>>,
}

impl Events {
    /// `false`: the caller is gone.
    async fn tell(&self, data: &Value) -> bool {
        let piece = event(data);
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() < LONGEST_TOLD {
                told.push_str(&String::from_utf8_lossy(&piece));
            }
        }
        self.caller.send(piece).await.is_ok()
    }

    fn told(self) -> String {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut told)
    }
}

/// What became of an answer.
enum Told {
    /// Nothing that a repeat would do twice.
    Nothing,
    /// The last event.
    End(Value),
}

async fn end(claim: Claim, service: &Service, told: Told, events: Events) {
    match told {
        Told::Nothing => claim.release().await,
        Told::End(last) => {
            let last = event(&last);
            let end = String::from_utf8_lossy(&last);
            claim.end_stream(service, STREAM, events.told(), &end).await;
        }
    }
}

fn event(data: &Value) -> web::Bytes {
    web::Bytes::from(format!("data: {data}\n\n"))
}

async fn produce(
    service: &Service,
    assistant: AssistantClient,
    turns: Vec<Turn>,
    destination: Option<Destination>,
    events: &Events,
) -> Told {
    let beats = beat(events.caller.clone());
    let heard = |text: String| {
        let events = events.clone();
        async move {
            let piece = json!({ "type": "content", "content": text });
            events.tell(&piece).await
        }
    };
    let answer = tokio::select! {
        answer = assistant.ask(&turns, heard) => answer,
        () = beats => Ok(None),
    };
    let last = match answer {
        // The caller left: nothing is sent.
        Ok(None) => return Told::Nothing,
        Err(error) => {
            let last = trouble(error.code(), &error.to_string(), &[]);
            events.tell(&last).await;
            return Told::Nothing;
        }
        Ok(Some(text)) => match destination {
            None => json!({ "type": "done", "status": "ok", "sent": false, "message_ids": [] }),
            Some(destination) => {
                if !still_there(events).await {
                    return Told::Nothing;
                }
                deliver(service, &destination, &text).await
            }
        },
    };
    // A caller who left meanwhile finds the messages in the chat.
    events.tell(&last).await;
    let refused = last["type"] == "error" && last["sent"] == false;
    if refused && last["code"] != "unconfirmed" {
        return Told::Nothing;
    }
    Told::End(last)
}

/// Ends when the caller is gone. Comments mean nothing to readers, but they can only be written to somebody.
async fn beat(events: mpsc::Sender<web::Bytes>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if events
            .send(web::Bytes::from_static(b": \n\n"))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Written twice with a breath between: the first finds out, the second hears of it.
async fn still_there(events: &Events) -> bool {
    let sending = event(&json!({ "type": "sending" }));
    for piece in [sending, web::Bytes::from_static(b": \n\n")] {
        if events.caller.send(piece).await.is_err() {
            return false;
        }
        let gone = tokio::time::timeout(LISTENING, events.caller.closed()).await;
        if gone.is_ok() {
            return false;
        }
    }
    true
}

/// Sends the parts one after the other, each confirmed before the next.
async fn deliver(service: &Service, destination: &Destination, text: &str) -> Value {
    let key = random_text();
    let mut ids = Vec::new();
    let parts = written(text, destination.format);
    for (number, (text, wording)) in parts.into_iter().enumerate() {
        let send = QueueSend {
            account: destination.account,
            chat: destination.peer.id,
            peer: Some(destination.peer.clone()),
            text,
            wording,
            idempotency_key: Some(format!("{key}-{number}")),
        };
        match confirmed::send(service, send, CONFIRM_LIMIT).await {
            Ok(message) => ids.extend(message_id(&message)),
            Err(error) => return trouble(error.code, &error.message, &ids),
        }
    }
    json!({ "type": "done", "status": "ok", "sent": true, "message_ids": ids })
}

fn trouble(code: &str, message: &str, sent: &[i64]) -> Value {
    json!({
        "type": "error",
        "status": "error",
        "code": code,
        "message": message,
        "sent": !sent.is_empty(),
        "message_ids": sent,
    })
}
