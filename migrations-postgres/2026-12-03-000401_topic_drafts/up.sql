-- As `migrations/2026-12-03-000100_topic_drafts`.
ALTER TABLE conversations ADD COLUMN topic_drafts TEXT COLLATE "C";
CREATE TABLE unknown_topics (
    account_no BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    topic_id BIGINT NOT NULL,
    gone BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_no, scope, topic_id)
);
