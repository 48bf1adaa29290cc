-- For how long an account's messages and files are kept: JSON (`domain/retention.rs`); NULL: as for all.
ALTER TABLE accounts ADD COLUMN retention TEXT;
-- Up to this message number the chat is deliberately not kept: what comes of it once more is not stored.
ALTER TABLE conversations ADD COLUMN kept_above INTEGER NOT NULL DEFAULT 0;
