-- What an account marked its chats with, as Telegram has it.
ALTER TABLE conversations ADD COLUMN archived BOOLEAN NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN marked_unread BOOLEAN NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN blocked BOOLEAN NOT NULL DEFAULT 0;
