-- Messages that wait at Telegram for their time. Their rows are in no list of messages: `held` is 2.

ALTER TABLE messages ADD COLUMN scheduled_for INTEGER; -- seconds, as Telegram has it; 2^31 - 2: as soon as they are online
ALTER TABLE messages ADD COLUMN scheduled_id INTEGER;  -- Telegram's number among the scheduled ones of the chat
