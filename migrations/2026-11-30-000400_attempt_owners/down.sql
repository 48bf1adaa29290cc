DROP INDEX login_attempts_by_owner;
ALTER TABLE login_attempts DROP COLUMN owner;
