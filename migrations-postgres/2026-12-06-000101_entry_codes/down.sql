DROP TABLE entry_codes;
