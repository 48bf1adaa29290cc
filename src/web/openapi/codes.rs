//! Error codes: each one that a call may answer with, the statuses that it comes with, and what it means. A code without a
//! status is told inside a stream that was begun as a good answer.

pub const CODES: &[(&str, &[u16], &str)] = &[
    (
        "account_ids_invalid",
        &[422],
        "account_ids is empty, too long, for a licence, or names an account that there is not",
    ),
    (
        "account_not_found",
        &[404],
        "there is no such account, or it is not yours",
    ),
    (
        "account_unavailable",
        &[409],
        "the account can't do this in its state; a person has to act",
    ),
    (
        "already_connected",
        &[409],
        "the licence has a connected number already",
    ),
    (
        "another_user",
        &[409],
        "another Telegram user than the account belongs to",
    ),
    (
        "api_credentials_invalid",
        &[422],
        "api_id and api_hash can't be right",
    ),
    (
        "api_credentials_missing",
        &[422, 503],
        "neither the call nor the server has api_id and api_hash",
    ),
    (
        "api_credentials_rejected",
        &[422],
        "Telegram refuses api_id and api_hash",
    ),
    (
        "assistant_broke_off",
        &[],
        "the assistant's answer ended in the middle; nothing was sent",
    ),
    (
        "assistant_empty",
        &[],
        "the assistant said nothing; nothing was sent",
    ),
    ("assistant_missing", &[503], "no assistant is configured"),
    (
        "assistant_refused",
        &[],
        "the assistant answered with an HTTP error; nothing was sent",
    ),
    (
        "assistant_silent",
        &[],
        "the assistant stopped talking; nothing was sent",
    ),
    (
        "assistant_too_long",
        &[],
        "the assistant's answer is too long; nothing was sent",
    ),
    (
        "assistant_unreachable",
        &[],
        "the assistant can't be reached; nothing was sent",
    ),
    (
        "assistant_unreadable",
        &[],
        "the assistant's answer makes no sense; nothing was sent",
    ),
    ("body_too_large", &[413], "the body is larger than 1 MiB"),
    (
        "body_too_slow",
        &[408],
        "the body did not come within 20 seconds",
    ),
    (
        "chat_not_found",
        &[404],
        "there is no such chat in this account",
    ),
    (
        "chat_read_only",
        &[409],
        "the account may not write in this chat",
    ),
    (
        "check_wanted",
        &[422],
        "Telegram wants a check (reCAPTCHA) that its own apps alone can show: sign in by QR code",
    ),
    (
        "code_expired",
        &[422],
        "the code has expired; ask for a new one",
    ),
    (
        "colour_invalid",
        &[422],
        "a colour is a number from 0 to 11",
    ),
    (
        "conversation_ids_invalid",
        &[422],
        "conversation_ids names 1 to 20 conversations",
    ),
    (
        "conversation_not_found",
        &[404],
        "there is no such conversation, or it is not yours",
    ),
    (
        "cross_site",
        &[403],
        "the request came from another site's page",
    ),
    (
        "device_invalid",
        &[422],
        "a name of the device is empty, longer than 64 characters or no language",
    ),
    (
        "device_session_not_found",
        &[404],
        "the account has no such session",
    ),
    (
        "disk_full",
        &[507],
        "the disk of the service is full; nothing was sent",
    ),
    (
        "email_invalid",
        &[422],
        "this is no e-mail address, or none that Telegram takes",
    ),
    (
        "email_required",
        &[409],
        "Telegram wants this account to have an e-mail address first: give one, and then the code that is sent there",
    ),
    (
        "emoji_invalid",
        &[422],
        "emoji is one emoji, or null to take the reaction back",
    ),
    ("empty_query", &[400], "the search text has no word in it"),
    (
        "entities_invalid",
        &[422],
        "an entity does not lie in the text as it should; the message says which",
    ),
    (
        "events_invalid",
        &[422],
        "events is empty or names something that is no event of a webhook",
    ),
    ("exists", &[409], "it exists already"),
    ("expires_at_invalid", &[422], "expires_at lies in the past"),
    ("file_empty", &[422], "a file has no bytes"),
    ("file_missing", &[422], "the form has no file"),
    ("file_not_found", &[404], "there is no such file"),
    ("file_too_large", &[413], "a file has more than 2,000 MiB"),
    (
        "file_url_invalid",
        &[422],
        "file_url is no https address, is too long, or has a name and password in it",
    ),
    (
        "file_url_unreachable",
        &[422],
        "the file of file_url can't be had: its server does not answer, or not with the file",
    ),
    (
        "flood_wait",
        &[429],
        "Telegram asks to wait; Retry-After says how long",
    ),
    (
        "history_unavailable",
        &[503],
        "older messages are at Telegram and can't be fetched for now; the message says what to do",
    ),
    ("host_not_allowed", &[421], "this Host is not served here"),
    (
        "idempotency_conflict",
        &[409],
        "the Idempotency-Key was used for another message",
    ),
    (
        "idempotency_in_progress",
        &[409],
        "the first call under this key is still under way",
    ),
    (
        "import_not_yours",
        &[409],
        "the file was exported from another account",
    ),
    (
        "import_unreadable",
        &[422],
        "the file is no result.json of Telegram Desktop, or it broke off; what was read before is imported",
    ),
    (
        "internal",
        &[500],
        "something broke on our side; the log has the request_id",
    ),
    ("invalid_account_id", &[400], "account_id is no UUID"),
    ("invalid_after", &[400], "after is a number from 0 on"),
    ("invalid_cursor", &[400], "the cursor is not one of ours"),
    (
        "invalid_field",
        &[422],
        "a field of the form can't be read; the message says which and why",
    ),
    ("invalid_format", &[400], "format is json or html"),
    (
        "invalid_idempotency_key",
        &[400],
        "Idempotency-Key has 1 to 255 plain characters",
    ),
    (
        "invalid_kind",
        &[400],
        "there is no such kind of conversation",
    ),
    ("invalid_limit", &[400], "limit is a number from 1 to 200"),
    (
        "invalid_quote",
        &[422],
        "a quote is a part of the message that is answered, at most 1024 UTF-16 units long",
    ),
    (
        "invalid_reply_to",
        &[422],
        "reply_to_message_id is no message of this chat",
    ),
    (
        "invalid_topic_id",
        &[422],
        "topic_id is no topic of this forum, or the message replied to is in another one",
    ),
    (
        "invalid_wait",
        &[400],
        "wait is a number of seconds from 0 to 60",
    ),
    (
        "label_invalid",
        &[422],
        "a label has 1 to 64 characters on one line",
    ),
    (
        "launch_code_invalid",
        &[401],
        "the launch link was used or is too old",
    ),
    (
        "licence_not_yours",
        &[403],
        "the token belongs to another licence",
    ),
    (
        "licence_required",
        &[401],
        "the call does not say which licence it is for",
    ),
    ("login_cancelled", &[409], "the sign-in was cancelled"),
    (
        "login_method_ambiguous",
        &[422],
        "more than one way to sign in was given",
    ),
    (
        "login_method_missing",
        &[422],
        "no way to sign in was given",
    ),
    (
        "login_required",
        &[409],
        "the session at Telegram has ended; sign in again",
    ),
    ("malformed_json", &[400], "the body can't be read"),
    (
        "malformed_multipart",
        &[400],
        "the body can't be read as multipart/form-data",
    ),
    ("malformed_query", &[400], "the query can't be read"),
    ("media_gone", &[410], "Telegram no longer has this file"),
    (
        "media_not_found",
        &[404],
        "the message has no file, or no small picture",
    ),
    (
        "media_unavailable",
        &[503],
        "the file can't be fetched now; its account is not connected, or too much is on its way",
    ),
    ("message_deleted", &[409], "the message was deleted"),
    ("message_gone", &[410], "Telegram no longer has the message"),
    (
        "message_ids_invalid",
        &[422],
        "message_ids names 1 to 100 messages of one conversation",
    ),
    (
        "message_may_have_arrived",
        &[409],
        "the message may be at Telegram already; force=true takes it off the desk all the same",
    ),
    (
        "message_not_found",
        &[404],
        "there is no such message, or it is not yours",
    ),
    (
        "message_not_masked",
        &[409],
        "nothing was taken out of the message, so there is nothing to reveal",
    ),
    (
        "message_not_scheduled",
        &[409],
        "the message does not wait for a time",
    ),
    ("message_not_sent", &[409], "the message is not sent yet"),
    (
        "message_not_waiting",
        &[409],
        "too late: the message is sent, or on its way",
    ),
    (
        "message_taken_back",
        &[409],
        "somebody took the message back meanwhile",
    ),
    (
        "message_too_far",
        &[422],
        "the message lies too far back to be fetched at once; ask again to go on",
    ),
    ("messages_invalid", &[422], "messages is empty or too long"),
    (
        "method_not_allowed",
        &[405],
        "the address does not know this method; Allow says which it knows",
    ),
    (
        "name_invalid",
        &[422],
        "a name has 1 to 64 characters on one line",
    ),
    (
        "needs_password",
        &[409],
        "two-step verification: send the password as well",
    ),
    ("no_login", &[409], "no sign-in is under way"),
    (
        "nobody_can_look",
        &[409],
        "no other account that is connected can see this one",
    ),
    (
        "not_a_person",
        &[422],
        "only people and bots can be blocked",
    ),
    (
        "not_a_websocket",
        &[400],
        "the call is no WebSocket handshake",
    ),
    ("not_authorized", &[409], "not signed in"),
    (
        "not_connected",
        &[404],
        "the licence has no connected number",
    ),
    (
        "not_copyable",
        &[422],
        "a message that is neither words nor a file that stays can't be copied to a chat of another account",
    ),
    (
        "not_forwardable",
        &[422],
        "the message can't be forwarded: a notice, a code, or a chat keeps its own",
    ),
    ("not_found", &[404], "there is nothing under this address"),
    (
        "not_ours",
        &[409],
        "somebody else wrote the message: it can't be edited",
    ),
    (
        "not_replaceable",
        &[422],
        "the message has no file that can be replaced",
    ),
    (
        "only_for_everyone",
        &[422],
        "messages of supergroups and channels are deleted for everyone",
    ),
    (
        "order_may_be_done",
        &[409],
        "the order may have been carried out already; force=true puts it away all the same",
    ),
    (
        "order_not_found",
        &[404],
        "there is no such order, it is done, or it is not yours",
    ),
    (
        "outbox_full",
        &[429],
        "as much as may wait of this account waits already; try again when some of it is out",
    ),
    (
        "outcome_unknown",
        &[409],
        "the first call under this key was cut off by a stop of the service; nobody knows what it did",
    ),
    (
        "owner_invalid",
        &[422],
        "owner is not licence:, user: or portal: and an id",
    ),
    (
        "pace_invalid",
        &[422],
        "a limit is no whole number from 1 to 1000",
    ),
    (
        "password_needed",
        &[409],
        "two-step verification: send the password as well",
    ),
    (
        "patience_invalid",
        &[422],
        "patience is a number of seconds from 1 to 31536000",
    ),
    (
        "payment_required",
        &[422],
        "Telegram wants a payment to send the code",
    ),
    ("phone_banned", &[422], "Telegram has banned the number"),
    (
        "phone_invalid",
        &[422],
        "the number is not in international form, or Telegram does not take it",
    ),
    (
        "photo_not_found",
        &[404],
        "the person or the chat has no photo",
    ),
    (
        "photo_unfit",
        &[422],
        "Telegram does not take this file as a photo; the message says why",
    ),
    (
        "proxy_invalid",
        &[422],
        "a proxy's address can't be used; the message says why",
    ),
    (
        "range_not_satisfiable",
        &[416],
        "the range lies beyond the file's end",
    ),
    (
        "recipient_invalid",
        &[422],
        "a recipient is a @username, a numeric id, a phone number or a link of Telegram's",
    ),
    (
        "recipient_not_found",
        &[422],
        "nobody is known by this name, id or number",
    ),
    (
        "recipient_refused",
        &[403],
        "the recipient can't be written to (privacy, blocked, no rights)",
    ),
    (
        "reply_to_not_found",
        &[422],
        "the message replied to does not exist in this chat, or was deleted",
    ),
    (
        "resync",
        &[410],
        "events after this number are not known (any more): load the state anew",
    ),
    (
        "retention_invalid",
        &[422],
        "a number of days is neither 0 nor from 7 to 36500",
    ),
    (
        "schedule_invalid",
        &[422],
        "scheduled_for is a moment to come, within a year, or `online` in a chat with one person",
    ),
    (
        "scope_invalid",
        &[422],
        "scope is one of read, send, admin and licence",
    ),
    (
        "scope_too_small",
        &[403],
        "the token does not reach this far",
    ),
    (
        "session_in_use",
        &[409],
        "the session is the one that the service uses itself",
    ),
    (
        "session_invalid",
        &[422],
        "the session string can't be used",
    ),
    (
        "session_not_found",
        &[404],
        "no such started sign-in, or a newer one replaced it",
    ),
    (
        "session_too_new",
        &[409],
        "the account is signed in here for less than a day: Telegram lets it end no other session yet",
    ),
    (
        "session_unreadable",
        &[409],
        "the stored session can't be opened with the present key",
    ),
    (
        "several_conversations",
        &[422],
        "the messages are not all of one conversation",
    ),
    (
        "sign_up_required",
        &[422],
        "the number has no Telegram account",
    ),
    (
        "staging_full",
        &[507],
        "too much is waiting to be sent already",
    ),
    ("stopping", &[503], "the service is stopping"),
    (
        "account_moving",
        &[503],
        "several nodes: the account is between two of them, and nothing was done",
    ),
    (
        "answer_lost",
        &[504],
        "several nodes: the one that has the account went away before it answered",
    ),
    (
        "store_unavailable",
        &[503],
        "the database can't be reached for now",
    ),
    (
        "telegram_refused",
        &[422],
        "Telegram refused for another reason, which the message has",
    ),
    (
        "telegram_unreachable",
        &[503, 504],
        "Telegram does not answer for now; nothing was done",
    ),
    ("text_empty", &[422], "the text is empty"),
    (
        "text_too_long",
        &[422],
        "the text has more than 4096 UTF-16 units, or under a file more than 1024",
    ),
    (
        "token_invalid",
        &[401],
        "the token (or ticket) is unknown, was revoked or has expired",
    ),
    (
        "token_not_found",
        &[404],
        "there is no such token, or it has ended",
    ),
    (
        "token_required",
        &[401],
        "this call needs a token: the service is locked, or the call is not from its own machine",
    ),
    (
        "too_many_attempts",
        &[429],
        "too many sign-ins or wrong entries; wait",
    ),
    (
        "too_many_failures",
        &[429],
        "too many wrong tokens from this address; wait a minute",
    ),
    ("too_many_files", &[422], "more than 10 files"),
    (
        "too_many_webhooks",
        &[409],
        "there are 100 webhooks already",
    ),
    (
        "unconfirmed",
        &[504],
        "Telegram has not confirmed the message yet; it may have arrived",
    ),
    ("unknown_user", &[404], "no such user_id is known"),
    (
        "unsupported_media_type",
        &[415],
        "only application/json is read, and multipart/form-data where files are taken",
    ),
    (
        "uploads_busy",
        &[429],
        "too many files are coming in at once; Retry-After says when to try again",
    ),
    (
        "url_invalid",
        &[422],
        "url is no http or https address, has a part after #, or is too long",
    ),
    (
        "url_not_allowed",
        &[422],
        "url leads to an address that is not public and that the operator has not allowed",
    ),
    ("user_id_invalid", &[422], "user_id has 1 to 255 bytes"),
    ("voice_alone", &[422], "a voice message goes out alone"),
    ("voice_unfit", &[422], "the file is no Opus in Ogg or WebM"),
    (
        "webhook_configured",
        &[409],
        "this webhook stands in the configuration and is changed there",
    ),
    (
        "node_not_found",
        &[404],
        "there is no such node, or not any more",
    ),
    (
        "no_other_node",
        &[409],
        "no other node would take the accounts",
    ),
    ("webhook_not_found", &[404], "there is no such webhook"),
    ("wrong_code", &[422], "the code is wrong"),
    (
        "wrong_password",
        &[422],
        "the two-step verification password is wrong",
    ),
    ("wrong_step", &[409], "the sign-in is at another step"),
];

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::CODES;

    /// What the desk's own pages never ask for, or keep from being asked for, and programs alone may meet.
    const FOR_PROGRAMS: &[&str] = &[
        "account_ids_invalid",
        "assistant_broke_off",
        "assistant_empty",
        "assistant_missing",
        "assistant_refused",
        "assistant_silent",
        "assistant_too_long",
        "assistant_unreachable",
        "assistant_unreadable",
        "body_too_large",
        "body_too_slow",
        "conversation_ids_invalid",
        "cross_site",
        "empty_query",
        "events_invalid",
        "expires_at_invalid",
        "file_missing",
        "file_url_invalid",
        "file_url_unreachable",
        "host_not_allowed",
        "idempotency_in_progress",
        "invalid_account_id",
        "invalid_after",
        "invalid_cursor",
        "invalid_field",
        "invalid_format",
        "invalid_idempotency_key",
        "invalid_kind",
        "invalid_limit",
        "invalid_wait",
        "launch_code_invalid",
        "licence_not_yours",
        "licence_required",
        "login_method_ambiguous",
        "login_method_missing",
        "malformed_json",
        "malformed_multipart",
        "malformed_query",
        "message_ids_invalid",
        "messages_invalid",
        "method_not_allowed",
        "needs_password",
        "no_other_node",
        "node_not_found",
        "not_a_websocket",
        "not_found",
        "outcome_unknown",
        "owner_invalid",
        "patience_invalid",
        "range_not_satisfiable",
        "resync",
        "unknown_user",
        "unsupported_media_type",
        "user_id_invalid",
    ];

    /// Protects whoever reads another language than English: each refusal that a person may meet is said on the desk in all of
    /// its languages, by its code or by its code with what belongs to it.
    #[test]
    fn each_refusal_has_words_in_every_language() {
        let desk = [
            include_str!("../../../static/i18n/en.json"),
            include_str!("../../../static/i18n/ru.json"),
            include_str!("../../../static/i18n/ar.json"),
        ]
        .map(|text| serde_json::from_str::<Map<String, Value>>(text).unwrap());
        for (code, ..) in CODES {
            let (key, with) = (format!("error.{code}"), format!("error.{code}."));
            for words in &desk {
                let said = words
                    .keys()
                    .any(|known| *known == key || known.starts_with(&with));
                let for_programs = FOR_PROGRAMS.contains(code);
                assert!(said != for_programs, "{code}: said {said}");
            }
        }
    }
}
