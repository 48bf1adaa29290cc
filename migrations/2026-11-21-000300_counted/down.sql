ALTER TABLE conversations DROP COLUMN counted_to;
