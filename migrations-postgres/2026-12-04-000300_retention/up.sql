-- As `migrations/2026-12-04-000300_retention`.
ALTER TABLE accounts ADD COLUMN retention TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN kept_above BIGINT NOT NULL DEFAULT 0;
