#!/bin/sh
# What PostgREST comes in with.
set -eu
psql -X -q -v ON_ERROR_STOP=1 -v "password=$VAULT_PASSWORD" -U postgres -d postgres <<'SQL'
alter role authenticator password :'password';
SQL
