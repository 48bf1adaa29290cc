-- Whose accounts a token of scope licence has: an id of its own, so that the key can change. Of tokens there are it is what
-- it was, the hash of the key.
ALTER TABLE api_tokens ADD COLUMN owner TEXT;
UPDATE api_tokens SET owner = hash WHERE scope = 'licence';
-- The accounts that alone exist for it, as a JSON list; NULL: all.
ALTER TABLE api_tokens ADD COLUMN accounts TEXT;
-- Rises with each new text of the same token; what the one before opened ends.
ALTER TABLE api_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
