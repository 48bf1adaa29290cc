//! Operations: what each call takes and gives.

use super::groups::{self as g, Codes};

/// One call. Empty texts: nothing of it.
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    /// Name of a schema.
    pub body: &'static str,
    pub status: u16,
    /// Name of a schema, or a media type.
    pub answer: &'static str,
    pub query: &'static [(&'static str, &'static str)],
    errors: &'static [Codes],
}

impl Operation {
    /// The codes of its own errors, each once.
    pub fn errors(&self) -> Vec<&'static str> {
        let mut once = Vec::new();
        for code in self.errors.concat() {
            if !once.contains(&code) {
                once.push(code);
            }
        }
        once
    }
}

type Query = &'static [(&'static str, &'static str)];
type Errors = &'static [Codes];

const PAGE: Query = &[
    ("limit", "1 to 200, 50 when not given"),
    ("cursor", "next_cursor of the page before"),
];

const SIGNING_IN: Errors = &[g::VAULT, g::SIGN_IN, g::METHOD, g::WAYS];
/// A reply or an order about a message or a chat.
const DEED: Errors = &[g::ORDER];
const REPLYING: Errors = &[
    g::QUEUED,
    g::ACCOUNT,
    g::CONVERSATION,
    g::OUTGOING,
    g::WORDING,
    g::PLACE,
    g::TELEGRAM,
    g::FORM,
    g::FILES,
];
const SENDING: Errors = &[
    g::QUEUED,
    g::ACCOUNT,
    g::CONVERSATION,
    g::OUTGOING,
    g::WORDING,
    g::RECIPIENT,
    g::TELEGRAM,
];
const ASKING: Errors = &[g::ACCOUNT, g::RECIPIENT, g::TELEGRAM];
const FORWARDING: Errors = &[g::ORDER, g::FORWARD, g::COPIES, g::GOING_ON];
const HISTORY: Errors = &[
    g::CONVERSATION,
    g::MESSAGE,
    g::HISTORY,
    g::PAGE,
    g::TELEGRAM,
];
const FILE: Errors = &[g::MESSAGE, g::MEDIA];
const LICENSED: Errors = &[g::VAULT, g::LICENSED, g::OWNED, g::TELEGRAM];
const LICENCE_SIGN_IN: Errors = &[g::VAULT, g::LICENSED, g::OWNED, g::SIGN_IN, g::TELEGRAM];
const USER_SIGN_IN: Errors = &[g::VAULT, g::USER, g::OWNED, g::SIGN_IN, g::TELEGRAM];
const USER_SEND: Errors = &[
    g::QUEUED,
    g::USER,
    g::OWNED,
    g::OUTGOING,
    g::WORDING,
    g::RECIPIENT,
    g::TELEGRAM,
    g::CONFIRMED,
    g::FETCHED,
    g::FORM,
    g::FILES,
];
const RELAYING: Errors = &[
    g::QUEUED,
    g::USER,
    g::OWNED,
    g::OUTGOING,
    g::WORDING,
    g::RECIPIENT,
    g::TELEGRAM,
    g::CONFIRMED,
    g::ASSISTANT,
    g::STREAM,
];
const PORTAL_SIGN_IN: Errors = &[g::VAULT, g::VISITOR, g::OWNED, g::SIGN_IN, g::TELEGRAM];
const PORTAL: Errors = &[g::VISITOR, g::OWNED, g::TELEGRAM];
const PORTAL_CHATS: Errors = &[
    g::VISITOR,
    g::OWNED,
    g::CHAT,
    g::PAGE,
    g::HISTORY,
    g::TELEGRAM,
];
const PORTAL_SENDING: Errors = &[
    g::QUEUED,
    g::VISITOR,
    g::OWNED,
    g::CHAT,
    g::OUTGOING,
    g::WORDING,
    g::PLACE,
    g::TELEGRAM,
    g::FORM,
    g::FILES,
];
const WEBHOOK: Errors = &[g::WEBHOOK, g::WEBHOOKS];

macro_rules! operations {
    ($($tag:literal { $($method:ident $path:literal $summary:literal, $body:literal => $status:literal $answer:literal, $query:expr, $errors:expr;)* })*) => {
        pub const OPERATIONS: &[Operation] = &[$($(Operation {
            method: stringify!($method), path: $path, tag: $tag, summary: $summary, body: $body, status: $status,
            answer: $answer, query: $query, errors: $errors,
        }),*),*];
    };
}

