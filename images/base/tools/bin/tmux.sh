#!/opt/dockbox/bin/sh
# tmux with all that is its own. Nothing of it gets into a user's shell: see etc/held.
tools=/opt/dockbox
export LOCPATH=$tools/lib/locale LC_ALL=C.UTF-8 TERMINFO=$tools/share/terminfo TERM=xterm-256color
exec "$tools/lib/ld.so" --library-path "$tools/lib" "$tools/bin/tmux" -S /run/dockbox/tmux -f "$tools/etc/tmux.conf" "$@"
