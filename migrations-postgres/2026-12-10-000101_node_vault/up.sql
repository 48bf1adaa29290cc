-- What a node knows of its vault: JSON (`vault/status.rs`) without what concerns single accounts; NULL: it has not said.
ALTER TABLE nodes ADD COLUMN vault TEXT COLLATE "C";
