//! People: the address book, whom a name, a number or a link means, and coming into a chat.

use grammers_client::tl;
use tl::{enums, functions, types};

use super::{
    ContactList, Invitation, LookedUp, Recipient, resolve,
    resolve::{chats_and, input_peer, pick},
    shared::Shared,
};
use crate::{
    domain::{Batch, ChatId, ConversationKind, Peer, PeerKind, SecretText, clean},
    telegram::{CallError, convert::Converter},
};

/// `hash`: of the list that is here; 0: none is.
pub(super) async fn contacts(shared: &Shared, hash: i64) -> Result<Option<ContactList>, CallError> {
    use enums::contacts::Contacts;
    let answer = shared
        .call(functions::contacts::GetContacts { hash })
        .await?;
    let Contacts::Contacts(list) = answer else {
        return Ok(None);
    };
    let contacts: Vec<(ChatId, bool)> = list
        .contacts
        .into_iter()
        .map(|enums::Contact::Contact(contact)| (ChatId::user(contact.user_id), contact.mutual))
        .collect();
    let mut ids: Vec<i64> = contacts.iter().map(|(chat, _)| chat.marked()).collect();
    ids.sort_unstable();
    Ok(Some(ContactList {
        hash: hash_of(list.saved_count, &ids),
        contacts,
        peers: met(shared, list.users, Vec::new()),
    }))
}

/// The hash of a list of contacts (core.telegram.org/api/offsets#hash-generation): the number of saved numbers comes
/// before the ids in their order (method/contacts.getContacts).
fn hash_of(saved_count: i32, sorted_ids: &[i64]) -> i64 {
    let numbers = std::iter::once(i64::from(saved_count)).chain(sorted_ids.iter().copied());
    let hash = numbers.fold(0_u64, |hash, number| {
        let hash = hash ^ (hash >> 21);
        let hash = hash ^ (hash << 35);
        let hash = hash ^ (hash >> 4);
        hash.wrapping_add(number.cast_unsigned())
    });
    hash.cast_signed()
}

/// Puts a number into the address book: only so is somebody found who shows it to contacts alone. `None`: nobody is
/// found behind it.
pub(super) async fn add_contact(
    shared: &Shared,
    phone: &SecretText,
    (first_name, last_name): (String, String),
) -> Result<Option<Peer>, CallError> {
    let contact = types::InputPhoneContact {
        client_id: 0,
        phone: phone.expose().to_owned(),
        first_name,
        last_name,
        note: None,
    };
    let enums::contacts::ImportedContacts::Contacts(answer) = shared
        .call(functions::contacts::ImportContacts {
            contacts: vec![contact.into()],
        })
        .await?;
    let Some(enums::ImportedContact::Contact(imported)) = answer.imported.first() else {
        return Ok(None);
    };
    let found = ChatId::user(imported.user_id);
    pick(shared, found, answer.users, Vec::new()).map(Some)
}

/// Joins nothing and writes to nobody.
pub(super) async fn look_up(shared: &Shared, recipient: &Recipient) -> Result<LookedUp, CallError> {
    let Recipient::Invite(hash) = recipient else {
        return Ok(LookedUp::Peer(resolve::resolve(shared, recipient).await?));
    };
    match invited(shared, hash).await? {
        Ok(peer) => Ok(LookedUp::Peer(peer)),
        Err(invitation) => Ok(LookedUp::Invitation(invitation)),
    }
}

/// The chat behind an invitation, if the account is in it or may look into it.
pub(super) async fn invited(
    shared: &Shared,
    hash: &SecretText,
) -> Result<Result<Peer, Invitation>, CallError> {
    use enums::ChatInvite as I;
    let hash = hash.expose().to_owned();
    let invite = shared
        .call(functions::messages::CheckChatInvite { hash })
        .await?;
    let chat = match invite {
        I::Already(known) => known.chat,
        I::Peek(peek) => peek.chat,
        I::Invite(invite) => return Ok(Err(invitation(invite))),
    };
    let peer = met(shared, Vec::new(), vec![chat]).pop();
    peer.map(Ok).ok_or(CallError::Unresolvable)
}

