ALTER TABLE conversations DROP COLUMN kept_above;
ALTER TABLE accounts DROP COLUMN retention;
