-- What stands unsent in the topics of a forum: JSON, by the topic's number.
ALTER TABLE conversations ADD COLUMN topic_drafts TEXT;
-- Topics that something here is of and whose titles no message has told. `gone`: Telegram has no such topic.
CREATE TABLE unknown_topics (
    account_no INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    topic_id INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_no, scope, topic_id)
) WITHOUT ROWID;
