-- Sessions that are to be signed out at Telegram. They outlive the accounts they were of, so nothing refers to a row of
-- another table.
CREATE TABLE farewells (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id TEXT NOT NULL,
    api_id INTEGER NOT NULL,          -- that the session was made with; the envelope names it too
    session TEXT NOT NULL,            -- envelope
    ordered_at BIGINT NOT NULL
);
CREATE INDEX farewells_by_account ON farewells (account_id);
