-- The outbox holds orders of every kind. An order has an id of its own; what it makes or concerns stands beside it.

CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- rises in the order of writing, is never given out twice
    account_no BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT,                     -- JSON: what its kind needs beside its messages
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'in_flight', 'unanswered', 'failed', 'given_up')),
    above BIGINT,                     -- highest message_no of its scope before the first call; NULL: there was none
    attempts INTEGER NOT NULL DEFAULT 0,
    unanswered_ms BIGINT NOT NULL DEFAULT 0, -- without a definite answer while the line stood
    last_at BIGINT,                   -- the last attempt
    wait_of TEXT CHECK (wait_of IN ('account', 'chat')), -- whom Telegram's wait holds
    wait_ms BIGINT,                   -- its length
    retry_at BIGINT,                  -- for the eye
    error_code TEXT,
    error_message TEXT
);

CREATE TABLE order_messages (
    order_id BIGINT NOT NULL REFERENCES orders (id),
    ordinal INTEGER NOT NULL,
    account_no BIGINT NOT NULL,
    message_row BIGINT NOT NULL,
    random_id BIGINT,                 -- of a message that it makes: given once, never changed; NULL: it concerns the message
    PRIMARY KEY (order_id, ordinal)
) WITHOUT ROWID;

INSERT INTO orders (id, account_no, conversation_id, kind, state, above, attempts, unanswered_ms, last_at, wait_of, wait_ms,
    retry_at, error_code, error_message)
SELECT message_row, account_no, conversation_id, 'text', state, above, attempts, unanswered_ms, last_at, wait_of, wait_ms,
    retry_at, error_code, error_message FROM outbox;
INSERT INTO order_messages (order_id, ordinal, account_no, message_row, random_id)
SELECT message_row, 0, account_no, message_row, random_id FROM outbox;
DROP TABLE outbox;

CREATE INDEX orders_by_account ON orders (account_no, state, id);
CREATE INDEX orders_by_conversation ON orders (conversation_id);
CREATE UNIQUE INDEX order_messages_by_random_id ON order_messages (account_no, random_id) WHERE random_id IS NOT NULL;
CREATE UNIQUE INDEX order_messages_made ON order_messages (message_row) WHERE random_id IS NOT NULL;
CREATE INDEX order_messages_concerned ON order_messages (message_row) WHERE random_id IS NULL;

-- A key stands for a whole order: for the message of it, the messages, or none at all.
CREATE TABLE idempotency_next (
    conversation_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    message_row BIGINT,               -- of an order for one message
    message_rows TEXT,                -- JSON, of an order for several
    created_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, key)
) WITHOUT ROWID;
INSERT INTO idempotency_next (conversation_id, key, fingerprint, message_row, created_at)
SELECT conversation_id, key, fingerprint, message_row, created_at FROM idempotency_keys;
DROP TABLE idempotency_keys;
ALTER TABLE idempotency_next RENAME TO idempotency_keys;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_message ON idempotency_keys (message_row);
