#!/bin/sh
# Makes the secrets of nodes.yml once: the database's password and address, and the master key that all nodes have.
set -eu
umask 077
cd "$(dirname "$0")"
for file in database-password database-url master.key; do
    if [ -e "$file" ]; then
        echo "secrets.sh: $file is there already; nothing was changed" >&2
        exit 1
    fi
done
password=$(openssl rand -hex 32)
printf '%s' "$password" >database-password
# Inside one machine's own network, between its containers.
printf 'postgres://switchboard:%s@database:5432/switchboard?sslmode=disable\n' "$password" >database-url
openssl rand -base64 32 >master.key
# The service runs as this user inside its container.
chown 65532:65532 database-url master.key 2>/dev/null ||
    echo "secrets.sh: as root: chown 65532 packaging/docker/nodes/database-url packaging/docker/nodes/master.key" >&2
