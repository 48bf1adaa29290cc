//! Schemas: the shapes of bodies and answers.

use serde_json::{Map, Value, json};

/// `name: type`, as written in the contract; `?` behind the type means that it may be null.
fn object(fields: &[(&str, &str)]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), typed(kind)))
        .collect();
    json!({ "type": "object", "properties": properties })
}

fn typed(kind: &str) -> Value {
    if let Some(inner) = kind.strip_suffix("[]") {
        return json!({ "type": "array", "items": typed(inner) });
    }
    let (kind, nullable) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let plain = |name: &str| {
        if nullable {
            json!({ "type": [name, "null"] })
        } else {
            json!({ "type": name })
        }
    };
    match kind {
        "string" | "integer" | "boolean" | "object" => plain(kind),
        "time" => {
            let mut time = plain("string");
            time["format"] = json!("date-time");
            time["example"] = json!("2026-01-15T12:00:00.000Z");
            time
        }
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    }
}

pub fn schemas() -> Value {
    let mut all = Map::new();
    for (name, fields) in [DESK, LICENCES, USERS, PORTAL].concat() {
        all.insert(name.to_owned(), object(fields));
    }
    Value::Object(all)
}

type Schemas = &'static [(&'static str, &'static [(&'static str, &'static str)])];

const DESK: Schemas = &[
    ("Error", &[("error", "ErrorBody")]),
    (
        "ErrorBody",
        &[
            ("code", "string"),
            ("message", "string"),
            ("request_id", "string?"),
        ],
    ),
    (
        "Account",
        &[
            ("id", "string"),
            ("label", "string"),
            ("colour", "integer"),
            ("phone", "string?"),
            ("is_active", "boolean"),
            ("state", "string"),
            ("state_reason", "string?"),
            ("state_since", "time"),
            ("retry_at", "time?"),
            ("attempt", "integer"),
            ("user", "TelegramUser"),
            ("unread", "integer"),
            ("outbox_pending", "integer"),
            ("last_update_at", "time?"),
            ("created_at", "time"),
            ("sync", "object?"),
        ],
    ),
    (
        "TelegramUser",
        &[
            ("id", "string"),
            ("first_name", "string"),
            ("last_name", "string?"),
            ("username", "string?"),
        ],
    ),
    (
        "Login",
        &[
            ("method", "string"),
            ("step", "string"),
            ("code_via", "string?"),
            ("code_length", "integer?"),
            ("expires_at", "time?"),
            ("resend_at", "time?"),
            ("password_hint", "string?"),
            ("attempts_left", "integer?"),
            ("qr", "Qr"),
        ],
    ),
    (
        "Qr",
        &[("url", "string"), ("svg", "string"), ("expires_at", "time")],
    ),
    (
        "Conversation",
        &[
            ("id", "integer"),
            ("account_id", "string"),
            ("chat_id", "string"),
            ("kind", "string"),
            ("title", "string"),
            ("username", "string?"),
            ("unread", "integer"),
            ("can_send", "boolean"),
            ("last_message", "Message"),
            ("last_message_at", "time?"),
            ("muted", "boolean"),
            ("read_inbox_max_id", "integer"),
            ("read_outbox_max_id", "integer"),
        ],
    ),
    (
        "Message",
        &[
            ("id", "integer"),
            ("account_id", "string"),
            ("conversation_id", "integer"),
            ("chat_id", "string"),
            ("message_id", "string?"),
            ("direction", "string"),
            ("text", "string"),
            ("timestamp", "time"),
            ("status", "string"),
            ("sender", "Sender"),
            ("reply_to_message_id", "string?"),
            ("edited_at", "time?"),
            ("deleted_at", "time?"),
            ("media", "object?"),
            ("service", "string?"),
            ("backfilled", "boolean"),
            ("error", "ErrorBody"),
            ("retry_at", "time?"),
        ],
    ),
    (
        "Sender",
        &[
            ("id", "string"),
            ("name", "string"),
            ("username", "string?"),
        ],
    ),
    (
        "Accounts",
        &[
            ("accounts", "Account[]"),
            ("server_has_api", "boolean"),
            ("vault", "object"),
        ],
    ),
    ("OneAccount", &[("account", "Account")]),
    (
        "AccountAndLogin",
        &[("account", "Account"), ("login", "Login")],
    ),
    (
        "Conversations",
        &[
            ("conversations", "Conversation[]"),
            ("next_cursor", "string?"),
        ],
    ),
    ("OneConversation", &[("conversation", "Conversation")]),
    (
        "Messages",
        &[("messages", "Message[]"), ("next_cursor", "string?")],
    ),
    ("OneMessage", &[("message", "Message")]),
    (
        "MessageAndConversation",
        &[("message", "Message"), ("conversation", "Conversation")],
    ),
    (
        "AddAccount",
        &[
            ("label", "string"),
            ("api_id", "integer?"),
            ("api_hash", "string?"),
            ("phone", "string?"),
            ("qr", "boolean"),
            ("session", "string?"),
            ("colour", "integer?"),
        ],
    ),
    (
        "ChangeAccount",
        &[
            ("label", "string?"),
            ("is_active", "boolean"),
            ("colour", "integer?"),
        ],
    ),
    (
        "BeginLogin",
        &[
            ("phone", "string?"),
            ("qr", "boolean"),
            ("session", "string?"),
        ],
    ),
    ("Code", &[("code", "string")]),
    ("Password", &[("password", "string")]),
    ("Send", &[("recipient", "string"), ("text", "string")]),
    (
        "Reply",
        &[("text", "string"), ("reply_to_message_id", "string?")],
    ),
    ("Ticket", &[("ticket", "string"), ("expires_at", "time")]),
    ("Launch", &[("url", "string"), ("expires_at", "time")]),
    ("Health", &[("status", "string")]),
];

