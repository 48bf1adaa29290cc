DROP TABLE contact_lists;
DROP TABLE contacts;