/// Of exports.
const EXPORT: Query = &[
    (
        "format",
        "json (default): Telegram Desktop's own layout; media_url of a message says where its file is had; html: one page with the files in it",
    ),
    ("files", "false: a page without files"),
    (
        "cursor",
        "a piece at a time, each after the one before: `start`, then what Next-Cursor of the answer before said; the answer without it is the last. The pieces one after another are the file",
    ),
];

const WOULD_FREE: Query = &[
    ("account_id", "of one account alone"),
    (
        "messages_days",
        "as if messages were kept for so many days; 0: for ever",
    ),
    (
        "media_days",
        "as if files were kept for so many days; 0: for ever",
    ),
];

operations! {
    "accounts" {
        post "/accounts/add" "Adds an account and starts its sign-in by phone, QR code or session string", "AddAccount" => 201 "AccountAndLogin", &[], &[g::SIGN_IN, g::METHOD, g::WAYS, g::DEVICE, g::SETTINGS, g::ADDING, g::VAULT];
        get "/accounts" "All accounts that the caller sees", "" => 200 "Accounts", &[], &[];
        get "/accounts/{id}" "One account and its sign-in, if one is under way", "" => 200 "AccountAndLogin", &[], &[g::ACCOUNT];
        patch "/accounts/{id}" "Changes label, colour, what it fetches by itself, its ways to Telegram (proxies, in order; null: the service's own; an empty list: directly), its pace (null: the default), for how long its messages and files are kept (retention; null: as for all) or what it calls itself at Telegram (device; null: as the service does), or switches it on or off", "ChangeAccount" => 200 "OneAccount", &[], &[g::VAULT, g::SETTINGS, g::WAYS, g::PACE, g::DEVICE, g::RETENTION];
        delete "/accounts/{id}" "Signs it out and removes it, or deletes the history of one that was removed before; logout says whether Telegram has done it or will be told as soon as it can be reached", "" => 200 "SignedOut", &[("history", "keep (default) or delete")], &[g::VAULT];
        post "/accounts/{id}/login" "Starts a sign-in anew; id and history stay", "BeginLogin" => 200 "AccountAndLogin", &[], SIGNING_IN;
        get "/accounts/{id}/login" "How far the sign-in is", "" => 200 "AccountAndLogin", &[], &[g::ACCOUNT];
        delete "/accounts/{id}/login" "Ends a sign-in", "" => 200 "AccountAndLogin", &[], &[g::ACCOUNT];
        post "/accounts/{id}/login/code" "The code that Telegram sent", "Code" => 200 "AccountAndLogin", &[], SIGNING_IN;
        post "/accounts/{id}/login/email" "The e-mail address that Telegram wants the account to have (step `email`); a code goes there, and is given as every code", "Email" => 200 "AccountAndLogin", &[], SIGNING_IN;
        post "/accounts/{id}/login/password" "The two-step verification password", "Password" => 200 "AccountAndLogin", &[], SIGNING_IN;
        post "/accounts/{id}/login/resend" "Asks for the code by the next way", "" => 200 "AccountAndLogin", &[], SIGNING_IN;
        post "/accounts/{id}/proxy/test" "Which data centres each of its ways to Telegram reaches, and how fast; or each of those given", "TestWays" => 200 "Ways", &[], &[g::VAULT, g::WAYS];
        get "/accounts/{id}/sessions" "Where the account is signed in at Telegram, this session first", "" => 200 "DeviceSessions", &[], &[g::ACCOUNT, g::DEVICES, g::TELEGRAM];
        delete "/accounts/{id}/sessions/{hash}" "Ends another session of the account", "" => 204 "", &[], &[g::ACCOUNT, g::DEVICES, g::TELEGRAM];
        post "/accounts/{id}/mark" "Another of the accounts looks whether Telegram warns others that this one uses an unofficial app; `health.unofficial` has what it saw", "" => 200 "OneAccount", &[("by", "that account alone looks")], &[g::ACCOUNT, &["nobody_can_look"]];
        get "/retention" "For how long messages and files are kept, and what that would free of each account, or of one; nothing goes by asking", "" => 200 "WouldFree", WOULD_FREE, &[g::ACCOUNT, g::RETENTION];
        get "/proxies" "The service's own ways to Telegram, in order, without credentials: for accounts that name none; an empty list: directly", "" => 200 "ServiceWays", &[], &[];
        post "/proxies/test" "Which data centres each of them reaches, and how fast; or each of those given, before an account has them", "TestWays" => 200 "Ways", &[], &[g::WAYS];
        post "/accounts/{id}/restart" "Restarts that account alone", "" => 202 "OneAccount", &[], &[g::VAULT, &["account_unavailable"]];
        post "/accounts/{id}/logout" "Signs it out; logout says whether Telegram has done it or will be told as soon as it can be reached", "" => 200 "SignedOut", &[], &[g::VAULT];
        get "/export/accounts/{id}" "All chats of an account, streamed, as Telegram Desktop exports them, or as a page", "" => 200 "export", EXPORT, &[g::ACCOUNT, g::CONVERSATION, g::FORMAT, &["invalid_cursor"]];
        post "/accounts/{id}/import" "Takes a `result.json` of Telegram Desktop, of any length, into the account's history: a chat or the whole account. Nothing of it is news (`backfilled`), and what is stored already stays as it is, so a file that broke off is sent again", "DesktopExport" => 200 "Imported", &[], &[g::ACCOUNT, g::IMPORT];
        get "/accounts/{id}/contacts" "Its address book by name, as Telegram told it not long ago; `accounts` says which accounts know somebody, as a contact or from a conversation", "" => 200 "Contacts", &[("q", "part of the name or the username, in any case, with or without the marks of letters; numbers are not looked for"), ("limit", "1 to 200"), ("cursor", "next_cursor of the page before")], &[g::ACCOUNT, g::PAGE, g::TELEGRAM];
        post "/accounts/{id}/contacts" "Puts a number into its address book", "NewContact" => 201 "FoundRecipient", &[], &[g::ACCOUNT, g::NAME, &["phone_invalid"], g::TELEGRAM];
        post "/accounts/{id}/find" "Whom or what a @username, a number, an id or a link of Telegram's means, seen from this account; nothing is joined and nothing written", "Find" => 200 "FoundRecipient", &[], ASKING;
        post "/accounts/{id}/join" "Comes into a group or channel by its name or a link; `requested`: its admins decide", "Find" => 200 "Joined", &[], ASKING;
        post "/accounts/{id}/send" "Writes to a @username, a numeric id, a phone number or the name that a link of Telegram's has", "Send" => 202 "MessageAndConversation", &[], SENDING;
    }
    "conversations" {
        get "/conversations" "Conversations, newest first", "" => 200 "Conversations", &[("account_id", "one or several, with commas"), ("kind", "private, bot, group, supergroup or channel"), ("unread", "true: only unread ones"), ("q", "part of the title"), ("limit", "1 to 200"), ("cursor", "next_cursor of the page before")], &[g::CHOSEN, &["invalid_kind"], g::PAGE];
        get "/conversations/{id}" "One conversation", "" => 200 "OneConversation", &[], &[g::CONVERSATION];
        get "/conversations/{id}/messages" "Its messages, newest first, to the beginning of the chat", "" => 200 "Messages", &[("cursor", "next_cursor or prev_cursor of another page"), ("around", "row id of a message"), ("around_message_id", "Telegram's number of a message, fetched when it is not stored"), ("after", "row id of a message"), ("limit", "1 to 200")], HISTORY;
        get "/conversations/{id}/photo" "The photo of the person or the chat, as it is now", "" => 200 "*/*", &[("else", "nothing: 204 instead of an error where no photo can be had")], &[g::CONVERSATION, g::MEDIA];
        get "/conversations/{id}/media" "Stored messages with pictures, files and the like, newest first", "" => 200 "Messages", PAGE, &[g::CONVERSATION, g::PAGE];
        get "/conversations/{id}/topics" "A forum's topics whose titles are known, newest first", "" => 200 "Topics", &[], &[g::CONVERSATION];
        post "/conversations/{id}/reply" "Queues a reply: text as JSON, or files as a form (several are one album); messages has each of the files", "Reply" => 202 "Replied", &[], REPLYING;
        get "/conversations/{id}/scheduled" "What waits for its time here, the next to go out first, also what is still on its way to Telegram and what failed; `compared`: Telegram listed it just now", "" => 200 "Scheduled", &[], &[g::CONVERSATION];
        put "/conversations/{id}/draft" "What stands in the field and is not sent, kept here and at Telegram for all devices of the account; an empty text takes it away", "NewDraft" => 200 "OneConversation", &[], &[g::ACCOUNT, g::CONVERSATION, g::WORDING, g::QUEUED, &["invalid_reply_to", "invalid_topic_id"]];
        post "/conversations/{id}/read" "Marks it read, here and at Telegram", "" => 200 "OneConversation", &[], &[g::CONVERSATION];
        patch "/conversations/{id}" "Mutes, archives, marks as unread or blocks, here and at Telegram; each is an order", "ChangeConversation" => 202 "OneConversation", &[], &[g::ORDER, &["not_a_person"]];
        post "/conversations/{id}/report" "Reports the chat to Telegram as spam", "" => 202 "OneConversation", &[], DEED;
        post "/conversations/{id}/typing" "Shows the other side that somebody types, for a few seconds", "" => 204 "", &[], &[g::CONVERSATION, g::TELEGRAM];
        post "/conversations/{id}/clear" "Deletes what the chat has now, for everyone or for this account alone", "Clear" => 202 "OneConversation", &[], DEED;
        get "/conversations/{id}/orders" "What is to be done here and is not done, failed orders too, oldest first; replies are messages of their own", "" => 200 "Orders", &[], &[g::CONVERSATION];
        post "/orders/{id}/retry" "A failed or waiting order again", "" => 202 "OneOrder", &[], DEED;
        delete "/orders/{id}" "Takes an order back, or puts a failed one away", "" => 204 "", &[("force", "true: also one that may be done already")], DEED;
        post "/messages/forward" "Forwards messages of one conversation to several others; to one of another account texts and files go as copies", "Forward" => 202 "SomeMessages", &[], FORWARDING;
        post "/messages/delete" "Deletes several messages of one conversation", "DeleteMessages" => 202 "SomeMessages", &[], &[g::ORDER, &["message_ids_invalid", "only_for_everyone"]];
        patch "/messages/{id}" "Another text, or another caption, for a sent message; as a form another file for one that has a file, whose caption stays when the form has none", "Edit" => 202 "OneMessage", &[], &[g::ORDER, g::OUTGOING, g::WORDING, g::REPLACEMENT, g::FORM, g::FILES];
        patch "/messages/{id}/schedule" "Other words or another time for a message that waits at Telegram", "Reschedule" => 202 "OneMessage", &[], &[g::ORDER, g::OUTGOING, g::WORDING, &["message_not_scheduled"]];
        post "/messages/{id}/schedule/send" "Sends a message now that waits at Telegram", "" => 202 "OneMessage", &[], &[g::ORDER, &["message_not_scheduled"]];
        delete "/messages/{id}/schedule" "Withdraws a message that waits at Telegram", "" => 202 "OneMessage", &[], &[g::ORDER, &["message_not_scheduled"]];
        put "/messages/{id}/reaction" "Reacts to a message, or takes the reaction back", "React" => 202 "OneMessage", &[], &[g::ORDER, &["emoji_invalid"]];
        put "/messages/{id}/pin" "Pins a message in its chat, or unpins it", "Pin" => 202 "OneMessage", &[], DEED;
        get "/messages/{id}" "One message, and so what became of a reply", "" => 200 "OneMessage", &[], &[g::MESSAGE];
        get "/messages/{id}/versions" "Every text that it had, the one of now last", "" => 200 "Versions", &[], &[g::MESSAGE];
        get "/messages/{id}/media" "The file of a message, whole or in a range (Range, If-Range, ETag); it begins while it is still being fetched from Telegram", "" => 200 "*/*", &[], FILE;
        get "/messages/{id}/media/thumb" "The small picture of a message's file", "" => 200 "*/*", &[], FILE;
        post "/messages/{id}/retry" "Sends a failed or waiting message again", "" => 202 "OneMessage", &[], DEED;
        post "/messages/{id}/reveal" "The text of a masked message with its code, fetched from Telegram and kept nowhere; for admins, and the log says for whom", "" => 200 "Revealed", &[], &[g::MESSAGE, g::ACCOUNT, g::TELEGRAM, &["message_not_masked", "message_gone"]];
        delete "/messages/{id}" "Takes a waiting or failed message back (204); deletes a sent one when it says for whom (202)", "" => 204 "", &[("for", "everyone or me: delete a sent message; in supergroups and channels always for everyone"), ("force", "true: also one that may have arrived; if it did, it comes again as a message from another device")], &[g::ORDER, &["only_for_everyone"]];
        get "/export/conversations/{id}" "All that is stored of a chat, streamed: as Telegram Desktop exports it, or as a page. Deleted messages are not in it; `missing` tells stretches of message numbers that may be at Telegram and are not stored here", "" => 200 "export", EXPORT, &[g::CONVERSATION, g::ACCOUNT, g::FORMAT, &["invalid_cursor"]];
        get "/search" "Words in messages", "" => 200 "FoundMessages", &[("q", "what to look for"), ("account_id", "one or several, with commas"), ("limit", "1 to 200"), ("cursor", "next_cursor of the page before")], &[g::CHOSEN, g::PAGE, &["empty_query"]];
    }
    "live" {
        get "/ws" "WebSocket: {seq, event, at, data} frames, from `after` on without a gap; `hello`, `vault_status` and `typing` without a number, and `account_status` too while the database can't store it. Closed with 1008 and a reason when the caller's right ends", "" => 101 "", &[("after", "number of the last event that is known"), ("ticket", "of POST /ws/ticket, for clients that can't set a header")], &[&["not_a_websocket", "invalid_after"]];
        get "/events" "The same events by the same numbers: what came after `after`, waiting for it when asked to; without `after` where one stands now", "" => 200 "Events", &[("after", "next_after of the answer before, or the number of an event"), ("limit", "1 to 200"), ("wait", "seconds to wait for the first one, 0 to 60")], &[g::LIMIT, g::EVENTS];
        post "/ws/ticket" "A ticket that opens one WebSocket within 30 seconds", "" => 201 "Ticket", &[], &[];
    }
    "licences" {
        get "/api/integrations/telegram-phone" "The page where a licence connects its number", "" => 200 "text/html", &[], &[];
        get "/api/integrations/telegram-phone/" "The page where a licence connects its number", "" => 200 "text/html", &[], &[];
        post "/api/integrations/telegram-phone/start" "Sends a code to the licence's number", "LicenceStart" => 200 "LicenceStarted", &[], LICENCE_SIGN_IN;
        post "/api/integrations/telegram-phone/resend" "Asks for the code by the next way", "LicenceResend" => 200 "LicenceStarted", &[], LICENCE_SIGN_IN;
        post "/api/integrations/telegram-phone/email" "Gives the account the e-mail address that Telegram wants it to have; a code goes there, and the number's own comes after it", "LicenceEmail" => 200 "LicenceStarted", &[], LICENCE_SIGN_IN;
        post "/api/integrations/telegram-phone/qr" "Starts a sign-in by QR code; a password goes to verify, without a number", "" => 200 "LicenceQr", &[], LICENCE_SIGN_IN;
        get "/api/integrations/telegram-phone/qr/status" "pending, scanned, password_needed, authorized or expired", "" => 200 "QrSignIn", &[], &[g::LICENCE];
        post "/api/integrations/telegram-phone/verify" "Signs in with the code, and the password where there is one", "LicenceVerify" => 200 "LicenceVerified", &[], LICENCE_SIGN_IN;
        post "/api/integrations/telegram-phone/test" "Asks Telegram whether the session works", "" => 200 "LicenceTested", &[], LICENSED;
        get "/api/integrations/telegram-phone/config" "What is connected; config is null when nothing is", "" => 200 "LicenceConfig", &[], &[g::LICENCE];
        post "/api/integrations/telegram-phone/disconnect" "Signs the number out", "" => 200 "LicenceDisconnected", &[], LICENSED;
    }
    "users" {
        post "/telegram/user/auth/start" "Sends a code to the user's number", "UserStart" => 200 "UserStarted", &[], USER_SIGN_IN;
        post "/telegram/user/auth/resend" "Asks for the code by the next way", "UserNamed" => 200 "UserStarted", &[], USER_SIGN_IN;
        post "/telegram/user/auth/email" "Gives the account the e-mail address that Telegram wants it to have; a code goes there, and the number's own comes after it", "UserEmail" => 200 "UserStarted", &[], USER_SIGN_IN;
        post "/telegram/user/auth/qr" "Starts a sign-in by QR code; a password goes to verify", "UserNamed" => 200 "QrSignIn", &[], USER_SIGN_IN;
        get "/telegram/user/auth/qr/status/{user_id}" "pending, scanned, password_needed, authorized or expired", "" => 200 "QrSignIn", &[], &[g::USER];
        post "/telegram/user/auth/verify" "Signs in with the code, and the password where there is one", "UserVerify" => 200 "UserVerified", &[], USER_SIGN_IN;
        post "/telegram/user/send" "Sends as the user: text, a file by its address, or files as a form; answers when Telegram confirmed", "UserSend" => 200 "UserSent", &[], USER_SEND;
        get "/telegram/user/status/{user_id}" "Is the user signed in, and who is it", "" => 200 "UserStatus", &[], &[g::USER, g::TELEGRAM];
        post "/telegram/user/disconnect" "Signs the user out", "UserNamed" => 200 "UserDisconnected", &[], &[g::USER, g::VAULT];
        post "/message_stream" "Streams an assistant's answer, then sends it as the user; the last event says what became of it", "MessageStream" => 200 "text/event-stream", &[], RELAYING;
    }
    "portal" {
        get "/telegram" "The portal's page", "" => 200 "text/html", &[], &[];
        get "/telegram/" "The portal's page", "" => 200 "text/html", &[], &[];
        get "/telegram/session/status" "Is there a session, and is it authorised", "" => 200 "PortalStatus", &[], &[];
        get "/telegram/session/status/" "Is there a session, and is it authorised", "" => 200 "PortalStatus", &[], &[];
        post "/telegram/auth/phone" "Sends a code", "PortalPhone" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/phone/" "Sends a code", "PortalPhone" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/verify" "Signs in with code and password", "PortalVerify" => 200 "PortalVerified", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/verify/" "Signs in with code and password", "PortalVerify" => 200 "PortalVerified", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/resend" "Asks for the code by the next way", "" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/resend/" "Asks for the code by the next way", "" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/email" "Gives the account the e-mail address that Telegram wants it to have; a code goes there, and the number's own comes after it", "PortalEmail" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        post "/telegram/auth/email/" "Gives the account the e-mail address that Telegram wants it to have; a code goes there, and the number's own comes after it", "PortalEmail" => 200 "PortalCodeSent", &[], PORTAL_SIGN_IN;
        get "/telegram/auth/qr" "Starts a sign-in by QR code", "" => 200 "QrSignIn", &[], PORTAL_SIGN_IN;
        get "/telegram/auth/qr/" "Starts a sign-in by QR code", "" => 200 "QrSignIn", &[], PORTAL_SIGN_IN;
        get "/telegram/auth/qr/status" "pending, scanned, password_needed, authorized or expired", "" => 200 "QrSignIn", &[], &[];
        get "/telegram/auth/qr/status/" "pending, scanned, password_needed, authorized or expired", "" => 200 "QrSignIn", &[], &[];
        get "/telegram/chats" "The chats, newest first", "" => 200 "PortalChats", PAGE, &[g::VISITOR, g::OWNED, g::PAGE];
        get "/telegram/chats/" "The chats, newest first", "" => 200 "PortalChats", PAGE, &[g::VISITOR, g::OWNED, g::PAGE];
        get "/telegram/chats/{chat_id}/messages" "Messages of a chat, to its beginning", "" => 200 "PortalMessages", PAGE, PORTAL_CHATS;
        get "/telegram/chats/{chat_id}/messages/" "Messages of a chat, to its beginning", "" => 200 "PortalMessages", PAGE, PORTAL_CHATS;
        post "/telegram/chats/{chat_id}/messages" "Sends text, or files as a form; it goes out by itself", "Reply" => 202 "PortalSent", &[], PORTAL_SENDING;
        post "/telegram/chats/{chat_id}/messages/" "Sends text, or files as a form; it goes out by itself", "Reply" => 202 "PortalSent", &[], PORTAL_SENDING;
        get "/telegram/user/info" "Who is signed in", "" => 200 "PortalUser", &[], PORTAL;
        get "/telegram/user/info/" "Who is signed in", "" => 200 "PortalUser", &[], PORTAL;
        post "/telegram/session/reset" "Drops the session, at Telegram too", "" => 200 "PortalReset", &[], &[g::VAULT];
        post "/telegram/session/reset/" "Drops the session, at Telegram too", "" => 200 "PortalReset", &[], &[g::VAULT];
        get "/telegram/session/info" "The session and its sign-in attempts", "" => 200 "PortalSession", &[], &[];
        get "/telegram/session/info/" "The session and its sign-in attempts", "" => 200 "PortalSession", &[], &[];
    }
    "service" {
        get "/" "The desk", "" => 200 "text/html", &[], &[];
        get "/static/{file:.*}" "The pages' files", "" => 200 "text/plain", &[], &[&["file_not_found"]];
        get "/docs" "This document as a page", "" => 200 "text/html", &[], &[];
        get "/openapi.json" "This document", "" => 200 "application/json", &[], &[];
        get "/asyncapi.json" "WebSocket frames and webhook posts, as an AsyncAPI document", "" => 200 "application/json", &[], &[];
        get "/collection.json" "Every call as Postman and Bruno import it, made of this document", "" => 200 "application/json", &[], &[];
        get "/launch" "The launch link: sets the desk's cookie, which ends with the token that the link came from", "" => 303 "", &[("code", "as printed at start")], &[&["launch_code_invalid"]];
        get "/audit" "Who did what and who was refused, oldest first: sign-ins and log-outs, deletions, tokens, revealed codes, wrong tokens", "" => 200 "AuditEntries", &[("after", "id of the last entry that is known"), ("limit", "1 to 200"), ("newest", "true: the last ones, whatever `after` says")], &[g::LIMIT, &["invalid_after"]];
        get "/tokens" "All tokens, ended ones and desks included; their texts are kept nowhere", "" => 200 "Tokens", &[], &[];
        post "/tokens" "Makes a token; its text is in this answer and nowhere else. With the first one the service is locked", "MakeToken" => 201 "NewToken", &[], &[g::TOKENS];
        delete "/tokens/{id}" "Ends a token, with all that it opened", "" => 204 "", &[], &[g::TOKEN];
        post "/tokens/{id}/rotate" "Another text for the same token: name, scope, accounts and what belongs to it stay; the text before ends with all that it opened", "" => 200 "NewToken", &[], &[g::TOKEN];
        get "/accounts/{id}/staged/{name}" "A file that waits to be sent, as it lies in the folder of the node that is asked: so nodes without a shared folder or bucket hand files on", "" => 200 "*/*", &[], &[&["media_not_found"]];
        get "/about" "What the service is: its version, the layer of Telegram's schema that it speaks, where its rows are, and how many bytes of files it keeps and may keep", "" => 200 "About", &[], &[];
        delete "/files" "Removes the files of messages that are kept in the folder of the service that is asked; what is asked for again comes from Telegram again. A bucket is emptied by its own rules", "" => 200 "FilesCleared", &[], &[];
        get "/nodes" "The services on this database and which accounts each has; none where the rows are in a file, which one process has to itself", "" => 200 "Nodes", &[], &[];
        post "/nodes/{id}/drain" "The node lets go of its accounts, which the others take, and takes none any more; draining: false: it takes part again", "DrainNode" => 202 "NodeDrained", &[], &[g::NODE];
        get "/webhooks" "All webhooks, with how they stand; those of the configuration first", "" => 200 "Webhooks", &[], &[];
        post "/webhooks" "Makes a webhook: what is committed from now on is posted to its address, signed; the secret is in this answer and nowhere else", "MakeWebhook" => 201 "NewWebhook", &[], WEBHOOK;
        get "/webhooks/{id}" "One webhook and how it stands", "" => 200 "OneWebhook", &[], &[g::WEBHOOK];
        patch "/webhooks/{id}" "Changes a webhook, pauses it, or gives it another secret, which is in this answer and nowhere else; what it was not told yet it is told under the new settings", "ChangeWebhook" => 200 "NewWebhook", &[], WEBHOOK;
        delete "/webhooks/{id}" "Removes a webhook", "" => 204 "", &[], &[g::WEBHOOK];
        post "/webhooks/{id}/test" "Posts a test to it, once, and says what it answered", "" => 200 "WebhookTested", &[], &[g::WEBHOOK];
        post "/webhooks/{id}/replay" "Tells it everything after a number again, in order", "Replay" => 202 "OneWebhook", &[], &[g::WEBHOOK, &["invalid_after", "resync"]];
        post "/launch" "A new launch link, for an admin token", "" => 201 "Launch", &[], &[];
        get "/health/live" "The process is alive: its loops turn; 503 when not", "" => 200 "Live", &[], &[];
        get "/health/ready" "Messages can be stored; 503 when not", "" => 200 "Ready", &[], &[];
        get "/metrics" "Figures for Prometheus", "" => 200 "application/openmetrics-text", &[], &[];
    }
}
