-- Accounts that are being added: what a call has made and did not finish is taken back by these rows. Written with the account, gone
-- when its call is done.
CREATE TABLE additions (
    account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    mark TEXT COLLATE "C" NOT NULL,
    call TEXT COLLATE "C" NOT NULL,
    boot TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);
