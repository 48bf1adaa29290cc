-- Numbers that several nodes give out. PostgreSQL's alone: a file has one writer, which counts by itself.

-- The newest event's number. Whoever adds events raises it as the last thing of its transaction and so holds this row until its
-- commit: numbers become visible in their order, and none is left out.
CREATE TABLE event_counter (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    n BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO event_counter (n) SELECT coalesce(max(seq), 0) FROM event_log;

-- Where the next 10000 message rows begin that one writer may give out.
CREATE SEQUENCE message_rows AS BIGINT INCREMENT BY 10000;
SELECT setval('message_rows', greatest(coalesce((SELECT max(id) FROM messages), 0),
    coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'message_floor'), 0)) + 1, FALSE);

-- Rows that a writer gives out in order, and how far the search index has them. A row is gone once the index has all of them.
CREATE TABLE message_blocks (
    first BIGINT PRIMARY KEY,
    last BIGINT NOT NULL,
    fed BIGINT NOT NULL,
    writer TEXT COLLATE "C",               -- NULL: anybody feeds it
    seen_at BIGINT NOT NULL                -- when its writer lived, in milliseconds of the server
);
INSERT INTO message_blocks (first, last, fed, seen_at)
    SELECT mark + 1, top, mark, 0 FROM (SELECT
        coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'search_mark'), 0) AS mark,
        coalesce((SELECT max(id) FROM messages), 0) AS top) AS fed
    WHERE top > mark;
