name=$(sed -n 's/^  "hostname": "\([A-Za-z0-9._-]*\)",*$/\1/p' /var/lib/plexd/identity.json 2>/dev/null || true)
delete_state /var/lib/plexd agent.db
# In a chroot it may be that of the machine around.
if ! is_chroot; then delete_state /run/plexd api.sock; rmdir /run/wireguard 2>/dev/null || true; fi
rm -f /etc/plexd/join /etc/plexd/bootstrap-token
# Hooks are the operator's own, and stay; so does what another package has there.
rmdir /etc/plexd/hooks.d /etc/plexd 2>/dev/null || true
for group in plexd plexd-secrets; do
  # One of a directory service, or of people, is not ours.
  if grep -Eq "^$group:[^:]*:[0-9]{1,3}:" /etc/group; then groupdel "$group" || true; fi
done
if [ -n "$name" ]; then
  echo "The control plane still knows this node. To remove it there: plexctl node remove $name"
fi
