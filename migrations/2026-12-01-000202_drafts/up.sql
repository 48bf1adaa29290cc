-- What stands in the field of a chat and is not sent, as Telegram has it: JSON.

ALTER TABLE conversations ADD COLUMN draft TEXT;
