-- An account may fetch its whole history by itself.

ALTER TABLE accounts ADD COLUMN archive TEXT NOT NULL DEFAULT 'recent'; -- or 'all'
ALTER TABLE accounts ADD COLUMN history_done BIGINT NOT NULL DEFAULT 0; -- messages that came that way
ALTER TABLE accounts ADD COLUMN history_total BIGINT;                   -- with those that are still to come; NULL: nothing is known yet
ALTER TABLE accounts ADD COLUMN history_eta BIGINT;                     -- seconds

ALTER TABLE conversations ADD COLUMN history_left INTEGER; -- messages below what is here, as Telegram counted last
ALTER TABLE conversations ADD COLUMN history_end TEXT;     -- NULL: it may go on; '': all is here; else why Telegram gives no more
