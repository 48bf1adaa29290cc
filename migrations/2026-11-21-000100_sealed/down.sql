DROP TABLE vault_settings;
DROP TABLE keyring_check;
DROP TABLE vault_remote;
DROP TABLE sealed_credentials;
