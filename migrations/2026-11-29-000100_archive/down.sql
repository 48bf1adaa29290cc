ALTER TABLE conversations DROP COLUMN history_end;
ALTER TABLE conversations DROP COLUMN history_left;
ALTER TABLE accounts DROP COLUMN history_eta;
ALTER TABLE accounts DROP COLUMN history_total;
ALTER TABLE accounts DROP COLUMN history_done;
ALTER TABLE accounts DROP COLUMN archive;
