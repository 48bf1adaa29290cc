-- Of accounts whose history was deleted: what earlier versions left in their rows, which keep nothing but their number.
UPDATE accounts SET api_id = NULL, state_reason = NULL, retry_at = NULL, sync_phase = NULL, sync_done = NULL, sync_total = NULL,
    dialog_cursor = NULL, listed = NULL, pace = NULL, history_total = NULL, history_eta = NULL, proxies = NULL, way = NULL,
    health = NULL, sending_pace = NULL, device = NULL, since = NULL
    WHERE removed_at IS NOT NULL AND NOT purge AND label = '';
DELETE FROM account_positions WHERE account_no IN (SELECT no FROM accounts WHERE removed_at IS NOT NULL AND NOT purge AND label = '');
UPDATE login_attempts SET account_id = NULL, error = NULL
    WHERE account_id IN (SELECT id FROM accounts WHERE removed_at IS NOT NULL AND NOT purge AND label = '');
