-- Which directory of which machine a node holds: who starts there next knows that this one is dead.
ALTER TABLE nodes ADD COLUMN home TEXT COLLATE "C";
