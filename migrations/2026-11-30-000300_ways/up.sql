-- The ways to Telegram. Sealed: proxies with their credentials, of an account and of a session that is only kept to be
-- ended. In the open: their kinds and hosts as JSON, and the one in use.
ALTER TABLE sealed_credentials ADD COLUMN proxies TEXT;
ALTER TABLE vault_remote ADD COLUMN proxies TEXT;
ALTER TABLE farewells ADD COLUMN proxies TEXT;
ALTER TABLE accounts ADD COLUMN proxies TEXT;
ALTER TABLE accounts ADD COLUMN way TEXT;
