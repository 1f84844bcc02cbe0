name=$(sed -n 's/^  "hostname": "\([A-Za-z0-9._-]*\)",*$/\1/p' /var/lib/plexd/identity.json 2>/dev/null || true)
# One of them may be a mount point, which is emptied then.
for folder in /var/lib/plexd /run/plexd; do
  [ ! -d "$folder" ] || find "$folder" -mindepth 1 -delete
  rmdir "$folder" 2>/dev/null || true
done
rm -f /etc/plexd/join /etc/plexd/bootstrap-token
rmdir /run/wireguard 2>/dev/null || true
# Hooks are the operator's own, and stay; so does what another package has there.
rmdir /etc/plexd/hooks.d /etc/plexd 2>/dev/null || true
for group in plexd plexd-secrets; do
  if getent group "$group" >/dev/null; then groupdel "$group" || true; fi
done
if [ -n "$name" ]; then
  echo "The control plane still knows this node. To remove it there: plexctl node remove $name"
fi
