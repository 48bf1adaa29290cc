-- Who serves this database, and who has which account. PostgreSQL's alone: a file is served by one process.
-- Times are the server's own, in milliseconds: the nodes' clocks may differ.

CREATE TABLE nodes (
    id TEXT COLLATE "C" PRIMARY KEY,       -- UUID of one life of a process
    name TEXT COLLATE "C" NOT NULL,        -- for people
    address TEXT COLLATE "C",              -- where it serves
    version TEXT COLLATE "C" NOT NULL,
    draining BOOLEAN NOT NULL DEFAULT FALSE,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- One for each account that ever had an owner. The epoch rises with each owner and never falls: what a former one still writes is
-- told by it.
CREATE TABLE account_leases (
    account_no BIGINT PRIMARY KEY,
    owner TEXT COLLATE "C",                -- a node; NULL: let go of
    epoch BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX account_leases_by_owner ON account_leases (owner);
