ALTER TABLE messages DROP COLUMN entities;
ALTER TABLE messages DROP COLUMN quote;
ALTER TABLE messages DROP COLUMN forwarded_from;
ALTER TABLE messages DROP COLUMN album_id;
DROP TABLE message_objects;
