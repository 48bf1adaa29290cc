ALTER TABLE accounts DROP COLUMN since;
