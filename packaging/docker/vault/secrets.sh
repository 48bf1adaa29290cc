#!/bin/sh
# Makes the secrets of compose.yml once: .env, and service-key with the key that Switchboard shows the vault.
set -eu
umask 077
cd "$(dirname "$0")/.."
if [ -e .env ] || [ -e service-key ]; then
    echo "secrets.sh: .env or service-key is there already; nothing was changed" >&2
    exit 1
fi
random() { openssl rand -hex 32; }
url_safe() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
secret=$(random)
printf 'VAULT_PASSWORD=%s\nVAULT_JWT_SECRET=%s\n' "$(random)" "$secret" >.env
signed=$(printf '{"alg":"HS256","typ":"JWT"}' | url_safe).$(printf '{"role":"service_role"}' | url_safe)
signature=$(printf %s "$signed" | openssl dgst -sha256 -hmac "$secret" -binary | url_safe)
printf '%s.%s\n' "$signed" "$signature" >service-key
# The service runs as this user inside its container.
chown 65532:65532 service-key 2>/dev/null || echo "secrets.sh: as root: chown 65532 packaging/docker/service-key" >&2
