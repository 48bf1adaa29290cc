-- Accounts that a webhook is behind with: its cursor says how far all the others are.
CREATE TABLE webhook_lanes (
    hook TEXT NOT NULL,
    account_id TEXT NOT NULL,
    seq BIGINT NOT NULL,              -- everything of this account up to here was delivered
    PRIMARY KEY (hook, account_id)
) WITHOUT ROWID;