fn invitation(invite: types::ChatInvite) -> Invitation {
    let kind = match (invite.channel, invite.megagroup) {
        (false, _) => ConversationKind::Group,
        (true, true) => ConversationKind::Supergroup,
        (true, false) => ConversationKind::Channel,
    };
    Invitation {
        title: clean::line(invite.title),
        kind,
        about: invite.about,
        members: invite.participants_count,
        on_request: invite.request_needed,
    }
}

/// Comes into a chat. `None`: its admins were asked.
pub(super) async fn join(
    shared: &Shared,
    recipient: &Recipient,
) -> Result<Option<Peer>, CallError> {
    match recipient {
        Recipient::Invite(hash) => join_by(shared, hash).await,
        recipient => {
            let peer = resolve::resolve(shared, recipient).await?;
            join_public(shared, peer).await
        }
    }
}

async fn join_by(shared: &Shared, hash: &SecretText) -> Result<Option<Peer>, CallError> {
    let request = functions::messages::ImportChatInvite {
        hash: hash.expose().to_owned(),
    };
    match shared.call(request).await {
        Ok(joined) => joined_chat(shared, joined, None).map(Some),
        Err(CallError::Rejected { code, .. }) if code == "INVITE_REQUEST_SENT" => Ok(None),
        // Done before, by a call whose answer was lost, or by hand.
        Err(CallError::Rejected { code, .. }) if code == "USER_ALREADY_PARTICIPANT" => {
            let known = invited(shared, hash).await?;
            known.map(Some).map_err(|_| CallError::Unresolvable)
        }
        Err(error) => Err(error),
    }
}

async fn join_public(shared: &Shared, peer: Peer) -> Result<Option<Peer>, CallError> {
    let enums::InputPeer::Channel(channel) = input_peer(shared, peer.id).await? else {
        return Err(CallError::Rejected {
            code: "CHANNEL_INVALID".to_owned(),
            message: "only groups and channels are joined".to_owned(),
        });
    };
    let channel = types::InputChannel {
        channel_id: channel.channel_id,
        access_hash: channel.access_hash,
    };
    let request = functions::channels::JoinChannel {
        channel: channel.into(),
    };
    match shared.call(request).await {
        Ok(joined) => joined_chat(shared, joined, Some(peer.id)).map(Some),
        Err(CallError::Rejected { code, .. }) if code == "INVITE_REQUEST_SENT" => Ok(None),
        Err(CallError::Rejected { code, .. }) if code == "USER_ALREADY_PARTICIPANT" => {
            Ok(Some(peer))
        }
        Err(error) => Err(error),
    }
}

/// The chat that the answer is about. What happened in it comes as of every other chat.
fn joined_chat(
    shared: &Shared,
    joined: enums::messages::ChatInviteJoinResult,
    wanted: Option<ChatId>,
) -> Result<Peer, CallError> {
    use enums::messages::ChatInviteJoinResult as R;
    let R::Ok(joined) = joined else {
        return Err(CallError::Rejected {
            code: "BOT_REQUIRED".to_owned(),
            message: "a bot of this chat asks who comes in: join in a Telegram app".to_owned(),
        });
    };
    let (users, chats) = chats_and(joined.updates);
    let mut peers = met(shared, users, chats);
    let at = peers.iter().position(|peer| match wanted {
        Some(chat) => peer.id == chat,
        None => !matches!(peer.id.kind(), PeerKind::User(_)),
    });
    let joined = at.map(|at| peers.swap_remove(at));
    let joined = joined.ok_or(CallError::Unresolvable)?;
    shared.hurry(joined.id);
    Ok(joined)
}

fn met(shared: &Shared, users: Vec<enums::User>, chats: Vec<enums::Chat>) -> Vec<Peer> {
    let mut batch = Batch::empty(shared.account_id);
    Converter::new(shared.self_id, &mut batch).peers(users, chats);
    shared.meet(&batch.peers);
    batch.peers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the line from whole lists: the hash of none is none, and it tells lists apart that differ in one number.
    #[test]
    fn a_list_of_contacts_has_a_hash() {
        assert_eq!(hash_of(0, &[]), 0);
        let hashes = [
            hash_of(0, &[7]),
            hash_of(1, &[7]),
            hash_of(0, &[7, 8]),
            hash_of(0, &[8]),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash), "{hashes:?}");
        }
    }
}
