//! People: an account's address book, whom a name, a number or a link means, and coming into a chat.
//!
//! Numbers and invitations come in bodies, never in addresses, and are kept nowhere.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{
    Access, ApiError, Service, conversations::check_limit, login::check_phone,
    outgoing::check_can_send, recipient,
};
use crate::{
    account::health,
    domain::{
        AccountId, ChatId, ContactListMark, ConversationKind, FoundChat, HealthFact, SecretText,
        Timestamp, Wanted, clean,
    },
    store::{ContactBook, ContactQuery},
    telegram::{CallError, Invitation, LinkHandle, LookedUp},
};

/// A list that was told longer ago is asked for again: Telegram says of few changes that there were any.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// For that question, where there is a list to show.
const REFRESH_LIMIT: Duration = Duration::from_secs(5);
/// Of a first or last name at Telegram.
const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
pub struct ListContacts {
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub async fn list_contacts(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    query: web::Query<ListContacts>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let query = query.into_inner();
    let limit = check_limit(query.limit)?;
    let mark = refreshed(&service, account.id).await?;
    let page = service
        .store
        .list_contacts(ContactQuery {
            account: account.id,
            q: query.q,
            cursor: query.cursor,
            limit,
            visible: access.accounts,
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "contacts": page.items,
        "next_cursor": page.next_cursor,
        "fetched_at": mark.fetched_at,
    })))
}

/// Asks Telegram where the list is old. What is stored is shown when Telegram can't be asked; a list that was never told
/// can't be.
async fn refreshed(service: &Service, account: AccountId) -> Result<ContactListMark, ApiError> {
    let mark = service.store.contact_list_mark(account).await?;
    let age = mark.fetched_at.map(|at| Timestamp::now().until(at));
    if age.is_some_and(|age| age < FRESH_FOR) {
        return Ok(mark);
    }
    let refreshing = async {
        let link = service.link(account).await?;
        let asked_at = Instant::now();
        let list = link.contacts(mark.hash).await?;
        let hash = list.as_ref().map_or(mark.hash, |list| list.hash);
        let list = list.map(|list| ContactBook {
            contacts: list.contacts,
            peers: list.peers,
        });
        service
            .store
            .put_contacts(account, (hash, asked_at), list)
            .await?;
        Ok(())
    };
    if mark.fetched_at.is_none() {
        refreshing.await?;
    } else if let Ok(Err(error)) = timeout(REFRESH_LIMIT, refreshing).await {
        let error: ApiError = error;
        log::info!(target: "switchboard::web", "account={account} its contacts are those of before: {}", error.code);
    }
    Ok(service.store.contact_list_mark(account).await?)
}

#[derive(Deserialize)]
pub struct Find {
    recipient: SecretText,
}

pub async fn find_recipient(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    body: web::Json<Find>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let meant = recipient::parse(&body.recipient)?;
    check_can_send(&account)?;
    let link = service.link(account.id).await?;
    let found = match link.look_up(&meant).await? {
        LookedUp::Invitation(invitation) => of_invitation(invitation),
        LookedUp::Peer(peer) => {
            let known = service.store.conversation_of(account.id, peer.id);
            let conversation = known.await?;
            let knowing = service.store.accounts_knowing(peer.id, access.accounts);
            let mut found = FoundChat::of(&peer, conversation, knowing.await?);
            if found.kind == ConversationKind::Private {
                found.wants = wants(&service, account.id, peer.id, &link).await;
            }
            found
        }
    };
    Ok(HttpResponse::Ok().json(json!({ "found": found })))
}

/// Telegram not saying it is no reason not to find somebody. What it says of a price is kept.
async fn wants(
    service: &Service,
    account: AccountId,
    chat: ChatId,
    link: &LinkHandle,
) -> Option<Wanted> {
    let wants = link.wanted(chat).await.ok()?;
    let fact = match wants.and_then(|wanted| wanted.stars) {
        Some(stars) => HealthFact::Paid { chat, stars },
        None => HealthFact::Unpaid { chat },
    };
    health::learn(&service.store, account, fact).await;
    wants
}

fn of_invitation(invitation: Invitation) -> FoundChat {
    FoundChat {
        chat_id: None,
        kind: invitation.kind,
        title: invitation.title,
        username: None,
        about: invitation.about,
        members: Some(invitation.members),
        on_request: invitation.on_request,
        joinable: true,
        conversation: None,
        accounts: Vec::new(),
        wants: None,
    }
}

pub async fn join_chat(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    body: web::Json<Find>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let meant = recipient::parse(&body.recipient)?;
    check_can_send(&account)?;
    let joined = service.link(account.id).await?.join(&meant).await?;
    let requested = joined.is_none();
    let conversation = match joined {
        Some(peer) => Some(service.store.open_conversation(account.id, peer).await?),
        None => None,
    };
    Ok(HttpResponse::Ok().json(json!({ "conversation": conversation, "requested": requested })))
}

#[derive(Deserialize)]
pub struct NewContact {
    phone: SecretText,
    first_name: String,
    last_name: Option<String>,
}

pub async fn add_contact(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    body: web::Json<NewContact>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let body = body.into_inner();
    let phone = check_phone(&body.phone)?;
    let first_name = checked_name(body.first_name)?;
    if first_name.is_empty() {
        return Err(name_invalid());
    }
    let last_name = checked_name(body.last_name.unwrap_or_default())?;
    check_can_send(&account)?;
    let link = service.link(account.id).await?;
    let added = link.add_contact(&phone, (first_name, last_name)).await?;
    // The number stays in the address book all the same; nobody stands behind it for this account.
    let peer = added.ok_or(CallError::Unresolvable)?;
    service.store.add_contact(account.id, peer.clone()).await?;
    let conversation = service.store.conversation_of(account.id, peer.id).await?;
    let knowing = service.store.accounts_knowing(peer.id, access.accounts);
    let found = FoundChat::of(&peer, conversation, knowing.await?);
    Ok(HttpResponse::Created().json(json!({ "found": found })))
}

fn checked_name(name: String) -> Result<String, ApiError> {
    let name = clean::line(name);
    if name.chars().count() > LONGEST_NAME {
        return Err(name_invalid());
    }
    Ok(name)
}

fn name_invalid() -> ApiError {
    ApiError::unprocessable("name_invalid", "a name has 1 to 64 characters on one line")
}
