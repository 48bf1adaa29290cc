-- For whom a sign-in was started, as a salted hash: what one owner may start is counted whatever the numbers and accounts.
ALTER TABLE login_attempts ADD COLUMN owner TEXT;
CREATE INDEX login_attempts_by_owner ON login_attempts (owner, at) WHERE owner IS NOT NULL;
