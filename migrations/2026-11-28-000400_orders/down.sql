ALTER TABLE messages DROP COLUMN monoforum_peer;
ALTER TABLE messages DROP COLUMN topic_id;
CREATE TABLE outbox_before (
    message_row INTEGER PRIMARY KEY NOT NULL REFERENCES messages (id),
    account_no BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    random_id BIGINT NOT NULL,
    failed BOOLEAN NOT NULL DEFAULT FALSE,
    maybe_sent BOOLEAN NOT NULL DEFAULT FALSE,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at BIGINT,
    error_code TEXT,
    error_message TEXT
);
INSERT INTO outbox_before SELECT message_row, account_no, conversation_id, random_id, state IN ('failed', 'given_up'),
    state IN ('in_flight', 'unanswered'), attempts, retry_at, error_code, error_message FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_before RENAME TO outbox;
CREATE UNIQUE INDEX outbox_by_random_id ON outbox (account_no, random_id);
CREATE INDEX outbox_by_account ON outbox (account_no, failed, message_row);
CREATE INDEX outbox_by_conversation ON outbox (conversation_id);
