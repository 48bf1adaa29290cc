//! Words: what Telegram's error codes mean, for whoever is refused.

/// Is it that there is nobody, or nothing, of that name or number?
pub(super) fn is_unresolvable(name: &str) -> bool {
    matches!(
        name,
        "USERNAME_NOT_OCCUPIED"
            | "USERNAME_INVALID"
            | "PHONE_NOT_OCCUPIED"
            | "PEER_ID_INVALID"
            | "CHANNEL_INVALID"
            | "USER_ID_INVALID"
            | "CHAT_ID_INVALID"
            | "INVITE_HASH_EMPTY"
            | "INVITE_HASH_INVALID"
            | "INVITE_HASH_EXPIRED"
    )
}

/// Telegram's codes in words, for the ones a person at the desk meets.
pub(super) fn meaning(code: &str) -> &'static str {
    match code {
        "CHAT_WRITE_FORBIDDEN" | "CHAT_SEND_PLAIN_FORBIDDEN" | "CHAT_RESTRICTED" => {
            "this account may not write in this chat"
        }
        "CHAT_ADMIN_REQUIRED" => "only this chat's admins may do that",
        "MESSAGE_EDIT_TIME_EXPIRED" => {
            "it is too late: Telegram lets messages be edited for two days"
        }
        "MESSAGE_AUTHOR_REQUIRED" => "only who wrote the message can edit it",
        "MESSAGE_NOT_MODIFIED" => "it reads so already",
        "QUOTE_TEXT_INVALID" => "the message replied to does not say what is quoted",
        "ENTITY_BOUNDS_INVALID" => "the formatting does not fit the text",
        "CHAT_FORWARDS_RESTRICTED" => "this chat does not let its messages be forwarded",
        "MESSAGE_IDS_EMPTY" => "the messages are gone",
        "MESSAGE_ID_INVALID" => "the message is gone",
        "MESSAGE_DELETE_FORBIDDEN" => "this account may not delete that message",
        "MEDIA_CAPTION_TOO_LONG" => "the text under the picture or file is too long",
        "REACTION_INVALID" | "REACTION_EMPTY" => "this chat does not take this reaction",
        "REACTIONS_TOO_MANY" => "the message has too many different reactions",
        "PREMIUM_ACCOUNT_REQUIRED" => "only Premium accounts may do that",
        "SCHEDULE_TOO_MUCH" => {
            "a hundred messages wait in this chat already: Telegram takes no more"
        }
        "SCHEDULE_DATE_TOO_LATE" => "Telegram takes no moment so far ahead",
        "SCHEDULE_DATE_INVALID" => "Telegram does not take this moment",
        "SCHEDULE_STATUS_PRIVATE" => {
            "this person hides when they are online, so it can't be waited for"
        }
        "PIN_RESTRICTED" => "messages of this chat can't be pinned",
        "USER_BANNED_IN_CHANNEL" => "Telegram keeps this account from writing in groups for now",
        "CHANNELS_TOO_MUCH" => "this account is in as many groups and channels as Telegram allows",
        "USERS_TOO_MUCH" => "the group is full",
        "CHANNEL_PRIVATE" => "this account is no longer in this chat",
        "USER_IS_BLOCKED" => "this person has blocked the account",
        "YOU_BLOCKED_USER" => "the account has blocked this person",
        "INPUT_USER_DEACTIVATED" => "this person has deleted their account",
        "USER_IS_BOT" => "bots can't write to bots",
        "FROZEN_METHOD_INVALID" => {
            "Telegram has frozen this account: it reads, but can't write; its owner can appeal in an official app"
        }
        "FROZEN_PARTICIPANT_MISSING" => {
            "Telegram has frozen this account, and it is no member of this chat; its owner can appeal in an official app"
        }
        "PEER_FLOOD" => "Telegram limits this account for writing to too many strangers",
        "PRIVACY_PREMIUM_REQUIRED" => "this person takes messages from Premium users only",
        "ALLOW_PAYMENT_REQUIRED" => "this person takes messages against payment only",
        "MESSAGE_TOO_LONG" => "the text is too long",
        "MESSAGE_EMPTY" => "the text is empty",
        "REPLY_MESSAGE_ID_INVALID" | "MSG_ID_INVALID" => "the message replied to is gone",
        "SLOWMODE_WAIT" | "SLOWMODE_MULTI_MSGS_DISABLED" => {
            "the group allows one message at a time"
        }
        "TOPIC_CLOSED" => "the topic is closed",
        "TOPIC_DELETED" | "TOPIC_ID_INVALID" => "the topic is gone",
        "REPLY_TO_MONOFORUM_PEER_INVALID" => {
            "in a channel's direct messages only a message of somebody can be answered"
        }
        "PEER_ID_INVALID" | "USER_ID_INVALID" | "CHAT_ID_INVALID" | "CHANNEL_INVALID" => {
            "this chat can't be reached from this account"
        }
        // Our word: Telegram has none for it.
        "CHAT_MIGRATED" => {
            "this group is no longer here, as when it became a supergroup: write there"
        }
        _ => "Telegram did not accept it",
    }
}
