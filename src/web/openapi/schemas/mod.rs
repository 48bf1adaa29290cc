//! Schemas: the shapes of bodies and answers, written as in the contract.
//!
//! A type is `string`, `integer`, `number`, `boolean`, `time`, `uuid`, `object`, `text or number`, `one of a|b`, one of those with bounds
//! in [`typed`], or the name of another schema. `[]` behind it: a list of it; `?` behind it: it may be null; `maybe` before it: the field may be
//! missing. `like` takes over the fields of another one. Fields that a body has besides are ignored; an answer has none.

mod desk;
mod licences;
mod portal;
mod users;

use serde_json::{Map, Value, json};

use crate::{
    domain::{ACCOUNT_COLOURS, Device, MOST_PROXIES, OrderKind, PaceLimits, Retention},
    web::webhooks::EVENTS,
};

/// The usual ones: whatever else is taken is refused with a reason or not. Host names and IPv4, a login, an MTProxy's secret
/// in hexadecimal, and the link.
const PROXY: &str = concat!(
    r"^((socks5h?|https?)://(([\w.~-]|%[2-6][0-9A-F]){1,40}(:([\w.~-]|%[2-6][0-9A-F]){0,40})?@)?",
    r"([a-z][a-z0-9-]{0,20}(\.[a-z]{1,8}){0,2}|(1[0-9]{2}|[1-9]?[0-9])(\.(1[0-9]{2}|[1-9]?[0-9])){3}):([1-5][0-9]{4}|[1-9][0-9]{0,3})",
    r"|(mtproxy://([a-z]{1,9}|(1[0-9]{2}|[1-9]?[0-9])(\.(1[0-9]{2}|[1-9]?[0-9])){3}):([1-5][0-9]{4}|[1-9][0-9]{0,3})\?",
    r"|(tg://|https://t\.me/)proxy\?server=([a-z]{1,9}|(1[0-9]{2}|[1-9]?[0-9])(\.(1[0-9]{2}|[1-9]?[0-9])){3})&port=([1-5][0-9]{4}|[1-9][0-9]{0,3})&)",
    r"secret=((dd)?[0-9a-f]{32}|ee[0-9a-f]{32}(6[1-9a-f]|7[0-9a]){1,20}(2e(6[1-9a-f]|7[0-9a]){1,20}){0,3}))$",
);

/// One shape.
struct Schema {
    name: &'static str,
    is_body: bool,
    fields: &'static [(&'static str, &'static str)],
}

macro_rules! schemas {
    ($($kind:ident $name:ident { $($field:ident: $type:literal),* $(,)? })*) => {
        pub const SCHEMAS: &[super::Schema] = &[$(super::Schema {
            name: stringify!($name),
            is_body: matches!(stringify!($kind).as_bytes(), b"body"),
            fields: &[$((stringify!($field), $type)),*],
        }),*];
    };
}
use schemas;

pub fn components() -> Value {
    all()
        .map(|schema| (schema.name.to_owned(), schema.described()))
        .chain(desktop_export())
        .collect::<Map<_, _>>()
        .into()
}

/// Telegram Desktop's own; of its many fields those that say what a file is.
fn desktop_export() -> [(String, Value); 5] {
    let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let chat = json!({
        "type": "object",
        "properties": {
            "name": { "type": ["string", "null"] },
            "type": { "type": "string", "enum": [
                "personal_chat", "bot_chat", "saved_messages", "private_group", "private_supergroup",
                "public_supergroup", "private_channel", "public_channel",
            ] },
            "id": { "type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_i64 },
            "messages": { "type": "array", "items": of("DesktopMessage") },
            "missing": {
                "description": "Ours: stretches of message numbers that may be at Telegram and are not stored here, each [from, to]; to is null for all that is above.",
                "type": "array",
                "items": { "type": "array", "items": { "type": ["integer", "null"] } },
            },
        },
        "required": ["type", "id", "messages"],
    });
    let list = json!({
        "type": "object",
        "properties": {
            "list": { "type": "array", "items": of("DesktopChat") },
            "all_chats": {
                "description": "Ours: false while a first sync has not listed every chat yet.",
                "type": "boolean",
            },
        },
        "required": ["list"],
    });
    let account = json!({
        "type": "object",
        "properties": { "chats": of("DesktopChats") },
        "required": ["chats"],
    });
    let either = json!({
        "description": "A chat, or an account with its chats, as Telegram Desktop exports it (result.json).",
        "anyOf": [of("DesktopChat"), of("DesktopAccount")],
    });
    [
        ("DesktopExport", either),
        ("DesktopAccount", account),
        ("DesktopChats", list),
        ("DesktopChat", chat),
        ("DesktopMessage", json!({ "type": "object" })),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
}

fn all() -> impl Iterator<Item = &'static Schema> {
    let systems = [
        desk::SCHEMAS,
        licences::SCHEMAS,
        users::SCHEMAS,
        portal::SCHEMAS,
    ];
    systems.into_iter().flatten()
}

impl Schema {
    fn all_fields(&self) -> Vec<(&'static str, &'static str)> {
        let mut fields = Vec::new();
        for (name, kind) in self.fields {
            match all().find(|schema| *name == "like" && schema.name == *kind) {
                Some(other) => fields.extend(other.all_fields()),
                None => fields.push((*name, *kind)),
            }
        }
        fields
    }

    fn described(&self) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, kind) in self.all_fields() {
            let always = kind.strip_prefix("maybe ");
            if always.is_none() {
                required.push(name);
            }
            properties.insert(name.to_owned(), typed(always.unwrap_or(kind)));
        }
        let mut schema =
            json!({ "type": "object", "properties": properties, "required": required });
        if !self.is_body {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }
}