const LICENCES: Schemas = &[
    (
        "LicenceError",
        &[
            ("success", "boolean"),
            ("code", "string"),
            ("message", "string"),
            ("needs_password", "boolean"),
        ],
    ),
    ("LicenceStart", &[("phone_number", "string")]),
    (
        "LicenceStarted",
        &[
            ("success", "boolean"),
            ("message", "string"),
            ("session_id", "string"),
            ("phone_number", "string"),
        ],
    ),
    (
        "LicenceVerify",
        &[
            ("phone_number", "string"),
            ("code", "string"),
            ("session_id", "string"),
            ("password", "string?"),
        ],
    ),
    (
        "LicenceUser",
        &[
            ("id", "integer"),
            ("phone", "string?"),
            ("first_name", "string"),
            ("last_name", "string?"),
            ("username", "string?"),
        ],
    ),
    (
        "LicenceVerified",
        &[
            ("success", "boolean"),
            ("message", "string"),
            ("user", "LicenceUser"),
            ("config_id", "integer"),
        ],
    ),
    (
        "LicenceTested",
        &[
            ("success", "boolean"),
            ("message", "string"),
            ("user", "LicenceUser"),
        ],
    ),
    ("LicenceConfig", &[("config", "Config")]),
    (
        "Config",
        &[
            ("id", "integer"),
            ("phone_number", "string"),
            ("phone_number_masked", "string"),
            ("user_id", "integer"),
            ("user_first_name", "string"),
            ("user_last_name", "string?"),
            ("user_username", "string?"),
            ("is_active", "boolean"),
            ("last_synced_at", "time?"),
            ("created_at", "time"),
            ("updated_at", "time"),
        ],
    ),
    ("Said", &[("success", "boolean"), ("message", "string")]),
];

