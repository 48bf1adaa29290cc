//! users.* and contacts.*: who is who.

use grammers_tl_types::{enums, functions::contacts as f, functions::users as u, types};

use super::Call;
use crate::world::{
    ChatRef, Refusal, World, bad, digits,
    view::{Cast, Detail, blank_user_full},
};

pub fn get_users(
    world: &mut World,
    call: &Call,
    r: u::GetUsers,
) -> Result<Vec<enums::User>, Refusal> {
    let mut users = Vec::new();
    for input in &r.id {
        let Ok(id) = world.resolve_user(call.user, input) else {
            continue;
        };
        world.account_mut(call.user)?.known.insert(id);
        users.push(world.user_tl(call.user, id, Detail::Full));
    }
    Ok(users)
}

pub fn get_full_user(
    world: &mut World,
    call: &Call,
    r: u::GetFullUser,
) -> Result<enums::users::UserFull, Refusal> {
    let id = world.resolve_user(call.user, &r.id)?;
    world.account_mut(call.user)?.known.insert(id);
    let mut full = blank_user_full(id);
    full.about = world
        .users
        .get(&id)
        .map(|user| user.about.clone())
        .filter(|about| !about.is_empty());
    full.unofficial_security_risk = world.users.get(&id).is_some_and(|user| user.marked);
    let users = vec![world.user_tl(call.user, id, Detail::Full)];
    Ok(types::users::UserFull {
        full_user: full.into(),
        chats: Vec::new(),
        users,
    }
    .into())
}

pub fn get_requirements_to_contact(
    world: &mut World,
    call: &Call,
    r: u::GetRequirementsToContact,
) -> Result<Vec<enums::RequirementToContact>, Refusal> {
    let wants = |input| {
        let id = world.resolve_user(call.user, input)?;
        Ok(match world.price_for(call.user, id) {
            0 => enums::RequirementToContact::Empty,
            stars_amount => types::RequirementToContactPaidMessages { stars_amount }.into(),
        })
    };
    r.id.iter().map(wants).collect()
}

pub fn get_contacts(
    world: &mut World,
    call: &Call,
    r: f::GetContacts,
) -> Result<enums::contacts::Contacts, Refusal> {
    let account = world.account(call.user)?;
    let ids: Vec<i64> = account.contacts.iter().copied().collect();
    let saved_count = account.saved.len() as i32;
    if r.hash != 0 && r.hash == hash_of(saved_count, &ids) {
        return Ok(enums::contacts::Contacts::NotModified);
    }
    let contacts = ids.iter().map(|id| {
        let mutual = world
            .accounts
            .get(id)
            .is_some_and(|account| account.contacts.contains(&call.user));
        types::Contact {
            user_id: *id,
            mutual,
        }
        .into()
    });
    let contacts = contacts.collect();
    let users = ids
        .iter()
        .map(|id| world.user_tl(call.user, *id, Detail::Full))
        .collect();
    Ok(types::contacts::Contacts {
        contacts,
        saved_count,
        users,
    }
    .into())
}

pub fn get_contact_ids(
    world: &mut World,
    call: &Call,
    _: f::GetContactIds,
) -> Result<Vec<i32>, Refusal> {
    Ok(world
        .account(call.user)?
        .contacts
        .iter()
        .map(|id| *id as i32)
        .collect())
}

pub fn get_statuses(
    world: &mut World,
    call: &Call,
    _: f::GetStatuses,
) -> Result<Vec<enums::ContactStatus>, Refusal> {
    let contacts = &world.account(call.user)?.contacts;
    Ok(contacts
        .iter()
        .map(|id| {
            types::ContactStatus {
                user_id: *id,
                status: world.status_of(*id),
            }
            .into()
        })
        .collect())
}

fn resolved(
    world: &mut World,
    viewer: i64,
    chat: ChatRef,
) -> Result<enums::contacts::ResolvedPeer, Refusal> {
    let mut cast = Cast::default();
    cast.add(chat);
    if let ChatRef::User(id) = chat {
        world.account_mut(viewer)?.known.insert(id);
    }
    let (users, chats) = world.cast(viewer, &cast, Detail::Full);
    Ok(types::contacts::ResolvedPeer {
        peer: chat.peer(),
        chats,
        users,
    }
    .into())
}

pub fn resolve_username(
    world: &mut World,
    call: &Call,
    r: f::ResolveUsername,
) -> Result<enums::contacts::ResolvedPeer, Refusal> {
    let valid = r.username.len() >= 3
        && r.username
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !valid {
        return Err(bad("USERNAME_INVALID"));
    }
    let chat = world
        .by_username(&r.username)
        .ok_or_else(|| bad("USERNAME_NOT_OCCUPIED"))?;
    resolved(world, call.user, chat)
}

