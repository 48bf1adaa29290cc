DROP TABLE message_blocks;
DROP SEQUENCE message_rows;
DROP TABLE event_counter;
