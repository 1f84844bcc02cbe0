if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers plexd.conf
else
  groupadd --system --force plexd
  groupadd --system --force plexd-secrets
fi
if is_booted; then
  systemctl daemon-reload || true
  # Where the operator has put a link, say. plexd makes what it lacks.
  systemd-tmpfiles --create plexd.conf || true
fi
# Tunnels go on: what moves their packets is not the daemon.
if [ "$upgrade" = yes ]; then restart_running plexd.service; fi
if [ "$upgrade" = no ] && [ ! -e /var/lib/plexd/identity.json ]; then
  echo 'plexd is installed, and does nothing yet. To enrol this machine, as root: plexd setup'
fi
