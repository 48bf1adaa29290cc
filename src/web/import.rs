//! Import: a `result.json` of Telegram Desktop into an account's history, read as it comes and stored a few messages at a time.
//!
//! Nothing of it is news, and nothing is stored twice: a file that broke off is sent again. Whose the file is shows where it
//! says so; of a private chat alone, by who else writes in it.

use std::io;

use actix_web::{HttpResponse, web};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Access, ApiError, Service, audit::Note, error::payload_error};
use crate::{
    domain::{AccountId, ChatId, IncomingMessage, Peer, PeerKind},
    store::Imported,
    transfer::{Bytes, ChatHead, Found, ReadError, Reader, Taken, take},
};

/// Messages that are stored together.
const BATCH: usize = 100;
/// Parts of the body that wait to be read.
const PARTS: usize = 4;

pub async fn import_history(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    mut body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let own = account.user.as_ref().map(|user| user.id);
    let own = own.ok_or_else(|| {
        ApiError::conflict(
            "account_unavailable",
            "nobody has signed in to this account yet, so it has no history of its own",
        )
    })?;
    let (parts, coming) = mpsc::channel(PARTS);
    let (batches, mut read) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(Taking::new(own, batches));
        let (taking, told) = reader.read(Coming(coming));
        taking.end(told)
    });
    let feeding = async {
        while let Some(part) = body.next().await {
            let part = part.map_err(payload_error)?;
            if parts.send(Ok(part)).await.is_err() {
                break;
            }
        }
        // The end, and no breaking off.
        let _ = parts.send(Err(())).await;
        drop(parts);
        Ok::<(), ApiError>(())
    };
    let storing = async {
        let mut imported = Imported::default();
        while let Some(Read { people, messages }) = read.recv().await {
            service.doors.still(&access)?;
            imported += service.store.import(account.id, people, messages).await?;
        }
        Ok::<_, ApiError>(imported)
    };
    let (fed, stored) = tokio::join!(feeding, storing);
    let counts = reading.await.map_err(ApiError::internal)?;
    let imported = stored?;
    fed?;
    let Counts {
        chats,
        messages,
        skipped,
    } = counts?;
    note.fact("messages", messages);
    note.fact("added", imported.added);
    Ok(HttpResponse::Ok().json(json!({ "import": {
        "chats": chats,
        "messages": messages,
        "added": imported.added,
        "known": imported.known,
        "differing": imported.differing,
        "skipped": skipped,
    }})))
}

/// Messages to be stored together, and whom they name.
#[derive(Default)]
struct Read {
    people: Vec<Peer>,
    messages: Vec<IncomingMessage>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    chats: u64,
    messages: u64,
    /// No messages of Telegram's, or of chats that an account does not have.
    skipped: u64,
}

/// The body, for whoever reads it on a thread of its own.
struct Coming(mpsc::Receiver<Result<web::Bytes, ()>>);

impl Bytes for Coming {
    fn next(&mut self) -> io::Result<Option<web::Bytes>> {
        match self.0.blocking_recv() {
            Some(Ok(part)) => Ok(Some(part)),
            Some(Err(())) => Ok(None),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// What is read, on its way to the store.
struct Taking {
    own: i64,
    head: ChatHead,
    chat: Option<ChatId>,
    counts: Counts,
    gathered: Read,
    batches: mpsc::Sender<Read>,
    /// The file is of somebody else's account.
    foreign: bool,
}

impl Taking {
    fn new(own: i64, batches: mpsc::Sender<Read>) -> Self {
        Self {
            own,
            head: ChatHead::default(),
            chat: None,
            counts: Counts::default(),
            gathered: Read::default(),
            batches,
            foreign: false,
        }
    }

    /// Waits for the store; `false` when that wants no more.
    fn hand_on(&mut self) -> bool {
        if self.gathered.messages.is_empty() {
            return true;
        }
        let gathered = std::mem::take(&mut self.gathered);
        self.batches.blocking_send(gathered).is_ok()
    }

    fn end(mut self, told: Result<(), ReadError>) -> Result<Counts, ApiError> {
        if self.foreign {
            return Err(ApiError::conflict(
                "import_not_yours",
                "this file was exported from another account: its numbers name other messages here",
            ));
        }
        self.hand_on();
        match told {
            Ok(()) => Ok(self.counts),
            Err(error) => Err(ApiError::unprocessable(
                "import_unreadable",
                format!(
                    "this is no result.json of Telegram Desktop, or not all of it: {error}; the {} messages before that are imported",
                    self.counts.messages
                ),
            )),
        }
    }

    /// In a private chat two people write: this account and whose chat it is.
    fn is_foreign(&self, taken: &Taken) -> bool {
        let Some(PeerKind::User(with)) = self.chat.map(ChatId::kind) else {
            return false;
        };
        // Saved messages have authors of all kinds.
        let alone = self.head.kind == "personal_chat" || self.head.kind == "bot_chat";
        let writes = taken.message.sender.map(ChatId::kind);
        alone && matches!(writes, Some(PeerKind::User(id)) if id != with && id != self.own)
            || self.head.kind == "saved_messages" && with != self.own
    }
}

impl Found for Taking {
    fn owner(&mut self, user: i64) -> bool {
        self.foreign = user != self.own;
        !self.foreign
    }

    fn chat(&mut self, head: &ChatHead) -> bool {
        self.chat = head.chat();
        self.head = head.clone();
        self.counts.chats += 1;
        true
    }

    fn message(&mut self, message: Value) -> bool {
        self.counts.messages += 1;
        let taken = self
            .chat
            .and_then(|chat| take(&self.head, chat, self.own, message));
        let Some(taken) = taken else {
            self.counts.skipped += 1;
            return true;
        };
        if self.is_foreign(&taken) {
            self.foreign = true;
            return false;
        }
        for person in taken.people {
            if !self
                .gathered
                .people
                .iter()
                .any(|known| known.id == person.id)
            {
                self.gathered.people.push(person);
            }
        }
        self.gathered.messages.push(taken.message);
        self.gathered.messages.len() < BATCH || self.hand_on()
    }
}
