-- The vault's rows. Every envelope is sealed before it comes here; nothing in these tables is secret in the open.

CREATE TABLE sealed_credentials (
    account_id TEXT PRIMARY KEY NOT NULL,
    label TEXT NOT NULL,
    api_id INTEGER NOT NULL,
    api_hash TEXT NOT NULL,           -- envelope
    session TEXT,                     -- envelope; NULL: signed out
    previous_session TEXT,            -- envelope; until the new one has connected once
    sign_in TEXT,                     -- envelope; between "code sent" and "verified"
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,            -- of the session; an older envelope is an earlier one put back
    revision BIGINT NOT NULL,         -- rises with every change, so that two writers notice each other
    removed_remotely BOOLEAN NOT NULL DEFAULT FALSE,
    conflict TEXT,                    -- what a person should look at
    overrule BOOLEAN NOT NULL DEFAULT FALSE -- a person has changed it here since: ours goes out
);

-- Supabase's rows as last seen there. Where a row above differs, the change is queued; a push compares with this.
CREATE TABLE vault_remote (
    account_id TEXT PRIMARY KEY NOT NULL,
    label TEXT NOT NULL,
    api_id INTEGER NOT NULL,
    api_hash TEXT,                    -- envelope; NULL: not sealed there yet
    session TEXT,
    is_active BOOLEAN NOT NULL,
    inserting BOOLEAN NOT NULL,       -- on its way there for the first time
    delete_wanted BOOLEAN NOT NULL    -- removed here; its row there is still to go
);

-- A constant under each master key in use: a wrong key is noticed before anything is touched.
CREATE TABLE keyring_check (
    key_id TEXT PRIMARY KEY NOT NULL,
    envelope TEXT NOT NULL
);

CREATE TABLE vault_settings (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
