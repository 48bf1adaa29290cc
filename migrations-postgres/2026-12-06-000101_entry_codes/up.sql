-- What opens a WebSocket or a desk once, at whichever node it is shown. Of one process these are in its memory alone.
CREATE TABLE entry_codes (
    hash TEXT COLLATE "C" PRIMARY KEY,     -- of the text, which is in one answer and nowhere else
    kind TEXT COLLATE "C" NOT NULL,        -- 'ticket', 'launch'
    whose TEXT COLLATE "C" NOT NULL,       -- of whom there may be so many
    body TEXT NOT NULL,                    -- JSON: what it gives
    expires_at BIGINT NOT NULL             -- in milliseconds of the server
);
CREATE INDEX entry_codes_by_whose ON entry_codes (kind, whose, expires_at);
CREATE INDEX entry_codes_by_end ON entry_codes (expires_at);
