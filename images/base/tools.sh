# Gathers into /opt/dockbox what holds a box's terminals, so that it runs in any image: tmux with its libraries, their
# loader, a locale and descriptions of terminals, and a shell for images that have none. The volume dockbox-tools-* shares
# it with every box, read-only.
set -eu
tools=/opt/dockbox
mkdir -p "$tools/lib/locale" "$tools/share"
cp /usr/bin/tmux /usr/bin/busybox "$tools/bin/"
ln -s busybox "$tools/bin/sh"
cp -L $(ldd /usr/bin/tmux | grep -o '/[^ ]*') "$tools/lib/"
# One name for the loader, whatever the processor.
mv "$tools"/lib/ld-linux* "$tools/lib/ld.so"
cp -R /usr/lib/locale/C.utf8 "$tools/lib/locale/"
cp -RL /lib/terminfo "$tools/share/"
chmod -R a+rX "$tools"
