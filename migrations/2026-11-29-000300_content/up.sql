-- What a message has besides text and media has a column, and messages whose poll or preview changes later are found by it.

ALTER TABLE messages ADD COLUMN extra TEXT; -- JSON {buttons, reactions, action, details}; NULL: none of it

CREATE TABLE media_keys (
    account_no BIGINT NOT NULL,
    key TEXT NOT NULL,                -- `poll:<id>`, and `page:<id>` while its preview is awaited
    message_row BIGINT NOT NULL,
    PRIMARY KEY (account_no, key, message_row)
) WITHOUT ROWID;
CREATE INDEX media_keys_by_row ON media_keys (message_row);

CREATE TABLE topics (
    account_no BIGINT NOT NULL,
    scope BIGINT NOT NULL,            -- the forum, as in `messages`
    topic_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    said_by BIGINT NOT NULL,          -- number of the message that said it
    PRIMARY KEY (account_no, scope, topic_id)
) WITHOUT ROWID;

-- Rows from before get what their objects say, and the words of their media come into the search index, in the background.
INSERT INTO meta (key, value) SELECT 'reread_to', max(id) FROM messages HAVING max(id) IS NOT NULL;