pub fn resolve_phone(
    world: &mut World,
    call: &Call,
    r: f::ResolvePhone,
) -> Result<enums::contacts::ResolvedPeer, Refusal> {
    let id = by_phone(world, call.user, &r.phone).ok_or_else(|| bad("PHONE_NOT_OCCUPIED"))?;
    resolved(world, call.user, ChatRef::User(id))
}

/// Whoever hides the number is found by it only by their own contacts.
fn by_phone(world: &World, viewer: i64, phone: &str) -> Option<i64> {
    let id = world.user_by_phone(phone)?;
    let hidden = world.users.get(&id).is_some_and(|user| user.number_hidden);
    let is_theirs = || {
        let account = world.accounts.get(&id);
        account.is_some_and(|account| account.contacts.contains(&viewer))
    };
    (!hidden || is_theirs()).then_some(id)
}

/// Of a list of contacts, as clients compute it (core.telegram.org/api/offsets#hash-generation), with the number of
/// saved numbers before the ids in their order (method/contacts.getContacts).
fn hash_of(saved_count: i32, ids: &[i64]) -> i64 {
    let numbers = std::iter::once(i64::from(saved_count)).chain(ids.iter().copied());
    let mut hash = 0_u64;
    for number in numbers {
        hash ^= hash >> 21;
        hash ^= hash << 35;
        hash ^= hash >> 4;
        hash = hash.wrapping_add(number as u64);
    }
    hash as i64
}

pub fn import_contacts(
    world: &mut World,
    call: &Call,
    r: f::ImportContacts,
) -> Result<enums::contacts::ImportedContacts, Refusal> {
    let (mut imported, mut users) = (Vec::new(), Vec::new());
    for enums::InputContact::InputPhoneContact(contact) in r.contacts {
        let phone = digits(&contact.phone);
        let Some(id) = by_phone(world, call.user, &phone) else {
            world.account_mut(call.user)?.saved.insert(phone);
            continue;
        };
        let account = world.account_mut(call.user)?;
        account.contacts.insert(id);
        account.known.insert(id);
        imported.push(
            types::ImportedContact {
                user_id: id,
                client_id: contact.client_id,
            }
            .into(),
        );
        users.push(world.user_tl(call.user, id, Detail::Full));
    }
    let (popular_invites, retry_contacts) = (Vec::new(), Vec::new());
    Ok(types::contacts::ImportedContacts {
        imported,
        popular_invites,
        retry_contacts,
        users,
    }
    .into())
}

pub fn delete_contacts(
    world: &mut World,
    call: &Call,
    r: f::DeleteContacts,
) -> Result<enums::Updates, Refusal> {
    let mut cast = Cast::default();
    for input in &r.id {
        let id = world.resolve_user(call.user, input)?;
        world.account_mut(call.user)?.contacts.remove(&id);
        cast.users.insert(id);
    }
    Ok(world.with_cast(call.user, Vec::new(), &cast, Detail::Full))
}

pub fn block(world: &mut World, call: &Call, r: f::Block) -> Result<bool, Refusal> {
    let chat = world.resolve_peer(call.user, &r.id)?;
    if let ChatRef::User(id) = chat {
        world.set_blocked(call.user, id, true, Some(call.key()))?;
    }
    Ok(true)
}

pub fn unblock(world: &mut World, call: &Call, r: f::Unblock) -> Result<bool, Refusal> {
    let chat = world.resolve_peer(call.user, &r.id)?;
    if let ChatRef::User(id) = chat {
        world.set_blocked(call.user, id, false, Some(call.key()))?;
    }
    Ok(true)
}

pub fn search(
    world: &mut World,
    call: &Call,
    r: f::Search,
) -> Result<enums::contacts::Found, Refusal> {
    let wanted = r.q.trim_start_matches('@').to_lowercase();
    if wanted.is_empty() {
        return Err(bad("QUERY_TOO_SHORT"));
    }
    let limit = usize::try_from(r.limit).unwrap_or(10).min(50);
    let fits = |id: &&i64| {
        let user = world.users.get(id);
        user.is_some_and(|user| user.is_called(&wanted))
    };
    let hits: Vec<i64> = world
        .users
        .keys()
        .filter(fits)
        .take(limit)
        .copied()
        .collect();
    let mut cast = Cast::default();
    cast.users.extend(&hits);
    let (users, chats) = world.cast(call.user, &cast, Detail::Full);
    let results = hits.iter().map(|id| ChatRef::User(*id).peer()).collect();
    Ok(types::contacts::Found {
        my_results: Vec::new(),
        results,
        chats,
        users,
    }
    .into())
}
