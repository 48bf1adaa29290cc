DELETE FROM meta WHERE key IN ('reread_to', 'reread');
DROP TABLE topics;
DROP TABLE media_keys;
ALTER TABLE messages DROP COLUMN extra;
