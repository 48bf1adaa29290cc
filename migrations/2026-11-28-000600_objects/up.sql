-- Where a message is more than plain text, Telegram's own object of it is kept beside its row, and what the desk shows of
-- it has columns.

CREATE TABLE message_objects (
    message_row INTEGER PRIMARY KEY NOT NULL,
    layer INTEGER NOT NULL,           -- of Telegram's schema, in which the object is written
    object BLOB NOT NULL              -- a `Message`, deflated (RFC 1951); codes were masked before
);

ALTER TABLE messages ADD COLUMN album_id BIGINT;
ALTER TABLE messages ADD COLUMN forwarded_from TEXT; -- JSON {id, name, date}; the name only where no peer is behind it
ALTER TABLE messages ADD COLUMN quote TEXT;
ALTER TABLE messages ADD COLUMN entities TEXT;       -- JSON [{type, offset, length, …}], UTF-16 units
