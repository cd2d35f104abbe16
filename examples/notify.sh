#!/bin/sh
# Tells on the desktop how many letters came, and neither from whom nor of what: a lock screen shows
# notifications to anybody. In ~/.config/poste/config.toml, see poste-files(5):
#   hooks = { post_sync = "sh /usr/local/share/doc/poste/examples/notify.sh" }
# It gets the paths of new messages on standard input, one a line, and needs notify-send (package
# libnotify-bin). Under cron there is no desktop, unless the bus of the session is named:

: "${DBUS_SESSION_BUS_ADDRESS:=unix:path=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/bus}"
export DBUS_SESSION_BUS_ADDRESS

count=$(wc -l)
case $((count)) in
0) exit 0 ;;
1) text='1 new letter' ;;
*) text="$((count)) new letters" ;;
esac
# Without a desktop nothing is told, which is no failure of the sync.
notify-send --app-name=poste poste "$text" 2>/dev/null || :
