//! The narrow tables as diesel sees them; `migrations/` is where all are made.
//!
//! Rows of accounts, conversations and messages have more columns than diesel's tables take by default; they name
//! their types beside their fields instead.

diesel::table! {
    meta (key) { key -> Text, value -> Text, }
}

diesel::table! {
    peers (account_no, peer_id) {
        account_no -> BigInt,
        peer_id -> BigInt,
        access_hash -> Nullable<BigInt>,
        name -> Text,
        username -> Nullable<Text>,
        username_key -> Nullable<Text>,
        is_self -> Bool,
        bot -> Bool,
        broadcast -> Bool,
        can_send -> Bool,
        min -> Bool,
        deleted -> Bool,
    }
}

diesel::table! {
    orders (id) {
        id -> BigInt,
        account_no -> BigInt,
        conversation_id -> BigInt,
        kind -> Text,
        payload -> Nullable<Text>,
        state -> Text,
        above -> Nullable<BigInt>,
        attempts -> Integer,
        unanswered_ms -> BigInt,
        last_at -> Nullable<BigInt>,
        wait_of -> Nullable<Text>,
        wait_ms -> Nullable<BigInt>,
        held -> Nullable<Text>,
        retry_at -> Nullable<BigInt>,
        error_code -> Nullable<Text>,
        error_message -> Nullable<Text>,
    }
}

diesel::table! {
    order_messages (order_id, ordinal) {
        order_id -> BigInt,
        ordinal -> BigInt,
        account_no -> BigInt,
        message_row -> BigInt,
        random_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_keys (conversation_id, key) {
        conversation_id -> BigInt,
        key -> Text,
        fingerprint -> Text,
        message_row -> Nullable<BigInt>,
        message_rows -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    tombstones (account_no, scope, message_no) {
        account_no -> BigInt,
        scope -> BigInt,
        message_no -> BigInt,
        deleted_at -> BigInt,
    }
}

diesel::table! {
    event_log (seq) {
        seq -> BigInt,
        at -> BigInt,
        account_no -> BigInt,
        kind -> Integer,
        conversation_id -> Nullable<BigInt>,
        message_row -> Nullable<BigInt>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    login_attempts (id) {
        id -> BigInt,
        account_id -> Nullable<Text>,
        subject -> Text,
        kind -> Text,
        outcome -> Text,
        error -> Nullable<Text>,
        at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}
