-- What Telegram lets the account do, as far as it was learned: JSON (`domain/health.rs`); NULL: nothing was.
ALTER TABLE accounts ADD COLUMN health TEXT;
-- How fast it may write to people who never wrote to it, and at all: JSON (`domain/pace.rs`); NULL: as by default.
ALTER TABLE accounts ADD COLUMN sending_pace TEXT;
-- Of an order that waits for this pace, and for no wish of Telegram's: 'strangers' or 'minute'.
ALTER TABLE orders ADD COLUMN held TEXT;
