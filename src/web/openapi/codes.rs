//! Error codes: each one that a call may answer with, and what it means.

pub const CODES: &[(&str, &str)] = &[
    (
        "account_ids_invalid",
        "account_ids is empty, too long, for a licence, or names an account that there is not",
    ),
    (
        "account_not_found",
        "there is no such account, or it is not yours",
    ),
    (
        "account_unavailable",
        "the account can't do this in its state; a person has to act",
    ),
    (
        "already_connected",
        "the licence has a connected number already",
    ),
    (
        "another_user",
        "another Telegram user than the account belongs to",
    ),
    (
        "api_credentials_invalid",
        "api_id and api_hash can't be right",
    ),
    (
        "api_credentials_missing",
        "neither the call nor the server has api_id and api_hash",
    ),
    (
        "api_credentials_rejected",
        "Telegram refuses api_id and api_hash",
    ),
    (
        "assistant_broke_off",
        "the assistant's answer ended in the middle; nothing was sent",
    ),
    (
        "assistant_empty",
        "the assistant said nothing; nothing was sent",
    ),
    ("assistant_missing", "no assistant is configured"),
    (
        "assistant_refused",
        "the assistant answered with an HTTP error; nothing was sent",
    ),
    (
        "assistant_silent",
        "the assistant stopped talking; nothing was sent",
    ),
    (
        "assistant_too_long",
        "the assistant's answer is too long; nothing was sent",
    ),
    (
        "assistant_unreachable",
        "the assistant can't be reached; nothing was sent",
    ),
    (
        "assistant_unreadable",
        "the assistant's answer makes no sense; nothing was sent",
    ),
    ("body_too_slow", "the body did not come within 20 seconds"),
    ("body_too_large", "the body is larger than 1 MiB"),
    ("chat_not_found", "there is no such chat in this account"),
    ("chat_read_only", "the account may not write in this chat"),
    ("code_expired", "the code has expired; ask for a new one"),
    ("colour_invalid", "a colour is a number from 0 to 11"),
    (
        "conversation_ids_invalid",
        "conversation_ids names 1 to 20 conversations",
    ),
    (
        "conversation_not_found",
        "there is no such conversation, or it is not yours",
    ),
    ("cross_site", "the request came from another site's page"),
    (
        "email_required",
        "Telegram wants an e-mail address confirmed first",
    ),
    (
        "disk_full",
        "the disk of the service is full; nothing was sent",
    ),
    ("file_empty", "a file has no bytes"),
    ("file_missing", "the form has no file"),
    ("file_too_large", "a file has more than 2,000 MiB"),
    (
        "file_url_invalid",
        "file_url is no https address, is too long, or has a name and password in it",
    ),
    (
        "file_url_unreachable",
        "the file of file_url can't be had: its server does not answer, or not with the file",
    ),
    (
        "invalid_field",
        "a field of the form can't be read; the message says which and why",
    ),
    (
        "malformed_multipart",
        "the body can't be read as multipart/form-data",
    ),
    (
        "photo_unfit",
        "Telegram does not take this file as a photo; the message says why",
    ),
    ("staging_full", "too much is waiting to be sent already"),
    ("too_many_files", "more than 10 files"),
    (
        "uploads_busy",
        "too many files are coming in at once; Retry-After says when to try again",
    ),
    ("voice_alone", "a voice message goes out alone"),
    ("voice_unfit", "the file is no Opus in Ogg or WebM"),
    (
        "emoji_invalid",
        "emoji is one emoji, or null to take the reaction back",
    ),
    ("empty_query", "the search text has no word in it"),
    (
        "entities_invalid",
        "an entity does not lie in the text as it should; the message says which",
    ),
    (
        "events_invalid",
        "events is empty or names something that is no event of a webhook",
    ),
    ("exists", "it exists already"),
    ("file_not_found", "there is no such file"),
    (
        "flood_wait",
        "Telegram asks to wait; Retry-After says how long",
    ),
    (
        "history_unavailable",
        "older messages are at Telegram and can't be fetched for now; the message says what to do",
    ),
    ("host_not_allowed", "this Host is not served here"),
    (
        "idempotency_conflict",
        "the Idempotency-Key was used for another message",
    ),
    (
        "idempotency_in_progress",
        "the first call under this key is still under way",
    ),
    (
        "import_not_yours",
        "the file was exported from another account",
    ),
    (
        "import_unreadable",
        "the file is no result.json of Telegram Desktop, or it broke off; what was read before is imported",
    ),
    (
        "internal",
        "something broke on our side; the log has the request_id",
    ),
    ("invalid_account_id", "account_id is no UUID"),
    ("invalid_cursor", "the cursor is not one of ours"),
    (
        "invalid_idempotency_key",
        "Idempotency-Key has 1 to 255 plain characters",
    ),
    ("invalid_format", "format is json or html"),
    ("invalid_kind", "there is no such kind of conversation"),
    ("invalid_limit", "limit is a number from 1 to 200"),
    (
        "invalid_quote",
        "a quote is a part of the message that is answered, at most 1024 UTF-16 units long",
    ),
    (
        "invalid_reply_to",
        "reply_to_message_id is no message of this chat",
    ),
    (
        "invalid_topic_id",
        "topic_id is no topic of this forum, or the message replied to is in another one",
    ),
    (
        "label_invalid",
        "a label has 1 to 64 characters on one line",
    ),
    (
        "launch_code_invalid",
        "the launch link was used or is too old",
    ),
    ("licence_not_yours", "the token belongs to another licence"),
    (
        "licence_required",
        "the call does not say which licence it is for",
    ),
    ("login_cancelled", "the sign-in was cancelled"),
    (
        "login_method_ambiguous",
        "more than one way to sign in was given",
    ),
    ("login_method_missing", "no way to sign in was given"),
    (
        "login_required",
        "the session at Telegram has ended; sign in again",
    ),
    ("malformed_json", "the body can't be read"),
    ("malformed_query", "the query can't be read"),
    ("media_gone", "Telegram no longer has this file"),
    (
        "media_not_found",
        "the message has no file, or no small picture",
    ),
    (
        "media_unavailable",
        "the file can't be fetched now; its account is not connected, or too much is on its way",
    ),
    (
        "method_not_allowed",
        "the address does not know this method; Allow says which it knows",
    ),
    ("message_gone", "Telegram no longer has the message"),
    ("message_deleted", "the message was deleted"),
    (
        "message_ids_invalid",
        "message_ids names 1 to 100 messages of one conversation",
    ),
    (
        "message_may_have_arrived",
        "the message may be at Telegram already; force=true takes it off the desk all the same",
    ),
    (
        "message_not_found",
        "there is no such message, or it is not yours",
    ),
    (
        "message_not_masked",
        "nothing was taken out of the message, so there is nothing to reveal",
    ),
    (
        "message_not_scheduled",
        "the message does not wait for a time",
    ),
    ("message_not_sent", "the message is not sent yet"),
    (
        "message_not_waiting",
        "too late: the message is sent, or on its way",
    ),
    (
        "message_taken_back",
        "somebody took the message back meanwhile",
    ),
    (
        "message_too_far",
        "the message lies too far back to be fetched at once; ask again to go on",
    ),
    ("messages_invalid", "messages is empty or too long"),
    (
        "needs_password",
        "two-step verification: send the password as well",
    ),
    ("no_login", "no sign-in is under way"),
    ("not_a_websocket", "the call is no WebSocket handshake"),
    ("not_a_person", "only people and bots can be blocked"),
    ("not_authorized", "not signed in"),
    ("not_connected", "the licence has no connected number"),
    ("not_found", "there is nothing under this address"),
    (
        "not_copyable",
        "a message that is neither words nor a file that stays can't be copied to a chat of another account",
    ),
    (
        "not_forwardable",
        "the message can't be forwarded: a notice, a code, or a chat keeps its own",
    ),
    (
        "not_ours",
        "somebody else wrote the message: it can't be edited",
    ),
    (
        "not_replaceable",
        "the message has no file that can be replaced",
    ),
    (
        "only_for_everyone",
        "messages of supergroups and channels are deleted for everyone",
    ),
    (
        "order_may_be_done",
        "the order may have been carried out already; force=true puts it away all the same",
    ),
    (
        "order_not_found",
        "there is no such order, it is done, or it is not yours",
    ),
    (
        "outcome_unknown",
        "the first call under this key was cut off by a stop of the service; nobody knows what it did",
    ),
    (
        "owner_invalid",
        "owner is not licence:, user: or portal: and an id",
    ),
    (
        "password_needed",
        "two-step verification: send the password as well",
    ),
    (
        "patience_invalid",
        "patience is a number of seconds from 1 to 31536000",
    ),
    (
        "check_wanted",
        "Telegram wants a check (reCAPTCHA) that its own apps alone can show: sign in by QR code",
    ),
    (
        "payment_required",
        "Telegram wants a payment to send the code",
    ),
    ("phone_banned", "Telegram has banned the number"),
    (
        "phone_invalid",
        "the number is not in international form, or Telegram does not take it",
    ),
    (
        "device_invalid",
        "a name of the device is empty, longer than 64 characters or no language",
    ),
    ("pace_invalid", "a limit is no whole number from 1 to 1000"),
    (
        "session_in_use",
        "the session is the one that the service uses itself",
    ),
    (
        "device_session_not_found",
        "the account has no such session",
    ),
    (
        "session_too_new",
        "the account is signed in here for less than a day: Telegram lets it end no other session yet",
    ),
    (
        "proxy_invalid",
        "a proxy's address can't be used; the message says why",
    ),
    ("photo_not_found", "the person or the chat has no photo"),
    (
        "range_not_satisfiable",
        "the range lies beyond the file's end",
    ),
    (
        "recipient_invalid",
        "a recipient is a @username, a numeric id, a phone number or a link of Telegram's",
    ),
    (
        "recipient_not_found",
        "nobody is known by this name, id or number",
    ),
    (
        "recipient_refused",
        "the recipient can't be written to (privacy, blocked, no rights)",
    ),
    (
        "reply_to_not_found",
        "the message replied to does not exist in this chat, or was deleted",
    ),
    (
        "schedule_invalid",
        "scheduled_for is a moment to come, within a year, or `online` in a chat with one person",
    ),
    ("scope_too_small", "the token does not reach this far"),
    ("session_invalid", "the session string can't be used"),
    (
        "session_not_found",
        "no such started sign-in, or a newer one replaced it",
    ),
    (
        "session_unreadable",
        "the stored session can't be opened with the present key",
    ),
    (
        "several_conversations",
        "the messages are not all of one conversation",
    ),
    ("sign_up_required", "the number has no Telegram account"),
    ("stopping", "the service is stopping"),
    ("store_unavailable", "the database can't be reached for now"),
    (
        "telegram_refused",
        "Telegram refused for another reason, which the message has",
    ),
    (
        "telegram_unreachable",
        "Telegram does not answer for now; nothing was done",
    ),
    ("text_empty", "the text is empty"),
    (
        "text_too_long",
        "the text has more than 4096 UTF-16 units, or under a file more than 1024",
    ),
    ("token_not_found", "there is no such token, or it has ended"),
    ("expires_at_invalid", "expires_at lies in the past"),
    ("name_invalid", "a name has 1 to 64 characters on one line"),
    (
        "scope_invalid",
        "scope is one of read, send, admin and licence",
    ),
    ("invalid_after", "after is a number from 0 on"),
    ("invalid_wait", "wait is a number of seconds from 0 to 60"),
    (
        "resync",
        "events after this number are not known (any more): load the state anew",
    ),
    (
        "token_invalid",
        "the token (or ticket) is unknown, was revoked or has expired",
    ),
    (
        "token_required",
        "this call needs a token: the service is locked, or the call is not from its own machine",
    ),
    (
        "too_many_attempts",
        "too many sign-ins or wrong entries; wait",
    ),
    (
        "too_many_failures",
        "too many wrong tokens from this address; wait a minute",
    ),
    ("too_many_webhooks", "there are 100 webhooks already"),
    (
        "unconfirmed",
        "Telegram has not confirmed the message yet; it may have arrived",
    ),
    ("unknown_user", "no such user_id is known"),
    (
        "unsupported_media_type",
        "only application/json is read, and multipart/form-data where files are taken",
    ),
    (
        "url_invalid",
        "url is no http or https address, has a part after #, or is too long",
    ),
    (
        "url_not_allowed",
        "url leads to an address that is not public and that the operator has not allowed",
    ),
    ("user_id_invalid", "user_id has 1 to 255 bytes"),
    (
        "webhook_configured",
        "this webhook stands in the configuration and is changed there",
    ),
    ("webhook_not_found", "there is no such webhook"),
    ("wrong_code", "the code is wrong"),
    (
        "wrong_password",
        "the two-step verification password is wrong",
    ),
    ("wrong_step", "the sign-in is at another step"),
];
