-- What of its files an account fetches by itself: none, previews or all.
ALTER TABLE accounts ADD COLUMN media TEXT NOT NULL DEFAULT 'none';
