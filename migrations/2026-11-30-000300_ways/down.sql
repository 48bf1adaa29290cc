ALTER TABLE accounts DROP COLUMN way;
ALTER TABLE accounts DROP COLUMN proxies;
ALTER TABLE farewells DROP COLUMN proxies;
ALTER TABLE vault_remote DROP COLUMN proxies;
ALTER TABLE sealed_credentials DROP COLUMN proxies;
