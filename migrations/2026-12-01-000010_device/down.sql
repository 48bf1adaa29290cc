ALTER TABLE accounts DROP COLUMN device;
