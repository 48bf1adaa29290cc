ALTER TABLE conversations DROP COLUMN draft;
