-- Files of edits: what lies in the staging folder to stand in a message that is there, and how far it is at Telegram.

CREATE TABLE edit_files (
    order_id BIGINT PRIMARY KEY NOT NULL,
    account_no BIGINT NOT NULL,
    staged TEXT NOT NULL,             -- its name in the folder of its account
    file TEXT NOT NULL,               -- JSON: what Telegram is to make of it
    size BIGINT NOT NULL,
    parts INTEGER NOT NULL DEFAULT 0, -- from the first on, that Telegram has and keeps for a while
    put_up TEXT,                      -- JSON: Telegram's own file, that no message shows yet
    again INTEGER NOT NULL DEFAULT 0  -- how often Telegram no longer had it
);
CREATE INDEX edit_files_by_account ON edit_files (account_no);
