-- Accounts that are being added: what a call has made and did not finish is taken back by these rows. Written with the account, gone
-- when its call is done.
CREATE TABLE additions (
    account_id TEXT NOT NULL PRIMARY KEY,
    mark TEXT NOT NULL,               -- UUID of this try
    call TEXT NOT NULL,               -- the id of the call's row in kept_answers; empty: it carried no key
    boot TEXT NOT NULL,               -- the process that is, or was, at it; empty: none any more
    at BIGINT NOT NULL
) WITHOUT ROWID;
