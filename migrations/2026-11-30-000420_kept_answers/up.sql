-- Answers of calls that carried an Idempotency-Key, so that a repeat is answered and not done again.
CREATE TABLE kept_answers (
    caller TEXT NOT NULL,
    call TEXT NOT NULL,               -- method and path
    key TEXT NOT NULL,
    id TEXT NOT NULL,                 -- UUID that the envelope is bound to
    sealed TEXT NOT NULL,             -- envelope: what was asked, and the answer once there is one
    done BIGINT NOT NULL,
    boot TEXT NOT NULL,               -- the process that is, or was, at it
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, call, key)
) WITHOUT ROWID;
CREATE INDEX kept_answers_by_time ON kept_answers (created_at);
