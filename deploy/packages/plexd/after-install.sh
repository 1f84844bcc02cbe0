if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers plexd.conf
else
  groupadd --system --force plexd
  groupadd --system --force plexd-secrets
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemd-tmpfiles --create plexd.conf
  # Tunnels go on: what moves their packets is not the daemon.
  if [ "$upgrade" = yes ]; then systemctl try-restart plexd.service; fi
fi
if [ "$upgrade" = no ] && [ ! -e /var/lib/plexd/identity.json ]; then
  echo 'plexd is installed, and does nothing yet. To enrol this machine, as root: plexd setup'
fi
