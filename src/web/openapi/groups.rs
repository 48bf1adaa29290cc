//! Groups: error codes by what makes them. A call names the groups of what it passes through, so that a code which is new
//! there is described of every such call; the tests hold each group against its source.

/// Codes that come together.
pub type Codes = &'static [&'static str];

/// Errors that any call may answer with.
pub const COMMON: Codes = &[
    "host_not_allowed",
    "cross_site",
    "token_required",
    "token_invalid",
    "too_many_failures",
    "licence_not_yours",
    "scope_too_small",
    "malformed_json",
    "malformed_query",
    "unsupported_media_type",
    "body_too_large",
    "body_too_slow",
    "not_found",
    "method_not_allowed",
    "store_unavailable",
    "account_moving",
    "answer_lost",
    "stopping",
    "internal",
];
/// Of calls that take an `Idempotency-Key`.
pub const KEYED: Codes = &[
    "idempotency_conflict",
    "idempotency_in_progress",
    "outcome_unknown",
    "invalid_idempotency_key",
];

pub const ACCOUNT: Codes = &["account_not_found"];
pub const CONVERSATION: Codes = &["conversation_not_found"];
pub const MESSAGE: Codes = &["message_not_found"];
/// What is sealed has to be opened.
pub const VAULT: Codes = &["account_not_found", "session_unreadable"];
pub const LIMIT: Codes = &["invalid_limit"];
pub const PAGE: Codes = &["invalid_limit", "invalid_cursor"];
pub const CHOSEN: Codes = &["invalid_account_id"];

/// An answer of Telegram's to a question, or that there is none (`CallError`).
pub const TELEGRAM: Codes = &[
    "flood_wait",
    "account_unavailable",
    "telegram_refused",
    "recipient_not_found",
    "telegram_unreachable",
];
/// Everything that a sign-in may end in (`SignInError`, `LoginError`).
pub const SIGN_IN: Codes = &[
    "no_login",
    "too_many_attempts",
    "telegram_unreachable",
    "wrong_code",
    "code_expired",
    "password_needed",
    "wrong_password",
    "phone_invalid",
    "phone_banned",
    "sign_up_required",
    "flood_wait",
    "api_credentials_rejected",
    "payment_required",
    "check_wanted",
    "email_invalid",
    "email_required",
    "telegram_refused",
    "session_invalid",
    "another_user",
    "wrong_step",
    "login_cancelled",
];
pub const METHOD: Codes = &[
    "login_method_ambiguous",
    "login_method_missing",
    "phone_invalid",
];
pub const WAYS: Codes = &["proxy_invalid"];
pub const DEVICE: Codes = &["device_invalid"];
pub const PACE: Codes = &["pace_invalid"];
pub const RETENTION: Codes = &["retention_invalid"];
pub const SETTINGS: Codes = &["label_invalid", "colour_invalid", "account_unavailable"];
/// Whose api_id a new account takes.
pub const ADDING: Codes = &["api_credentials_invalid", "api_credentials_missing"];
pub const DEVICES: Codes = &[
    "device_session_not_found",
    "session_in_use",
    "session_too_new",
    "account_unavailable",
    "telegram_unreachable",
];
pub const NAME: Codes = &["name_invalid"];
pub const RECIPIENT: Codes = &["recipient_invalid", "phone_invalid"];

