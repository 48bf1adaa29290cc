ALTER TABLE accounts DROP COLUMN state_cause;
