DELETE FROM messages WHERE held = 2;
ALTER TABLE messages DROP COLUMN scheduled_id;
ALTER TABLE messages DROP COLUMN scheduled_for;
