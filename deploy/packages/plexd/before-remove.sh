if [ -d /run/systemd/system ] && systemctl --quiet is-active plexd.service; then
  # Otherwise interface, rules and their processes would stay, with nothing to remove them.
  plexd down || true
  systemctl stop plexd.service
elif [ -e /var/lib/plexd/identity.json ]; then
  plexd down >/dev/null 2>&1 || true
fi
