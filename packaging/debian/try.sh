#!/bin/sh
# Installs, starts, upgrades, stops, removes and purges a package, on a copy of this system that is thrown away: as root, where
# overlays can be mounted. try.sh OLD.deb [NEW.deb]
set -eu

if [ "${1:-}" != inside ]; then
    [ "$(id -u)" = 0 ] || { echo "try.sh: needs root" >&2; exit 1; }
    old=$(realpath "$1") new=$(realpath "${2:-$1}")
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    unshare --mount --pid --fork sh -eu -c '
        work=$1; shift
        mount -t tmpfs none "$work"
        mkdir "$work/upper" "$work/work" "$work/root"
        mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" none "$work/root"
        mount -t proc none "$work/root/proc"
        mount -t tmpfs none "$work/root/tmp"
        mount -t tmpfs none "$work/root/run"
        mkdir -p "$work/root/dev"
        mount --rbind /dev "$work/root/dev"
        cp "$2" "$work/root/tmp/old.deb"; cp "$3" "$work/root/tmp/new.deb"; cp "$1" "$work/root/tmp/try.sh"
        exec chroot "$work/root" sh /tmp/try.sh inside
    ' try "$work" "$0" "$old" "$new"
    exit
fi

export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
say() { echo "== $*"; }
data=/var/lib/switchboard
as_service() { setpriv --reuid switchboard --regid switchboard --clear-groups env -i "$@"; }
serve() {
    : >/tmp/out
    (exec setpriv --reuid switchboard --regid switchboard --clear-groups env -i \
        SWITCHBOARD_LISTEN=127.0.0.1:0 SWITCHBOARD_DATA_DIR=$data /usr/bin/switchboard serve >/tmp/out 2>/tmp/log) &
    service=$!
    for _ in $(seq 600); do
        desk=$(sed -n 's/^listening on //p' /tmp/out)
        [ -z "$desk" ] || return 0
        kill -0 $service || { cat /tmp/log; exit 1; }
        sleep 0.1
    done
    cat /tmp/log; exit 1
}
halt() { kill $service; wait $service; }

say "installed: the word of the first run"
dpkg -i /tmp/old.deb | tee /tmp/word
grep -q 'systemctl enable --now switchboard' /tmp/word
[ "$(stat -c %a /etc/switchboard/switchboard.env)" = 640 ]
getent passwd switchboard >/dev/null
[ -f /usr/lib/systemd/system/switchboard.service ]
[ -f /usr/share/doc/switchboard/settings.md ]
# systemd's part: StateDirectory=
install -d -m 0700 -o switchboard -g switchboard $data

say "started"
serve
token=$(as_service /usr/bin/switchboard --data-dir $data token create --name desk --scope admin)
curl -sf -X POST -H "Authorization: Bearer $token" "$desk"/launch | grep -q '/launch?code='
curl -sf "$desk"/health/live >/dev/null
halt

say "upgraded: settings and data stay, and no word of a first run"
echo 'SWITCHBOARD_MEDIA_CACHE=1GiB' >>/etc/switchboard/switchboard.env
key=$(sha256sum $data/master.key)
dpkg -i /tmp/new.deb | tee /tmp/word
grep -q 'SWITCHBOARD_MEDIA_CACHE=1GiB' /etc/switchboard/switchboard.env
! grep -q 'does not run yet' /tmp/word
serve
curl -sf -H "Authorization: Bearer $token" "$desk"/health/ready >/dev/null
[ "$key" = "$(sha256sum $data/master.key)" ]
halt

say "removed: accounts and messages stay"
dpkg -r switchboard
[ ! -e /usr/bin/switchboard ]
[ -f $data/switchboard.db ]

say "purged"
dpkg -P switchboard
[ ! -e $data ]
[ ! -e /etc/switchboard ]
! getent passwd switchboard >/dev/null
say "all well"
