-- The address books of accounts, as Telegram has them. Numbers are kept nowhere.

CREATE TABLE contacts (
    account_no BIGINT NOT NULL,
    peer_id BIGINT NOT NULL,          -- of a row of peers
    mutual BOOLEAN NOT NULL,
    find_key TEXT NOT NULL,           -- name and username, without case and marks
    PRIMARY KEY (account_no, peer_id)
) WITHOUT ROWID;
CREATE INDEX contacts_by_name ON contacts (account_no, find_key, peer_id);

CREATE TABLE contact_lists (
    account_no BIGINT PRIMARY KEY NOT NULL,
    hash BIGINT NOT NULL,             -- by which Telegram tells whether it is still the same
    fetched_at BIGINT NOT NULL
);
