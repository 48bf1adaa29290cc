-- Times are milliseconds since 1970 in UTC. Ids are Integer, BigInt or Text only, so that another database can take
-- the same tables. `account_no` is the short form of an account's uuid inside keys.

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    no INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    colour INTEGER NOT NULL,
    phone TEXT,                       -- masked
    api_id INTEGER,
    is_active BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    state_since BIGINT NOT NULL,
    retry_at BIGINT,
    attempt INTEGER NOT NULL DEFAULT 0,
    user_id BIGINT,
    user_first_name TEXT,
    user_last_name TEXT,
    user_username TEXT,
    unread BIGINT NOT NULL DEFAULT 0, -- sum over its conversations, kept in the same transactions
    last_update_at BIGINT,
    created_at BIGINT NOT NULL,
    sync_phase TEXT,
    sync_done BIGINT,
    sync_total BIGINT,
    dialog_cursor TEXT,
    removed_at BIGINT,
    purge BOOLEAN NOT NULL DEFAULT FALSE -- its rows are being deleted in the background
);

-- Telegram's update position; moves only together with what it covers.
CREATE TABLE account_positions (
    account_no BIGINT PRIMARY KEY NOT NULL REFERENCES accounts (no),
    pts INTEGER NOT NULL,
    qts INTEGER NOT NULL,
    date INTEGER NOT NULL,
    seq INTEGER NOT NULL
);

CREATE TABLE channel_positions (
    account_no BIGINT NOT NULL REFERENCES accounts (no),
    channel_id BIGINT NOT NULL,
    pts INTEGER NOT NULL,
    PRIMARY KEY (account_no, channel_id)
) WITHOUT ROWID;

CREATE TABLE peers (
    account_no BIGINT NOT NULL REFERENCES accounts (no),
    peer_id BIGINT NOT NULL,          -- marked
    access_hash BIGINT,               -- belongs to this account alone; never erased
    name TEXT NOT NULL,
    username TEXT,
    username_key TEXT,                -- lower case
    is_self BOOLEAN NOT NULL,
    bot BOOLEAN NOT NULL,
    broadcast BOOLEAN NOT NULL,
    can_send BOOLEAN NOT NULL,
    min BOOLEAN NOT NULL,
    deleted BOOLEAN NOT NULL,
    PRIMARY KEY (account_no, peer_id)
) WITHOUT ROWID;
CREATE INDEX peers_by_username ON peers (account_no, username_key) WHERE username_key IS NOT NULL;

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    telegram_account_id TEXT NOT NULL REFERENCES accounts (id),
    chat_id TEXT NOT NULL,
    last_message_at BIGINT NOT NULL DEFAULT 0, -- 0: no message yet
    account_no BIGINT NOT NULL,
    chat BIGINT NOT NULL,             -- chat_id as a number
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    username TEXT,
    find_key TEXT NOT NULL,           -- title and username in lower case, for the filter
    unread BIGINT NOT NULL DEFAULT 0,
    can_send BOOLEAN NOT NULL,
    last_message BIGINT,              -- row id
    muted_until BIGINT,
    read_inbox_max_id INTEGER NOT NULL DEFAULT 0,
    read_outbox_max_id INTEGER NOT NULL DEFAULT 0,
    top_message INTEGER NOT NULL DEFAULT 0,
    history_complete BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX conversations_by_chat ON conversations (account_no, chat);
CREATE INDEX conversations_by_time ON conversations (last_message_at, id);
CREATE INDEX conversations_by_account ON conversations (account_no, last_message_at, id);
CREATE INDEX conversations_unread ON conversations (last_message_at, id) WHERE unread > 0;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY NOT NULL,
    account_no BIGINT NOT NULL,
    scope BIGINT NOT NULL,            -- whose numbering message_no is of: 0 the account's own, else the channel id
    message_no BIGINT NOT NULL,       -- message_id as a number; 2^32 + id until Telegram gave one
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    telegram_account_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    message_id TEXT,
    direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    text TEXT NOT NULL,
    timestamp BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('received', 'pending', 'sent', 'failed')),
    sender_id BIGINT,
    sender_name TEXT,                 -- only where no peer stands behind it
    reply_to INTEGER,
    edited_at BIGINT,
    deleted_at BIGINT,
    media TEXT,                       -- JSON
    service TEXT,
    backfilled BOOLEAN NOT NULL DEFAULT FALSE,
    held BOOLEAN NOT NULL DEFAULT FALSE -- perhaps the echo of a reply still on its way; hidden until that is known
);
CREATE UNIQUE INDEX messages_by_number ON messages (account_no, scope, message_no);
CREATE INDEX messages_by_conversation ON messages (conversation_id, timestamp, message_no);
CREATE INDEX messages_held ON messages (conversation_id) WHERE held;

-- Replies that are not settled: waiting, or failed. A sent one leaves this table.
CREATE TABLE outbox (
    message_row INTEGER PRIMARY KEY NOT NULL REFERENCES messages (id),
    account_no BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    random_id BIGINT NOT NULL,        -- given once, never changed
    failed BOOLEAN NOT NULL DEFAULT FALSE,
    maybe_sent BOOLEAN NOT NULL DEFAULT FALSE, -- on its way, or gone without an answer
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at BIGINT,
    error_code TEXT,
    error_message TEXT
);
CREATE UNIQUE INDEX outbox_by_random_id ON outbox (account_no, random_id);
CREATE INDEX outbox_by_account ON outbox (account_no, failed, message_row);
CREATE INDEX outbox_by_conversation ON outbox (conversation_id);

CREATE TABLE idempotency_keys (
    conversation_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    message_row BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_message ON idempotency_keys (message_row);

-- Deleted at Telegram before they were ever seen here: a later look into history must not bring them back.
CREATE TABLE tombstones (
    account_no BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    message_no BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    PRIMARY KEY (account_no, scope, message_no)
) WITHOUT ROWID;

CREATE TABLE fill_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_no BIGINT NOT NULL REFERENCES accounts (no),
    chat BIGINT,                      -- NULL: the whole account
    below INTEGER,
    down_to INTEGER,
    remaining INTEGER,
    created_at BIGINT NOT NULL
);
CREATE INDEX fill_jobs_by_account ON fill_jobs (account_no, chat);

-- References only; an event is rendered from what its rows are when it is read.
CREATE TABLE event_log (
    seq INTEGER PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    account_no BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    conversation_id BIGINT,
    message_row BIGINT,
    detail TEXT                       -- further row ids of a deletion
);

CREATE TABLE login_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id TEXT,
    subject TEXT NOT NULL,            -- salted hash
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX login_attempts_by_subject ON login_attempts (subject, at);
CREATE INDEX login_attempts_by_account ON login_attempts (account_id, at);

-- Its rowid is (minute of the message << 37) | message row: the newest come first without sorting.
CREATE VIRTUAL TABLE messages_search USING fts5 (
    text,
    content = '',
    contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);