const USERS: Schemas = &[
    (
        "UserError",
        &[
            ("status", "string"),
            ("success", "boolean"),
            ("code", "string"),
            ("message", "string"),
        ],
    ),
    ("UserId", &[("user_id", "string")]),
    (
        "UserStart",
        &[("user_id", "string"), ("phone_number", "string")],
    ),
    (
        "UserStarted",
        &[
            ("status", "string"),
            ("phone_code_hash", "string"),
            ("message", "string"),
        ],
    ),
    (
        "UserVerify",
        &[
            ("user_id", "string"),
            ("phone_code", "string"),
            ("password", "string?"),
        ],
    ),
    (
        "UserInfo",
        &[
            ("id", "integer"),
            ("first_name", "string"),
            ("last_name", "string?"),
            ("username", "string?"),
            ("phone_number", "string?"),
        ],
    ),
    (
        "UserVerified",
        &[
            ("status", "string"),
            ("message", "string"),
            ("user", "UserInfo"),
        ],
    ),
    (
        "UserSend",
        &[
            ("user_id", "string"),
            ("recipient_id", "string"),
            ("text", "string"),
        ],
    ),
    (
        "UserSent",
        &[
            ("status", "string"),
            ("success", "boolean"),
            ("message_id", "integer"),
            ("date", "string"),
        ],
    ),
    (
        "UserStatus",
        &[
            ("status", "string"),
            ("authorized", "boolean"),
            ("user_info", "UserInfo"),
        ],
    ),
    ("Turn", &[("role", "string"), ("content", "string")]),
    (
        "MessageStream",
        &[
            ("user_id", "string"),
            ("send_to_telegram", "boolean"),
            ("send_as_user", "boolean"),
            ("recipient_id", "string?"),
            ("messages", "Turn[]"),
        ],
    ),
];

const PORTAL: Schemas = &[
    (
        "PortalError",
        &[("success", "boolean"), ("error", "ErrorBody")],
    ),
    (
        "PortalStatus",
        &[
            ("success", "boolean"),
            ("has_session", "boolean"),
            ("authorized", "boolean"),
            ("status", "string"),
            ("state", "string?"),
        ],
    ),
    ("PortalPhone", &[("phone", "string")]),
    (
        "PortalVerify",
        &[
            ("phone", "string"),
            ("code", "string"),
            ("password", "string?"),
        ],
    ),
    (
        "PortalSaid",
        &[
            ("success", "boolean"),
            ("status", "string"),
            ("message", "string"),
        ],
    ),
    (
        "PortalQr",
        &[
            ("success", "boolean"),
            ("status", "string"),
            ("url", "string?"),
            ("svg", "string?"),
            ("expires_at", "time?"),
        ],
    ),
    (
        "PortalChat",
        &[
            ("id", "string"),
            ("title", "string"),
            ("type", "string"),
            ("username", "string?"),
            ("unread_count", "integer"),
            ("can_send", "boolean"),
            ("last_message", "PortalMessage"),
            ("last_message_at", "time?"),
        ],
    ),
    (
        "PortalMessage",
        &[
            ("id", "integer?"),
            ("chat_id", "string"),
            ("text", "string"),
            ("date", "time"),
            ("out", "boolean"),
            ("direction", "string"),
            ("status", "string"),
            ("sender", "Sender"),
            ("reply_to_message_id", "string?"),
            ("edited_at", "time?"),
            ("deleted_at", "time?"),
            ("media", "object?"),
            ("service", "string?"),
        ],
    ),
    (
        "PortalChats",
        &[
            ("success", "boolean"),
            ("chats", "PortalChat[]"),
            ("next_cursor", "string?"),
        ],
    ),
    (
        "PortalMessages",
        &[
            ("success", "boolean"),
            ("chat", "PortalChat"),
            ("messages", "PortalMessage[]"),
            ("next_cursor", "string?"),
        ],
    ),
    (
        "PortalUser",
        &[("success", "boolean"), ("user", "LicenceUser")],
    ),
    (
        "PortalSession",
        &[("success", "boolean"), ("session", "object?")],
    ),
];
