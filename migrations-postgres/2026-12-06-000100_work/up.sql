-- What one node at a time does: the housekeeping, each webhook. PostgreSQL's alone: a file is served by one process.
CREATE TABLE work_leases (
    name TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT COLLATE "C",                -- the node; NULL: let go of
    epoch BIGINT NOT NULL,                 -- rises with each new owner
    expires_at BIGINT NOT NULL,            -- in milliseconds of the server
    told TEXT                              -- JSON: how it goes, by its owner
);
