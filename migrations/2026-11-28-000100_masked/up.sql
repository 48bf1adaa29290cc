-- A one-time code of Telegram's was taken out of the text.
ALTER TABLE messages ADD COLUMN masked BOOLEAN NOT NULL DEFAULT FALSE;
-- What was stored before is masked when the service opens the file next: see src/store/old_codes.rs.
INSERT INTO meta (key, value) VALUES ('old_codes', 'rows');
