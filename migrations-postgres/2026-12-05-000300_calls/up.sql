-- What is asked of an account at a node that does not have it, on its way to the one that does, and what comes back. PostgreSQL's alone.
-- Nothing here outlives the wait for it: not logged, so that it is neither in the write-ahead log nor in a copy of it, costs no
-- wait for the disk, and is empty after a crash of the server. Times are the server's own, in milliseconds.

CREATE UNLOGGED TABLE node_calls (
    id TEXT COLLATE "C" PRIMARY KEY,       -- UUID; what is sealed is bound to it
    account TEXT COLLATE "C" NOT NULL,     -- whoever has it takes the call
    sealed TEXT COLLATE "C" NOT NULL,      -- envelope
    again BOOLEAN NOT NULL,                -- may be run once more by another node
    taker TEXT COLLATE "C",                -- the node that runs it
    expires_at BIGINT NOT NULL             -- whoever asked is given up
);
CREATE INDEX node_calls_by_account ON node_calls (account);

-- What is too long for one row, or comes bit by bit; taken away as it is read.
CREATE UNLOGGED TABLE node_call_parts (
    call_id TEXT COLLATE "C" NOT NULL,
    told BOOLEAN NOT NULL,                 -- of the answer; otherwise of what was asked
    number BIGINT NOT NULL,
    sealed TEXT COLLATE "C" NOT NULL,      -- envelope
    PRIMARY KEY (call_id, told, number)
);
