ALTER TABLE orders DROP COLUMN held;
ALTER TABLE accounts DROP COLUMN sending_pace;
ALTER TABLE accounts DROP COLUMN health;
