DROP TABLE vault_news;
