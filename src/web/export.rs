//! Export: a chat, or an account with all its chats, as a file: Telegram Desktop's own layout, or a page for people.
//!
//! Whole, as a stream; or a piece at a time, so that a download that broke off goes on where it was. What is stored is
//! exported, and what is not is named; Telegram is asked for nothing but the files of a page.

use std::{collections::VecDeque, io};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Bytes},
};
use futures_util::stream;
use serde::Deserialize;

use super::{
    Access, ApiError, Service,
    audit::Note,
    export_file::{self, Embedded},
};
use crate::{
    domain::{Account, AccountId, AccountState, ConversationId},
    store::{ExportPlace, StoreError},
    transfer::{
        PagePart, account_end, account_head, chat_end, chat_head, chat_message, message_parts,
        missing, page_chat, page_end, page_head, page_missing,
    },
};

/// Messages of a piece.
const PIECE: usize = 200;
const START: &str = "start";
const SANDBOX: &str = "sandbox; default-src 'none'";

#[derive(Deserialize)]
pub struct Asked {
    format: Option<String>,
    files: Option<bool>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Page,
}

impl Format {
    fn asked(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            None | Some("json") => Ok(Self::Json),
            Some("html") => Ok(Self::Page),
            Some(_) => Err(ApiError::bad_request(
                "invalid_format",
                "format is json or html",
            )),
        }
    }
}

pub async fn export_conversation(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<i64>,
    query: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let account = service.account(&access, conversation.account_id).await?;
    note.account(account.id);
    note.fact("conversation", conversation.id.0);
    let what = What::Chat(conversation.id);
    answer(&request, service, account, what, &query, &note).await
}

pub async fn export_account(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    query: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    note.account(account.id);
    answer(&request, service, account, What::Account, &query, &note).await
}

