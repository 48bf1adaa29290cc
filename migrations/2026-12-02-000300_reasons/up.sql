-- Why an account is in its state, as data: JSON (`domain/reason.rs`); NULL: for no reason, or stated before there was a code for it.
ALTER TABLE accounts ADD COLUMN state_cause TEXT;
UPDATE accounts SET state_cause = CASE state_reason
    WHEN 'signed out by a person' THEN '{"code":"signed_out_by_person"}'
    WHEN 'switched off by a person' THEN '{"code":"switched_off"}'
    WHEN 'its row was deleted in Supabase; it stays signed in at Telegram until it is removed here too' THEN '{"code":"row_deleted"}'
    WHEN 'the session was ended on another device: sign in again' THEN '{"code":"session_revoked"}'
    WHEN 'the session has expired: sign in again' THEN '{"code":"session_expired"}'
    WHEN 'the session was used from two places at once and Telegram ended it: sign in again, and use it only here' THEN '{"code":"session_duplicated"}'
    WHEN 'the Telegram account was deleted' THEN '{"code":"account_deleted"}'
    WHEN 'the session is no longer signed in: sign in again' THEN '{"code":"session_unregistered"}'
    WHEN 'Telegram no longer knows this session''s key: sign in again' THEN '{"code":"session_unknown"}'
    WHEN 'for breaking Telegram''s terms of service' THEN '{"code":"banned_for_terms"}'
    WHEN 'its phone number is banned' THEN '{"code":"banned_number"}'
    WHEN 'this account was never signed in' THEN '{"code":"never_signed_in"}'
END;
