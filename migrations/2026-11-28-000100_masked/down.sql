DELETE FROM meta WHERE key = 'old_codes';
ALTER TABLE messages DROP COLUMN masked;
