ALTER TABLE accounts DROP COLUMN media;
