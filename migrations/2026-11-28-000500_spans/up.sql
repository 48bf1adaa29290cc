-- What is here, as stretches of Telegram's message numbers, in place of a lowest and a highest one.

-- What the update stream of a scope has brought since its continuity began: first and last number, the account's count of
-- holes then, and where the stretch before it ended (NULL: there was none). pts 0: the position means nothing any more.
ALTER TABLE account_positions ADD COLUMN live_from INTEGER;
ALTER TABLE account_positions ADD COLUMN live_to INTEGER;
ALTER TABLE account_positions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account_positions ADD COLUMN ended INTEGER;
ALTER TABLE channel_positions ADD COLUMN live_from INTEGER;
ALTER TABLE channel_positions ADD COLUMN live_to INTEGER;
ALTER TABLE channel_positions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channel_positions ADD COLUMN ended INTEGER;
ALTER TABLE accounts ADD COLUMN holes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN listed BIGINT; -- the count of holes when the list of chats was last read to its end
ALTER TABLE accounts ADD COLUMN pace INTEGER; -- reading calls in half a minute that Telegram takes; NULL: no limit met

-- Inside a span everything that exists is stored. Open: so is what comes after it, for that comes live.
CREATE TABLE spans (
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    open BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (conversation_id, low)
) WITHOUT ROWID;

-- Numbers that came to be while the account was away: fetched, then told in their order, then gone from here.
CREATE TABLE owed (
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    low INTEGER NOT NULL,
    high INTEGER,                     -- NULL: up to whatever is the newest
    told_to INTEGER,                  -- told up to here
    rows_from BIGINT NOT NULL DEFAULT 0, -- rows before this one are no news, though silent
    refused TEXT,                     -- why Telegram does not give it
    PRIMARY KEY (conversation_id, low)
) WITHOUT ROWID;

-- Stored stretches that were not compared with Telegram since the last hole: edits and deletions may be missing.
CREATE TABLE stale (
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    pages INTEGER NOT NULL DEFAULT 0, -- compared in the background so far
    PRIMARY KEY (conversation_id, low)
) WITHOUT ROWID;

-- The texts that a message had before.
CREATE TABLE message_versions (
    message_row BIGINT NOT NULL,
    no INTEGER NOT NULL,
    text TEXT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (message_row, no)
) WITHOUT ROWID;

ALTER TABLE messages ADD COLUMN late BOOLEAN NOT NULL DEFAULT FALSE; -- came while the account was away
CREATE INDEX messages_untold ON messages (conversation_id, message_no) WHERE backfilled;
CREATE INDEX tombstones_by_time ON tombstones (deleted_at);

-- A store from before knows no stretches: what lies between a chat's oldest and newest message is owed once, silently
-- where it is stored already. A channel numbers its messages one by one: there, a full count proves that all is here.
CREATE TEMP TABLE extents AS
    SELECT conversation_id, account_no, scope, min(message_no) AS oldest, max(message_no) AS newest, count(*) AS held
    FROM messages WHERE message_no < 4294967296 GROUP BY conversation_id;
INSERT INTO spans (conversation_id, low, high)
    SELECT e.conversation_id, CASE WHEN c.history_complete THEN 1 ELSE e.oldest END, e.newest
    FROM extents e JOIN conversations c ON c.id = e.conversation_id
    WHERE e.oldest = e.newest OR (e.scope <> 0 AND e.held = e.newest - e.oldest + 1);
INSERT INTO spans (conversation_id, low, high)
    SELECT e.conversation_id, CASE WHEN c.history_complete THEN 1 ELSE e.oldest END, e.oldest
    FROM extents e JOIN conversations c ON c.id = e.conversation_id
    WHERE e.oldest < e.newest AND (e.scope = 0 OR e.held <> e.newest - e.oldest + 1);
INSERT INTO spans (conversation_id, low, high)
    SELECT e.conversation_id, e.newest, e.newest FROM extents e
    WHERE e.oldest + 1 < e.newest AND (e.scope = 0 OR e.held <> e.newest - e.oldest + 1);
UPDATE spans SET high = (SELECT e.newest FROM extents e WHERE e.conversation_id = spans.conversation_id)
    WHERE high + 1 = (SELECT e.newest FROM extents e WHERE e.conversation_id = spans.conversation_id);
INSERT INTO owed (conversation_id, low, high, rows_from)
    SELECT e.conversation_id, e.oldest + 1, e.newest - 1, (SELECT coalesce(max(id), 0) + 1 FROM messages) FROM extents e
    WHERE e.oldest + 1 < e.newest AND (e.scope = 0 OR e.held <> e.newest - e.oldest + 1);
UPDATE account_positions SET
    live_to = (SELECT max(message_no) FROM messages m WHERE m.account_no = account_positions.account_no AND m.scope = 0
               AND m.message_no < 4294967296 AND m.backfilled = 0),
    ended = (SELECT max(message_no) FROM messages m WHERE m.account_no = account_positions.account_no AND m.scope = 0
             AND m.message_no < 4294967296);
UPDATE account_positions SET live_from = live_to + 1;
UPDATE channel_positions SET live_to = (SELECT max(message_no) FROM messages m
    WHERE m.account_no = channel_positions.account_no AND m.scope = channel_positions.channel_id
    AND m.message_no < 4294967296 AND m.backfilled = 0);
UPDATE channel_positions SET live_from = live_to + 1;
DROP TABLE extents;
-- The dialog list is read once more: it says which chats have something above what is stored.
UPDATE accounts SET dialog_cursor = NULL;
DELETE FROM fill_jobs WHERE chat IS NULL OR down_to IS NOT NULL OR remaining IS NULL;
