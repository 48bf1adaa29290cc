-- Up to which message Telegram's own count of unread ones goes.
ALTER TABLE conversations ADD COLUMN counted_to INTEGER NOT NULL DEFAULT 0;
UPDATE conversations SET counted_to = top_message;
