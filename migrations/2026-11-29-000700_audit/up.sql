-- Who did what, and who was refused. Nothing in it is a secret; it refers to no other row, for it outlives them.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    caller TEXT NOT NULL,             -- the name of a token, `local desk`, `console`; `nobody` for who was not let in
    token_id BIGINT,
    ip TEXT,                          -- NULL: at the console
    account_id TEXT,
    detail TEXT NOT NULL              -- name=value, as in the log
);
CREATE INDEX audit_by_time ON audit (at);
