-- Webhooks that were made over REST; those of the configuration stand in no row. How far each was served is in webhook_cursors and
-- webhook_lanes, under its id.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY NOT NULL,     -- UUID
    sealed TEXT NOT NULL,             -- envelope: address and secret
    events TEXT,                      -- JSON list of names; NULL: all
    accounts TEXT,                    -- JSON list of account ids; NULL: all
    owner TEXT,                       -- only this owner's account
    patience BIGINT NOT NULL,         -- seconds
    is_active BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
