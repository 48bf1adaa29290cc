-- When an account came to us, by Telegram's clock: what was said before is history, what was missed since is news.
ALTER TABLE accounts ADD COLUMN since BIGINT; -- milliseconds; NULL: Telegram has not told the time yet
UPDATE accounts SET since = created_at / 1000 * 1000;