pub fn typed(kind: &str) -> Value {
    if let Some(kind) = kind.strip_suffix('?') {
        return nullable(typed(kind));
    }
    if let Some(inner) = kind.strip_suffix("[]") {
        return json!({ "type": "array", "items": typed(inner) });
    }
    if let Some(words) = kind.strip_prefix("one of ") {
        return json!({ "type": "string", "enum": words.split('|').collect::<Vec<_>>() });
    }
    match kind {
        "string" | "integer" | "number" | "boolean" | "object" => json!({ "type": kind }),
        "text or number" => json!({ "type": ["string", "integer"] }),
        "anything" => json!({}),
        // A name on one line, with something to see in it.
        "line" => json!({
            "type": "string", "minLength": 1, "maxLength": 64,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        }),
        "phone" => {
            json!({ "type": "string", "pattern": r"^[ ()-]*\+?([ ()-]*[0-9]){7,15}[ ()-]*$" })
        }
        "words" => json!({ "type": "string", "minLength": 1, "maxLength": 4096, "pattern": r"\S" }),
        "caption" => json!({ "type": "string", "maxLength": 1024 }),
        "file address" => json!({ "type": "string", "maxLength": 2048, "pattern": "^https://" }),
        "file" => json!({ "type": "string", "contentMediaType": "application/octet-stream" }),
        "new text" => json!({ "type": "string", "maxLength": 4096 }),
        "quote" => json!({ "type": "string", "minLength": 1, "maxLength": 1024 }),
        "place" => json!({ "type": "integer", "minimum": 0, "maximum": 4095 }),
        "length" => json!({ "type": "integer", "minimum": 1, "maximum": 4096 }),
        "emoji" => {
            json!({ "type": "string", "minLength": 1, "maxLength": 16, "pattern": r"^\S+$", "example": "👍" })
        }
        "few row ids" => {
            json!({ "type": "array", "minItems": 1, "maxItems": 20, "example": [12], "items": { "type": "integer", "minimum": 1, "maximum": i64::MAX } })
        }
        "row ids" => {
            json!({ "type": "array", "minItems": 1, "maxItems": 100, "example": [1234], "items": { "type": "integer", "minimum": 1, "maximum": i64::MAX } })
        }
        "order kind" => {
            let kinds: Vec<_> = OrderKind::ALL.iter().map(|kind| kind.as_str()).collect();
            json!({ "type": "string", "enum": kinds })
        }
        "secret" => json!({ "type": "string", "minLength": 1, "maxLength": 4096 }),
        "telegram number" => json!({ "type": "string", "pattern": "^[1-9][0-9]{0,8}$" }),
        "emoji number" => json!({ "type": "string", "pattern": "^[1-9][0-9]{0,18}$" }),
        "user number" => json!({ "type": "string", "pattern": "^[1-9][0-9]{0,14}$" }),
        "api id" => json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }),
        "api hash" => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{32}$" }),
        "proxies" => json!({
            "type": "array", "maxItems": MOST_PROXIES, "items": {
                "type": "string",
                "pattern": PROXY,
                "example": "socks5://name:password@proxy.example:1080",
            },
        }),
        "device name" => {
            json!({ "type": "string", "minLength": 1, "maxLength": Device::MOST, "pattern": "^[!-~]+( [!-~]+)*$" })
        }
        "language tag" => json!({ "type": "string", "pattern": "^[a-z]{2}(-[a-z]{2,5})?$" }),
        "days kept" => {
            let some = json!({ "type": "integer", "minimum": Retention::SHORTEST, "maximum": Retention::LONGEST });
            json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 0 }, some] })
        }
        "pace limit" => json!({ "type": "integer", "minimum": 1, "maximum": PaceLimits::MOST }),
        "hue" => json!({ "type": "integer", "minimum": 0, "maximum": ACCOUNT_COLOURS - 1 }),
        "user id" => json!({
            "type": ["string", "integer"], "minLength": 1, "maxLength": 255, "pattern": r"\S",
            "minimum": i64::MIN, "maximum": i64::MAX,
        }),
        "code" => {
            json!({ "type": ["string", "integer"], "minLength": 1, "maxLength": 64, "minimum": 0, "maximum": 99_999_999 })
        }
        // The check of a name or a network is the server's; what is written here is what can be said in a pattern.
        "web address" => json!({
            "type": "string", "maxLength": 2048, "pattern": "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-\"$-~]*)?$",
            "example": "https://receiver.example/events",
        }),
        "event name" => json!({ "type": "string", "enum": EVENTS }),
        "owner" => {
            json!({ "type": "string", "pattern": "^(licence|user|portal):[0-9A-Za-z-]{1,64}$" })
        }
        "patience" => json!({ "type": "integer", "minimum": 1, "maximum": 31_536_000 }),
        "event number" => json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
        // A moment, or `online`.
        "schedule" => json!({
            "type": "string", "pattern": r"^(online|2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.*)$",
            "example": "online",
        }),
        "time" => {
            json!({ "type": "string", "format": "date-time", "example": "2026-01-15T12:00:00.000Z" })
        }
        "uuid" => json!({ "type": "string", "format": "uuid" }),
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    }
}

fn nullable(mut schema: Value) -> Value {
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.push(json!("null"));
        return schema;
    }
    match schema["type"].as_str() {
        Some(name) => {
            schema["type"] = json!([name, "null"]);
            schema
        }
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}