async fn answer(
    request: &HttpRequest,
    service: web::Data<Service>,
    account: Account,
    what: What,
    asked: &Asked,
    note: &Note,
) -> Result<HttpResponse, ApiError> {
    let format = Format::asked(asked.format.as_deref())?;
    let mut export = Export {
        service,
        account,
        what,
        format,
        files: asked.files.unwrap_or(true),
        at: At::Start,
    };
    if let Some(cursor) = asked.cursor.as_deref().filter(|cursor| *cursor != START) {
        export.at = At::Chat(export.place(cursor).await?);
        // Noted with its first piece.
        note.nothing();
    }
    let (kind, name) = match format {
        Format::Json => ("application/json", "result.json"),
        Format::Page => ("text/html; charset=utf-8", "messages.html"),
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        // It is made while it is sent: what goes on where it was is a cursor.
        .insert_header((header::ACCEPT_RANGES, "none"));
    if *request.method() == Method::HEAD {
        note.nothing();
        return Ok(answer.finish());
    }
    // What is wrong with the first piece is told, and does not break off an answer.
    let first = export.piece().await?;
    let alone = asked.cursor.is_some();
    if let (true, At::Chat(next)) = (alone, export.at) {
        answer.insert_header(("Next-Cursor", next.text()));
    }
    let run = Run {
        parts: first.into(),
        file: None,
        alone,
        export,
    };
    Ok(answer.streaming(stream::try_unfold(run, next)))
}

#[derive(Clone, Copy)]
enum What {
    Chat(ConversationId),
    Account,
}

#[derive(Clone, Copy)]
enum At {
    Start,
    Chat(ExportPlace),
    End,
}

struct Export {
    service: web::Data<Service>,
    account: Account,
    what: What,
    format: Format,
    files: bool,
    at: At,
}

impl Export {
    /// A cursor of this very export.
    async fn place(&self, cursor: &str) -> Result<ExportPlace, ApiError> {
        let place = ExportPlace::parse(cursor)?;
        let conversation = self
            .service
            .store
            .get_conversation(place.conversation)
            .await?;
        let own = conversation.is_some_and(|one| one.account_id == self.account.id);
        let fits = match self.what {
            What::Chat(id) => place.conversation == id && place.behind.is_some(),
            What::Account => own,
        };
        if fits {
            Ok(place)
        } else {
            Err(StoreError::InvalidCursor.into())
        }
    }

    /// The next one; moves on behind it.
    async fn piece(&mut self) -> Result<Vec<PagePart>, ApiError> {
        let mut parts = Vec::new();
        let whole = matches!(self.what, What::Account);
        let (place, first) = match self.at {
            At::End => return Ok(parts),
            At::Chat(place) => (Some(place), false),
            At::Start => {
                let id = match self.what {
                    What::Chat(id) => Some(id),
                    What::Account => self.behind(None).await?,
                };
                (id.map(ExportPlace::begin), true)
            }
        };
        if first && whole {
            parts.push(PagePart::Text(match self.format {
                Format::Json => account_head(&self.account),
                Format::Page => page_head(&self.account, &self.account.label),
            }));
        }
        self.at = match place {
            Some(place) => self.chat(place, first, &mut parts).await?,
            None => At::End,
        };
        if matches!(self.at, At::End) {
            let all = !whole || self.account_now().await?.sync.is_none();
            parts.push(PagePart::Text(match (self.format, whole) {
                (Format::Json, true) => account_end(all),
                (Format::Json, false) => String::new(),
                (Format::Page, _) => page_end(all).to_owned(),
            }));
        }
        Ok(parts)
    }

    async fn chat(
        &self,
        place: ExportPlace,
        first: bool,
        parts: &mut Vec<PagePart>,
    ) -> Result<At, ApiError> {
        let store = &self.service.store;
        let whole = matches!(self.what, What::Account);
        let page = store.export_page(place, PIECE).await?;
        if place.behind.is_none() {
            let conversation = store.get_conversation(place.conversation).await?;
            let conversation = conversation.ok_or(StoreError::ConversationNotFound)?;
            parts.push(PagePart::Text(match (self.format, whole) {
                (Format::Json, _) => {
                    chat_head(&self.account, &conversation, whole.then_some(first))
                }
                (Format::Page, true) => page_chat(&conversation),
                (Format::Page, false) => page_head(&self.account, &conversation.title),
            }));
        }
        let mut text = String::new();
        for (at, message) in page.messages.iter().enumerate() {
            match self.format {
                Format::Json => {
                    let first = at == 0 && place.behind.is_none();
                    text.push_str(&chat_message(&self.account, message, first, whole));
                }
                Format::Page => parts.extend(message_parts(message, &self.account.label)),
            }
        }
        parts.push(PagePart::Text(text));
        if let Some(next) = page.next {
            return Ok(At::Chat(next));
        }
        let spans = store.spans(place.conversation).await?;
        let state = self.account_now().await?.state;
        let follows = matches!(state, AccountState::Online | AccountState::Limited);
        let kept_above = store.kept_above(place.conversation).await?;
        let missing = missing(&spans, kept_above, follows);
        parts.push(PagePart::Text(match self.format {
            Format::Json => chat_end(&missing, whole),
            Format::Page => page_missing(&missing),
        }));
        let next = match self.what {
            What::Chat(_) => None,
            What::Account => self.behind(Some(place.conversation)).await?,
        };
        Ok(next.map_or(At::End, |id| At::Chat(ExportPlace::begin(id))))
    }

    /// As it is by now: an export may take long.
    async fn account_now(&self) -> Result<Account, StoreError> {
        let account = self.service.store.get_account(self.account.id).await?;
        account.ok_or(StoreError::AccountNotFound)
    }

    async fn behind(
        &self,
        before: Option<ConversationId>,
    ) -> Result<Option<ConversationId>, StoreError> {
        let store = &self.service.store;
        store.conversation_behind(self.account.id, before).await
    }
}

/// An export on its way out, at the pace at which it is taken.
struct Run {
    export: Export,
    parts: VecDeque<PagePart>,
    file: Option<Embedded>,
    /// This piece and no other.
    alone: bool,
}

/// The line is cut where a piece can't be had: what came is not taken for the whole.
async fn next(mut run: Run) -> Result<Option<(Bytes, Run)>, io::Error> {
    loop {
        if let Some(file) = &mut run.file {
            if let Some(bytes) = file.next().await {
                return Ok(Some((bytes, run)));
            }
            run.file = None;
        }
        match run.parts.pop_front() {
            Some(PagePart::Text(text)) if text.is_empty() => {}
            Some(PagePart::Text(text)) => return Ok(Some((text.into(), run))),
            Some(PagePart::File(message)) => {
                let files = run.export.files;
                let (text, file) = export_file::open(&run.export.service, &message, files).await;
                run.file = file;
                return Ok(Some((text.into(), run)));
            }
            None if run.alone || matches!(run.export.at, At::End) => return Ok(None),
            None => {
                let piece = run.export.piece().await;
                let piece = piece.map_err(|error| io::Error::other(error.to_string()))?;
                run.parts = piece.into();
            }
        }
    }
}
