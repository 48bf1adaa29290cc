//! Happenings: service messages, by Telegram's names for them and by the layout's.

use serde_json::Value;

use super::{
    entry::Entry,
    peers::{peer_of, peer_text},
};
use crate::domain::{Action, ChatId, Named, clean};

/// Telegram's name and the layout's, where they differ.
const NAMES: [(&str, &str); 20] = [
    ("chat_create", "create_group"),
    ("chat_edit_title", "edit_group_title"),
    ("chat_edit_photo", "edit_group_photo"),
    ("chat_delete_photo", "delete_group_photo"),
    ("chat_add_user", "invite_members"),
    ("chat_delete_user", "remove_members"),
    ("chat_joined_by_link", "join_group_by_link"),
    ("chat_joined_by_request", "join_group_by_request"),
    ("channel_create", "create_channel"),
    ("chat_migrate_to", "migrate_to_supergroup"),
    ("channel_migrate_from", "migrate_from_group"),
    ("history_clear", "clear_history"),
    ("game_score", "score_in_game"),
    ("payment_sent", "send_payment"),
    ("screenshot_taken", "take_screenshot"),
    ("bot_allowed", "allow_sending_messages"),
    ("contact_sign_up", "joined_telegram"),
    ("geo_proximity_reached", "proximity_reached"),
    ("topic_create", "topic_created"),
    ("set_chat_wall_paper", "set_chat_wallpaper"),
];

/// Most people that one message names.
const MOST: usize = 200;

pub(super) fn write(action: &Action, entry: &mut Entry) {
    let named = NAMES.iter().find(|(ours, _)| *ours == action.kind);
    let name = named.map_or(action.kind.as_str(), |(_, theirs)| theirs);
    entry.action = Some(name.to_owned());
    if !action.whom.is_empty() {
        entry.members = Some(action.whom.iter().map(|who| who.name.clone()).collect());
        entry.member_ids = Some(action.whom.iter().map(|who| peer_text(who.id)).collect());
    }
    entry.currency.clone_from(&action.currency);
    let Some(value) = &action.value else {
        return;
    };
    let number = || {
        Some(
            value
                .parse::<i64>()
                .map_or(Value::from(value.as_str()), Value::from),
        )
    };
    match name {
        "create_group" | "edit_group_title" | "create_channel" | "migrate_from_group"
        | "topic_created" => entry.title = Some(value.clone()),
        "topic_edit" => entry.new_title = Some(value.clone()),
        "score_in_game" => entry.score = number(),
        "set_messages_ttl" => entry.period = number(),
        "phone_call" => match value.parse() {
            Ok(seconds) => entry.duration_seconds = Some(seconds),
            Err(_) => entry.value = number(),
        },
        "group_call" => entry.duration = number(),
        "send_payment" => entry.amount = number(),
        _ => entry.value = number(),
    }
}

/// The data, and the words for people. Without the people's numbers there is no data about people.
pub(super) fn read(entry: &Entry, actor: Option<ChatId>) -> (Option<Action>, String) {
    let name = clean::line(entry.action.clone().unwrap_or_default());
    let named = NAMES.iter().find(|(_, theirs)| *theirs == name);
    let kind = named.map_or(name.as_str(), |(ours, _)| ours);
    let names: Vec<String> = entry
        .members
        .iter()
        .flatten()
        .take(MOST)
        .map(|name| clean::line(name.clone().unwrap_or_default()))
        .collect();
    let said = entry
        .information_text
        .clone()
        .filter(|words| !words.is_empty());
    let words = said.map_or_else(|| words(kind, entry, &names), clean::block);
    let ids: Vec<ChatId> = entry
        .member_ids
        .iter()
        .flatten()
        .take(MOST)
        .filter_map(|id| peer_of(&Value::from(id.as_str())))
        .collect();
    if kind.is_empty() || ids.len() != names.len() {
        return (None, words);
    }
    let value = [
        &entry.score,
        &entry.period,
        &entry.duration,
        &entry.amount,
        &entry.value,
    ]
    .into_iter()
    .flatten()
    .find_map(|value| match value {
        Value::String(text) => Some(clean::block(text.clone())),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let title = entry
        .title
        .clone()
        .or(entry.new_title.clone())
        .map(clean::line);
    let seconds = entry.duration_seconds.map(|seconds| seconds.to_string());
    let whom = ids.into_iter().zip(names).map(|(id, name)| Named {
        id,
        name: Some(name).filter(|name| !name.is_empty()),
    });
    let action = Action {
        kind: kind.to_owned(),
        who: actor.map(|id| Named {
            id,
            name: entry.actor.clone().map(clean::line),
        }),
        whom: whom.collect(),
        value: title.or(value).or(seconds),
        currency: entry.currency.clone().map(clean::line),
    };
    (Some(action), words)
}

fn words(kind: &str, entry: &Entry, names: &[String]) -> String {
    let title = clean::line(
        entry
            .title
            .clone()
            .or(entry.new_title.clone())
            .unwrap_or_default(),
    );
    let people = match names {
        [one] if !one.is_empty() => one.clone(),
        many => format!("{} people", many.len()),
    };
    match kind {
        "chat_create" => format!("created the group “{title}”"),
        "channel_create" => format!("created “{title}”"),
        "chat_edit_title" => format!("changed the title to “{title}”"),
        "chat_edit_photo" => "changed the photo".to_owned(),
        "chat_delete_photo" => "removed the photo".to_owned(),
        "chat_add_user" => format!("added {people}"),
        "chat_delete_user" => format!("removed {people}"),
        "chat_joined_by_link" => "joined by an invite link".to_owned(),
        "chat_joined_by_request" => "was accepted into the group".to_owned(),
        "chat_migrate_to" => "made the group a supergroup".to_owned(),
        "channel_migrate_from" => format!("made the group “{title}” a supergroup"),
        "pin_message" => "pinned a message".to_owned(),
        "history_clear" => "cleared the history".to_owned(),
        "contact_sign_up" => "joined Telegram".to_owned(),
        "topic_create" => format!("created the topic “{title}”"),
        "phone_call" => "call".to_owned(),
        "screenshot_taken" => "took a screenshot".to_owned(),
        _ => "sent a service message".to_owned(),
    }
}
