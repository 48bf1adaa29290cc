-- Switchboard's account vault in Supabase. Paste it into the project's SQL editor and run it; running it again
-- changes nothing. What it makes: the table, closed to everybody but the service's own key.

create table if not exists public.telegram_accounts (
  id             uuid        primary key default gen_random_uuid(),
  account_label  text        not null,
  api_id         integer     not null,
  api_hash       text        not null,                 -- sealed; typed in by hand it is sealed on pickup
  session_string text,                                 -- sealed; null: not signed in
  proxies        text,                                 -- sealed; null: the account has no ways of its own
  is_active      boolean     not null default true,
  created_at     timestamptz not null default now()
);

-- A table from before proxies gets their column; without it all else works.
alter table public.telegram_accounts add column if not exists proxies text;

-- Checks, by name, so that a second run replaces them.
alter table public.telegram_accounts drop constraint if exists telegram_accounts_label;
alter table public.telegram_accounts add  constraint telegram_accounts_label
  check (char_length(account_label) between 1 and 256);

alter table public.telegram_accounts drop constraint if exists telegram_accounts_api_id;
alter table public.telegram_accounts add  constraint telegram_accounts_api_id
  check (api_id > 0);

-- An envelope v1.<key id>.<base64url>, or for now the 32 hexadecimal digits of my.telegram.org.
alter table public.telegram_accounts drop constraint if exists telegram_accounts_api_hash;
alter table public.telegram_accounts add  constraint telegram_accounts_api_hash
  check (api_hash ~ '^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$' or api_hash ~ '^[0-9a-fA-F]{32}$');

-- Never a session in the open.
alter table public.telegram_accounts drop constraint if exists telegram_accounts_session;
alter table public.telegram_accounts add  constraint telegram_accounts_session
  check (session_string is null or session_string ~ '^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$');

-- Nor a proxy's credentials.
alter table public.telegram_accounts drop constraint if exists telegram_accounts_proxies;
alter table public.telegram_accounts add  constraint telegram_accounts_proxies
  check (proxies is null or proxies ~ '^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$');

-- No policies: with row-level security on, anon and authenticated see no row.
alter table public.telegram_accounts enable row level security;
revoke all on table public.telegram_accounts from public, anon, authenticated;

-- Since October 2026 a new table is granted to nobody; without this line the service gets 403 (42501).
grant select, insert, update, delete on table public.telegram_accounts to service_role;

notify pgrst, 'reload schema';
