-- The roles that Supabase has: PostgREST comes in as authenticator and becomes what its caller's key says.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
