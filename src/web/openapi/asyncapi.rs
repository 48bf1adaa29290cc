//! AsyncAPI: the frames of the WebSocket and the posts of webhooks, with the schemas of the REST calls.

use actix_web::{HttpResponse, http::header};
use serde_json::{Map, Value, json};

use super::{schema, schemas};
use crate::web::webhooks::EVENTS;

/// Events with a number and a time, the schema of their data, and what they tell.
const NUMBERED: &[(&str, &str, &str)] = &[
    (
        "message_received",
        "MessageEvent",
        "A message came in; `late` when it came while the account was away.",
    ),
    (
        "message_sent",
        "MessageEvent",
        "One of our own: once `pending`, again `sent` or `failed`.",
    ),
    (
        "message_edited",
        "MessageEvent",
        "Another text, other media, buttons, votes or views.",
    ),
    (
        "message_reacted",
        "MessageEvent",
        "Its reactions are others now.",
    ),
    (
        "message_deleted",
        "MessagesDeleted",
        "Messages were deleted; their rows stay, marked.",
    ),
    (
        "conversation_updated",
        "OneConversation",
        "A conversation's title, unread count or marks changed.",
    ),
    (
        "order_updated",
        "OneOrder",
        "An order that makes no message: `pending`, then `done`, `failed` or `taken_back`. What it did is told as what it is.",
    ),
    (
        "account_status",
        "OneAccount",
        "An account's state or settings changed.",
    ),
    (
        "account_removed",
        "AccountRemoved",
        "An account was removed.",
    ),
    (
        "login_updated",
        "LoginUpdated",
        "How far a sign-in is; null when it ended. Never posted to webhooks.",
    ),
];

/// Frames without a number: what they are for is the moment.
const UNNUMBERED: &[(&str, &str, bool, &str)] = &[
    (
        "hello",
        "Hello",
        false,
        "The first frame: where the log stands, how far back it goes, and the caller's scope.",
    ),
    (
        "resync",
        "Resync",
        false,
        "What follows `after` is not known (any more): load the state anew.",
    ),
    ("typing", "Typing", true, "Somebody types."),
    (
        "upload_progress",
        "UploadProgress",
        true,
        "How far a file that was sent is on its way to Telegram; `id` is its message's.",
    ),
    (
        "vault_status",
        "VaultStatus",
        true,
        "How the account vault stands.",
    ),
    (
        "account_status",
        "OneAccount",
        true,
        "An account's state while the database can't store it, or while no node has the account.",
    ),
    (
        "login_updated",
        "LoginUpdated",
        true,
        "How far a sign-in is that another node does; with a number it is told as `account_status` then.",
    ),
];

pub async fn get_asyncapi() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .json(asyncapi_document())
}

/// The whole document.
#[must_use]
pub fn asyncapi_document() -> Value {
    let mut messages = Map::new();
    for (name, data, tells) in NUMBERED {
        let at = json!({ "$ref": "#/components/schemas/FrameTime" });
        let seq = json!({ "type": "integer", "minimum": 1 });
        let fields = [("seq", seq), ("at", at)];
        messages.insert((*name).to_owned(), message(name, data, tells, &fields));
    }
    for (name, data, timed, tells) in UNNUMBERED {
        let at = json!({ "$ref": "#/components/schemas/FrameTime" });
        let fields = [("at", at)];
        let fields = if *timed { &fields[..] } else { &[] };
        messages.insert(
            format!("{name}_unnumbered"),
            message(name, data, tells, fields),
        );
    }
    let at = json!({ "$ref": "#/components/schemas/FrameTime" });
    let test = message(
        "test",
        "WebhookTest",
        "POST /webhooks/{id}/test.",
        &[("at", at)],
    );
    messages.insert("test".to_owned(), test);
    let socket = |name: &&String| name.as_str() != "test";
    let posted = |name: &&String| EVENTS.contains(&name.as_str()) || name.as_str() == "test";
    let references = |channel: &str, names: Vec<&String>| -> Map<String, Value> {
        names
            .into_iter()
            .map(|name| {
                let to = match channel {
                    "" => format!("#/components/messages/{name}"),
                    channel => format!("#/channels/{channel}/messages/{name}"),
                };
                (name.clone(), json!({ "$ref": to }))
            })
            .collect()
    };
    let list = |channel: &str, names: Vec<&String>| -> Vec<Value> {
        references(channel, names).into_values().collect()
    };
    let of_socket = || messages.keys().filter(socket).collect::<Vec<_>>();
    let of_webhook = || messages.keys().filter(posted).collect::<Vec<_>>();
    let mut components = schemas::components();
    components["FrameTime"] = schemas::typed("time");
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Switchboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Events as they are committed. GET /events gives the numbered ones by the same numbers.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws",
                "description": "WebSocket. With ?after=<seq> everything later comes first, without a gap.",
                "messages": references("", of_socket()),
            },
            "webhook": {
                "address": null,
                "description": "POST to the address of a webhook, signed after Standard Webhooks; at least once and in order for each account.",
                "messages": references("", of_webhook()),
            },
        },
        "operations": {
            "sendToSocket": {
                "action": "send",
                "channel": { "$ref": "#/channels/socket" },
                "messages": list("socket", of_socket()),
            },
            "postToWebhook": {
                "action": "send",
                "channel": { "$ref": "#/channels/webhook" },
                "messages": list("webhook", of_webhook()),
            },
        },
        "components": { "messages": messages, "schemas": components },
    })
}

fn message(event: &str, data: &str, tells: &str, fields: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    for (name, schema) in fields {
        properties.insert((*name).to_owned(), schema.clone());
    }
    properties.insert("event".to_owned(), json!({ "const": event }));
    properties.insert("data".to_owned(), schema(data));
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({
        "name": event,
        "summary": tells,
        "payload": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Protects listeners: what webhooks can be told is described, and each reference leads somewhere.
    #[test]
    fn every_event_is_described() {
        let numbered: BTreeSet<_> = NUMBERED.iter().map(|(name, ..)| *name).collect();
        let mut told: BTreeSet<_> = EVENTS.into_iter().collect();
        told.insert(crate::webhooks::UNTOLD);
        assert_eq!(numbered, told);
        let document = asyncapi_document();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
