-- An order's state is one word. What it may be the echo of lies above the numbers that were known before its first call;
-- how long Telegram asked to wait is kept beside when that ends, because this machine's clock may jump.

CREATE TABLE outbox_next (
    message_row INTEGER PRIMARY KEY NOT NULL REFERENCES messages (id),
    account_no BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    random_id BIGINT NOT NULL,        -- given once, never changed
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
INSERT INTO outbox_next (message_row, account_no, conversation_id, random_id, state, above, attempts, retry_at,
    error_code, error_message)
SELECT o.message_row, o.account_no, o.conversation_id, o.random_id,
    CASE WHEN o.failed AND o.maybe_sent THEN 'given_up' WHEN o.failed THEN 'failed' WHEN o.maybe_sent THEN 'unanswered'
        ELSE 'queued' END,
    -- What was stored before the reply was written can't be its echo.
    CASE WHEN o.maybe_sent THEN (SELECT coalesce(max(m.message_no), 0) FROM messages m
        JOIN messages own ON own.id = o.message_row WHERE m.account_no = own.account_no AND m.scope = own.scope
        AND m.message_no < 4294967296 AND m.id < own.id) END,
    o.attempts, o.retry_at, o.error_code, o.error_message
FROM outbox o;
DROP TABLE outbox;
ALTER TABLE outbox_next RENAME TO outbox;
CREATE UNIQUE INDEX outbox_by_random_id ON outbox (account_no, random_id);
CREATE INDEX outbox_by_account ON outbox (account_no, state, message_row);
CREATE INDEX outbox_by_conversation ON outbox (conversation_id);

-- Where in its chat a message stands: the topic of a forum (NULL: General), the thread of a channel's direct messages.
ALTER TABLE messages ADD COLUMN topic_id INTEGER;
ALTER TABLE messages ADD COLUMN monoforum_peer BIGINT;
