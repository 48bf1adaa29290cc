-- Once there was a token, nobody comes in without one until a person says so: also when the last token was revoked, has
-- expired, or its row is gone. One row.
CREATE TABLE access (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    locked_at BIGINT,                 -- NULL: there was no token yet, or a person opened the service again
    version BIGINT NOT NULL           -- rises with every change of what counts, so that looking costs one row
);
INSERT INTO access (one, locked_at, version)
SELECT 1, min(created_at), 1 FROM api_tokens WHERE scope <> 'desk';

-- The token whose launch link opened this desk, which ends with it; NULL: the link came from the console.
ALTER TABLE api_tokens ADD COLUMN launched_by BIGINT;
-- Of the desks there are nobody knows what they came from, a time without tokens included.
UPDATE api_tokens SET revoked_at = created_at WHERE scope = 'desk' AND revoked_at IS NULL;

-- Triggers, because several programs write here (the service, `switchboard token`, a person with SQL), and none of them may
-- forget it.
CREATE TRIGGER api_tokens_made AFTER INSERT ON api_tokens BEGIN
    UPDATE access SET version = version + 1,
        locked_at = CASE NEW.scope WHEN 'desk' THEN locked_at ELSE coalesce(locked_at, NEW.created_at) END;
END;
CREATE TRIGGER api_tokens_changed AFTER UPDATE OF scope, hash, expires_at, revoked_at, launched_by ON api_tokens BEGIN
    UPDATE access SET version = version + 1;
END;
CREATE TRIGGER api_tokens_gone AFTER DELETE ON api_tokens BEGIN
    UPDATE access SET version = version + 1;
END;
