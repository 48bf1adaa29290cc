-- By which a writer knows of a transaction whose end it was not told of whether it was committed. PostgreSQL's alone: a file's commit has
-- no way back that could be lost.

CREATE TABLE commit_marks (
    writer TEXT COLLATE "C" PRIMARY KEY,   -- of one life of a process
    mark BIGINT NOT NULL CHECK (mark >= 0), -- of its last transaction, or what keeps that one from being committed any more
    at BIGINT NOT NULL                     -- when it last wrote, by the server's clock, in milliseconds
) WITH (fillfactor = 50);
