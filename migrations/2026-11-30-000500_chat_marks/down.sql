ALTER TABLE conversations DROP COLUMN blocked;
ALTER TABLE conversations DROP COLUMN marked_unread;
ALTER TABLE conversations DROP COLUMN archived;
