DROP TRIGGER api_tokens_gone;
DROP TRIGGER api_tokens_changed;
DROP TRIGGER api_tokens_made;
ALTER TABLE api_tokens DROP COLUMN launched_by;
DROP TABLE access;