/// What every call that sends is held to.
pub const OUTGOING: Codes = &[
    "account_unavailable",
    "chat_read_only",
    "invalid_idempotency_key",
    "reply_to_not_found",
    "schedule_invalid",
    "telegram_unreachable",
    "text_empty",
    "text_too_long",
];
/// How a text is formatted.
pub const WORDING: Codes = &["entities_invalid", "invalid_field", "text_too_long"];
pub const PLACE: Codes = &["invalid_reply_to", "invalid_topic_id", "invalid_quote"];
/// What the store says of a message, or of an order about one (`StoreError`).
pub const ORDER: Codes = &[
    "account_not_found",
    "conversation_not_found",
    "message_not_found",
    "message_not_waiting",
    "message_may_have_arrived",
    "message_not_sent",
    "message_deleted",
    "not_ours",
    "several_conversations",
    "order_not_found",
    "order_may_be_done",
    "account_unavailable",
    "outbox_full",
];
/// So much waits already.
pub const QUEUED: Codes = &["outbox_full"];
/// A form itself.
pub const FORM: Codes = &["malformed_multipart", "invalid_field", "file_missing"];
/// Files that are to go out.
pub const FILES: Codes = &[
    "file_empty",
    "file_too_large",
    "too_many_files",
    "photo_unfit",
    "voice_unfit",
    "voice_alone",
    "uploads_busy",
    "staging_full",
    "disk_full",
];
pub const REPLACEMENT: Codes = &["not_replaceable", "too_many_files", "voice_alone"];
pub const FETCHED: Codes = &[
    "file_url_invalid",
    "file_url_unreachable",
    "url_not_allowed",
];
pub const FORWARD: Codes = &[
    "conversation_ids_invalid",
    "invalid_topic_id",
    "message_ids_invalid",
];
pub const COPIES: Codes = &["not_forwardable", "not_copyable"];
/// What is known to be refused before it is ordered.
pub const GOING_ON: Codes = &["chat_read_only", "file_too_large", "schedule_invalid"];
pub const MEDIA: Codes = &[
    "media_gone",
    "media_not_found",
    "media_unavailable",
    "photo_not_found",
    "range_not_satisfiable",
    "flood_wait",
    "telegram_refused",
    "telegram_unreachable",
];
/// Older messages are asked for at Telegram.
pub const HISTORY: Codes = &["history_unavailable", "invalid_cursor", "message_too_far"];
/// Telegram's word on a message that somebody waits for.
pub const CONFIRMED: Codes = &[
    "flood_wait",
    "message_taken_back",
    "recipient_not_found",
    "recipient_refused",
    "telegram_refused",
    "telegram_unreachable",
    "unconfirmed",
];
pub const OWNED: Codes = &[
    "already_connected",
    "api_credentials_missing",
    "login_required",
];
pub const LICENCE: Codes = &["licence_required"];
pub const LICENSED: Codes = &[
    "already_connected",
    "licence_required",
    "needs_password",
    "not_connected",
    "session_not_found",
];
pub const USER: Codes = &["not_authorized", "unknown_user", "user_id_invalid"];
pub const VISITOR: Codes = &["not_authorized"];
pub const CHAT: Codes = &["chat_not_found"];
/// Told inside the stream.
pub const ASSISTANT: Codes = &[
    "assistant_broke_off",
    "assistant_empty",
    "assistant_refused",
    "assistant_silent",
    "assistant_too_long",
    "assistant_unreachable",
    "assistant_unreadable",
];
pub const STREAM: Codes = &["assistant_missing", "messages_invalid", "unconfirmed"];
pub const EVENTS: Codes = &["invalid_after", "invalid_wait", "resync"];
pub const IMPORT: Codes = &[
    "account_unavailable",
    "import_not_yours",
    "import_unreadable",
];
pub const FORMAT: Codes = &["invalid_format"];
pub const TOKENS: Codes = &[
    "name_invalid",
    "scope_invalid",
    "account_ids_invalid",
    "expires_at_invalid",
];
pub const TOKEN: Codes = &["token_not_found"];
pub const NODE: Codes = &["node_not_found", "no_other_node"];
pub const WEBHOOK: Codes = &["webhook_not_found", "webhook_configured"];
pub const WEBHOOKS: Codes = &[
    "too_many_webhooks",
    "url_invalid",
    "url_not_allowed",
    "events_invalid",
    "owner_invalid",
    "account_ids_invalid",
    "patience_invalid",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::web::openapi::codes::CODES;

    /// The codes that stand in a source as texts of their own, without those of every call.
    fn written(source: &str) -> BTreeSet<&str> {
        let source = source.split("#[cfg(test)]").next().unwrap();
        let known =
            |text: &&str| CODES.iter().any(|(code, ..)| code == text) && !COMMON.contains(text);
        source.split('"').filter(known).collect()
    }

    fn together(groups: &[Codes]) -> BTreeSet<&'static str> {
        groups.concat().into_iter().collect()
    }

    /// Protects callers who branch on codes: what a part of the service answers with is in its group, and so in the description
    /// of every call that goes through it.
    #[test]
    fn each_group_is_what_its_source_makes() {
        macro_rules! of {
            ($file:literal) => {
                include_str!(concat!("../", $file))
            };
        }
        let held: &[(&str, &[Codes])] = &[
            (
                concat!(
                    include_str!("../form/mod.rs"),
                    include_str!("../form/reader.rs")
                ),
                &[FORM, FILES],
            ),
            (of!("wording.rs"), &[WORDING]),
            (of!("outgoing.rs"), &[OUTGOING]),
            (of!("replace.rs"), &[REPLACEMENT]),
            (of!("fetched.rs"), &[FETCHED]),
            (of!("forward.rs"), &[FORWARD]),
            (of!("media.rs"), &[MEDIA]),
            (of!("history.rs"), &[HISTORY]),
            (of!("devices.rs"), &[DEVICES]),
            (of!("accounts.rs"), &[SETTINGS]),
            (of!("adding.rs"), &[ADDING]),
            (of!("login.rs"), &[METHOD]),
            (of!("ways.rs"), &[WAYS]),
            (of!("device.rs"), &[DEVICE]),
            (of!("pace.rs"), &[PACE]),
            (of!("retention.rs"), &[RETENTION]),
            (of!("people.rs"), &[NAME]),
            (of!("export.rs"), &[FORMAT]),
            (of!("import.rs"), &[IMPORT]),
            (of!("events.rs"), &[EVENTS]),
            (of!("tokens.rs"), &[TOKENS, TOKEN]),
            (of!("repeats.rs"), &[&KEYED[..3]]),
            (of!("integrations/confirmed.rs"), &[CONFIRMED]),
            (of!("integrations/owned.rs"), &[OWNED]),
            (of!("integrations/phone.rs"), &[LICENSED]),
            (of!("integrations/assistant.rs"), &[ASSISTANT]),
            (of!("integrations/stream.rs"), &[STREAM]),
            (of!("integrations/portal/mod.rs"), &[VISITOR]),
            (of!("integrations/portal/chats.rs"), &[CHAT]),
        ];
        for (source, groups) in held {
            assert_eq!(written(source), together(groups), "{}", &source[..80]);
        }
    }

    /// Protects the same where errors of other parts become answers: each of these is one group.
    #[test]
    fn each_error_of_other_parts_is_in_a_group() {
        let source = include_str!("../state.rs");
        let made_of = |error: &str| {
            let head = format!("impl From<{error}> for ApiError");
            let (_, rest) = source.split_once(&head).unwrap();
            written(rest.split("\nimpl ").next().unwrap())
        };
        assert_eq!(made_of("CallError"), together(&[TELEGRAM]));
        let mut sign_in = made_of("SignInError");
        sign_in.extend(made_of("LoginError"));
        assert_eq!(sign_in, together(&[SIGN_IN]));
        assert_eq!(made_of("VaultError"), together(&[VAULT]));
        // What the store says belongs to what was asked of it.
        let mut stored = together(&[ORDER, PLACE, COPIES, &KEYED[..1], PAGE]);
        stored.extend(["reply_to_not_found", "exists", "empty_query"]);
        let others: Vec<_> = made_of("StoreError").difference(&stored).copied().collect();
        assert!(others.is_empty(), "{others:?}");
    }
}
