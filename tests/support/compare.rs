//! Compare: the service's database against the ledger of what really happened.

use std::collections::BTreeMap;

use super::fleet::{Fleet, FleetAccount};

/// Telegram's message id → (text, deleted).
pub type Chat = BTreeMap<i32, (String, bool)>;

/// What Telegram has of one chat since `from` on; service messages left out.
pub fn ledger_chat(fleet: &Fleet, account: &FleetAccount, chat: i64) -> Chat {
    let all = fleet.telegram.ledger_of(account.user);
    let entry = all
        .get(&chat)
        .unwrap_or_else(|| panic!("the ledger has no chat {chat}: {:?}", all.keys()));
    entry
        .messages
        .iter()
        .filter(|message| !message.service)
        .map(|message| (message.id, (message.text.clone(), message.deleted)))
        .collect()
}

/// What the service has of it; a message id that is stored twice fails the test.
pub async fn stored_chat(fleet: &Fleet, account: &FleetAccount, chat: i64) -> Chat {
    let conversations = fleet.api.conversations().await;
    let wanted = chat.to_string();
    let Some(conversation) = conversations
        .iter()
        .find(|one| one["account_id"] == account.id.as_str() && one["chat_id"] == wanted.as_str())
    else {
        return Chat::new();
    };
    let mut stored = Chat::new();
    for message in fleet
        .api
        .messages(conversation["id"].as_i64().unwrap())
        .await
    {
        if !message["service"].is_null() {
            continue;
        }
        let Some(id) = message["message_id"].as_str() else {
            continue;
        };
        let id: i32 = id.parse().unwrap();
        let text = message["text"].as_str().unwrap().to_owned();
        let twice = stored.insert(id, (text, !message["deleted_at"].is_null()));
        assert!(
            twice.is_none(),
            "message {id} of chat {chat} is stored twice"
        );
    }
    stored
}

/// Waits until a chat is the same on both sides. A deleted message that the service never saw counts as the same:
/// Telegram does not give it out any more.
pub async fn until_equal(fleet: &Fleet, account: &FleetAccount, chat: i64) {
    let start = std::time::Instant::now();
    loop {
        let real = ledger_chat(fleet, account, chat);
        let stored = stored_chat(fleet, account, chat).await;
        let differing = differences(&real, &stored);
        if differing.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < super::wait::LIMIT,
            "chat {chat} of {} differs from the ledger ({} real, {} stored): {:#?}",
            account.id,
            real.len(),
            stored.len(),
            differing.into_iter().take(10).collect::<Vec<_>>()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn differences(real: &Chat, stored: &Chat) -> Vec<String> {
    let mut found = Vec::new();
    for (id, (text, deleted)) in real {
        match stored.get(id) {
            None if *deleted => {}
            None => found.push(format!("{id} is missing: {text:?}")),
            Some((_, gone)) if gone != deleted => {
                found.push(format!("{id}: deleted is {gone}, should be {deleted}"))
            }
            Some((kept, _)) if kept != text && !deleted => {
                found.push(format!("{id}: {kept:?} should be {text:?}"))
            }
            Some(_) => {}
        }
    }
    found.extend(
        stored
            .keys()
            .filter(|id| !real.contains_key(id))
            .map(|id| format!("{id} never existed")),
    );
    found
}
