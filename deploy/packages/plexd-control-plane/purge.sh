delete_state /var/lib/plexd-control-plane control-plane.db
rmdir /etc/plexd 2>/dev/null || true
# One of a directory service, or with another home, is not ours.
if grep -q '^plexd-control-plane:.*:/var/lib/plexd-control-plane:' /etc/passwd; then userdel plexd-control-plane || true; fi
