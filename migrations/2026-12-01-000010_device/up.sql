-- What the account calls itself at Telegram: JSON (`domain/device.rs`); NULL: it has not dialled yet.
ALTER TABLE accounts ADD COLUMN device TEXT;
