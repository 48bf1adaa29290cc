ALTER TABLE api_tokens DROP COLUMN generation;
ALTER TABLE api_tokens DROP COLUMN accounts;
ALTER TABLE api_tokens DROP COLUMN owner;
