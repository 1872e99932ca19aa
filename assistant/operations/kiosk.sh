#!/bin/sh
# Makes a machine a kiosk that starts by itself: sh kiosk.sh [FOLDER] [--no-screen], as root, after install.sh.
# FOLDER is that of the installation (/opt/tro-ly). DESTDIR puts the files elsewhere and starts nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prefix=/opt/tro-ly screen=yes
for argument in "$@"; do
    case $argument in
        --no-screen) screen=no ;;
        -*) echo "usage: kiosk.sh [FOLDER] [--no-screen]" >&2; exit 2 ;;
        *) prefix=$argument ;;
    esac
done
say() { printf '%s\n' "$@"; }
fail() { say "" "$@" >&2; exit 1; }
root=${DESTDIR:-}
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "Cần quyền quản trị: sudo sh kiosk.sh" "(Root is needed.)"
[ -x "$prefix/assistant" ] || fail "Chưa cài trợ lý vào $prefix; chạy install.sh trước." "(Not installed there.)"

units="tro-ly.service"
[ $screen = no ] || units="$units tro-ly-man-hinh.service"
if [ $screen = yes ] && [ -z "$root" ]; then
    for program in cage Xwayland chromium; do # cage does not start without Xwayland, on which its package does not depend
        command -v $program >/dev/null ||
            fail "Thiếu chương trình $program: apt-get install cage xwayland chromium" "(Missing.)"
    done
fi
mkdir -p "$root/etc/systemd/system" "$root/etc/chromium/policies/managed" || exit 1
for unit in $units; do
    sed "s|/opt/tro-ly/|$prefix/|g" "$here/systemd/$unit" >"$root/etc/systemd/system/$unit" || exit 1
done
[ $screen = no ] || cp "$here/systemd/chromium-policy.json" "$root/etc/chromium/policies/managed/tro-ly.json" || exit 1
[ -z "$root" ] || exit 0

id -u tro-ly >/dev/null 2>&1 || useradd --system --home-dir /var/lib/tro-ly --shell /usr/sbin/nologin tro-ly || exit 1
[ $screen = no ] || id -u man-hinh >/dev/null 2>&1 ||
    useradd --system --groups video,render,input,audio --home-dir /run/man-hinh --shell /usr/sbin/nologin man-hinh || exit 1
if [ $screen = yes ]; then
    slice=/etc/systemd/system/user-$(id -u man-hinh).slice.d
    mkdir -p "$slice" && cp "$here/systemd/man-hinh.slice.conf" "$slice/tro-ly.conf" || exit 1
fi
mkdir -p /var/lib/tro-ly
if [ ! -L "$prefix/data" ]; then # what was written so far goes on there
    [ ! -d "$prefix/data" ] || { cp -a "$prefix/data/." /var/lib/tro-ly/ && rm -rf "$prefix/data"; } || exit 1
    ln -s /var/lib/tro-ly "$prefix/data" || exit 1
fi
chown -R tro-ly:tro-ly /var/lib/tro-ly && chmod 700 /var/lib/tro-ly || exit 1
systemctl daemon-reload && systemctl enable $units && systemctl restart $units || fail "Chưa mở được; xem: journalctl -u tro-ly" "(Not started.)"
say "Đã xong: máy tự mở trang khi bật. (Done.)"
