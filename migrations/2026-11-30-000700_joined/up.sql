-- What came to a channel since the account is in it may be owed without its lowest number being known.
ALTER TABLE owed ADD COLUMN since BIGINT; -- milliseconds; NULL: from `low` on
