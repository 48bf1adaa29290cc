DROP TABLE webhook_cursors;
DROP TABLE account_owners;
DROP TABLE api_tokens;
