if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers plexd-control-plane.conf
elif ! getent passwd plexd-control-plane >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/plexd-control-plane --shell /usr/sbin/nologin plexd-control-plane
fi
if is_booted; then systemctl daemon-reload || true; fi
if [ "$upgrade" = yes ]; then restart_running plexd-control-plane.service; fi
if [ "$upgrade" = no ] && [ ! -e /var/lib/plexd-control-plane ]; then
  echo 'The control plane is installed, and does not run yet. Look at /etc/plexd/control-plane.yaml, then:'
  echo '  systemctl enable --now plexd-control-plane'
fi
