//! Chat orders: chats cleared, muted, archived, blocked and reported. As [`super::orders`], each is committed before it is
//! answered.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service,
    orders::{Whom, queue},
    outgoing::{check_can_send, idempotency_key},
};
use crate::domain::{Conversation, ConversationId, ConversationKind, Deed, Timestamp};

#[derive(Deserialize)]
pub struct Clear {
    #[serde(rename = "for")]
    whom: Whom,
}

pub async fn clear_conversation(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<Clear>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let Some(up_to) = service.store.newest_number(conversation.id).await? else {
        return Ok(HttpResponse::Accepted().json(json!({ "conversation": conversation })));
    };
    let deed = Deed::Clear {
        for_everyone: body.whom == Whom::Everyone,
        up_to,
    };
    // A repeat means what was there at first.
    let asked = Deed::Clear {
        for_everyone: body.whom == Whom::Everyone,
        up_to: 0,
    };
    let deed = (deed, Some(asked));
    let queued = queue(&service, &access, &request, &conversation, Vec::new(), deed).await?;
    Ok(HttpResponse::Accepted().json(json!({ "conversation": queued.conversation })))
}

/// What an account puts on a chat. Each that is given is an order of its own.
#[derive(Deserialize)]
pub struct ChangeConversation {
    muted: Option<bool>,
    muted_until: Option<Timestamp>,
    archived: Option<bool>,
    marked_unread: Option<bool>,
    blocked: Option<bool>,
}

impl ChangeConversation {
    fn deeds(&self) -> Vec<Deed> {
        let until = match (self.muted, self.muted_until) {
            (Some(false), _) => Some(None),
            (_, Some(until)) => Some(Some(until)),
            (Some(true), None) => Some(Some(Timestamp::from_seconds(i64::from(i32::MAX)))),
            (None, None) => None,
        };
        let deeds = [
            until.map(|until| Deed::Mute { until }),
            self.archived.map(|archived| Deed::Archive { archived }),
            self.marked_unread.map(|unread| Deed::MarkUnread { unread }),
            self.blocked.map(|blocked| Deed::Block { blocked }),
        ];
        deeds.into_iter().flatten().collect()
    }
}

pub async fn change_conversation(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
    body: web::Json<ChangeConversation>,
) -> Result<HttpResponse, ApiError> {
    let mut conversation = service.conversation(&access, ConversationId(*id)).await?;
    // Also where nothing is to be changed.
    idempotency_key(&request)?;
    if body.deeds().is_empty() {
        check_can_send(&service.account(&access, conversation.account_id).await?)?;
    }
    let is_person = matches!(
        conversation.kind,
        ConversationKind::Private | ConversationKind::Bot
    );
    if body.blocked.is_some() && !is_person {
        return Err(not_a_person());
    }
    for deed in body.deeds() {
        conversation = about_chat(&service, &access, &request, &conversation, deed).await?;
    }
    Ok(HttpResponse::Accepted().json(json!({ "conversation": conversation })))
}

fn not_a_person() -> ApiError {
    ApiError::unprocessable("not_a_person", "only people and bots can be blocked")
}

pub async fn report_conversation(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let conversation = about_chat(&service, &access, &request, &conversation, Deed::Report).await?;
    Ok(HttpResponse::Accepted().json(json!({ "conversation": conversation })))
}

/// Nothing is kept of it: whoever types says so again every few seconds.
pub async fn say_typing(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let conversation = service.conversation(&access, ConversationId(*id)).await?;
    let link = service.link(conversation.account_id).await?;
    link.set_typing(conversation.chat_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn about_chat(
    service: &Service,
    access: &Access,
    request: &HttpRequest,
    conversation: &Conversation,
    deed: Deed,
) -> Result<Conversation, ApiError> {
    let none = Vec::new();
    let queued = queue(service, access, request, conversation, none, (deed, None)).await?;
    Ok(queued.conversation)
}
