-- Copies that go out: a message that is still to be made gets its file from another account's message, from where it is fetched
-- first. The row goes when the file has come (then it is in order_files), or with the order.

CREATE TABLE order_copies (
    message_row BIGINT PRIMARY KEY NOT NULL,
    account_no BIGINT NOT NULL,
    source_row BIGINT NOT NULL        -- the message that has the file
);
CREATE INDEX order_copies_by_account ON order_copies (account_no);
