-- Who may call, who owns which account, and how far each webhook is. Nothing here can be turned back into a token,
-- a licence key or a user's name: all three are kept as SHA-256.

CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,              -- read, send, admin, licence; desk: a browser that came by a launch link
    hash TEXT NOT NULL UNIQUE,        -- hexadecimal
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- One owner (a licence, a user of the user API, a caller of the portal) has one account.
CREATE TABLE account_owners (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,               -- licence, user, portal
    owner TEXT NOT NULL,              -- hexadecimal
    account_id TEXT NOT NULL,
    pending TEXT,                     -- which started sign-in is the valid one
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_owners_by_owner ON account_owners (kind, owner);
CREATE INDEX account_owners_by_account ON account_owners (account_id);

CREATE TABLE webhook_cursors (
    hook TEXT PRIMARY KEY NOT NULL,   -- hash of its address
    seq BIGINT NOT NULL,              -- everything up to here was delivered
    updated_at BIGINT NOT NULL
);
