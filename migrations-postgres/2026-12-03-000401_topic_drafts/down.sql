DROP TABLE unknown_topics;
ALTER TABLE conversations DROP COLUMN topic_drafts;
