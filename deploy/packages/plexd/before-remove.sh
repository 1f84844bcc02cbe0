# First, because one that hangs does not do what "plexd down" asks of it.
stop_service plexd.service
if ! is_chroot; then
  # Otherwise interface, rules and their processes would stay, with nothing to remove them. One that was started by hand ends, too.
  code=0
  told=$(plexd down 2>&1) || code=$?
  # Wrong settings: with the usual ones.
  if [ "$code" = 2 ]; then code=0; told=$(plexd down --config /dev/null 2>&1) || code=$?; fi
  if [ "$code" != 0 ]; then
    printf '%s\n' "$told" >&2
    echo 'What plexd has made in the network may stay until the next boot, or: ip link delete plexd0; nft delete table inet plexd' >&2
  fi
fi
