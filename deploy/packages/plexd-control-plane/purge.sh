folder=/var/lib/plexd-control-plane
[ ! -d "$folder" ] || find "$folder" -mindepth 1 -delete
rmdir "$folder" 2>/dev/null || true
rmdir /etc/plexd 2>/dev/null || true
if getent passwd plexd-control-plane >/dev/null; then userdel plexd-control-plane || true; fi
