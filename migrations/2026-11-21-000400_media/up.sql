-- A chat's pictures and files are listed without reading the chat.
CREATE INDEX messages_media ON messages (conversation_id, timestamp, message_no) WHERE media IS NOT NULL AND deleted_at IS NULL;
