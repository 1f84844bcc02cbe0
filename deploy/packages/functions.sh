# Whether systemd runs this system. A chroot may see the /run of one that does. sd_booted(3)
is_booted() { [ -d /run/systemd/system ] && ! is_chroot; }

# Processes, network and /run of a chroot are those of the machine around it.
is_chroot() {
  [ -d /proc/1 ] || return 0
  # Process 1 is not always ours to look at.
  around=$(stat -Lc %d:%i /proc/1/root/. 2>/dev/null) || return 1
  [ "$around" != "$(stat -Lc %d:%i /)" ]
}

# UNIT: what runs goes on as the new version; what does not run stays so. A package must not fail over a service.
restart_running() {
  is_booted || return 0
  case $(systemctl is-active "$1" || true) in active | reloading | activating) ;; *) return 0 ;; esac
  why=''
  case $(systemctl is-enabled "$1" 2>/dev/null || true) in masked*) why='it is masked' ;; esac
  if forbids "$1"; then why='/usr/sbin/policy-rc.d forbids a restart'; fi
  if [ -n "$why" ]; then
    echo "$1 still runs as the version before: $why. When it may: systemctl restart $1" >&2
  elif ! systemctl try-restart "$1"; then
    echo "$1 did not start again: look why with journalctl -u $1 -n 30, then: systemctl restart $1" >&2
  fi
}

# Whoever builds images, or keeps services from being restarted, says so with 101: /usr/share/doc/init-system-helpers/README.policy-rc.d
forbids() {
  [ -x /usr/sbin/policy-rc.d ] || return 1
  answer=0
  /usr/sbin/policy-rc.d "$1" restart || answer=$?
  [ "$answer" = 101 ]
}

# UNIT: ends it, however it is; the package goes anyway.
stop_service() {
  is_booted || return 0
  systemctl stop "$1" || echo "$1 did not end: look with systemctl status $1" >&2
}

# UNIT, whose file is gone.
forget_unit() {
  is_booted || return 0
  systemctl daemon-reload || true
  systemctl reset-failed "$1" 2>/dev/null || true
}

# FOLDER FILE: deletes what is in a state folder, which has a file of that name, and the folder. One that is a link is
# followed, if it leads to such a folder. What is mounted inside belongs to others, and stays.
delete_state() {
  folder=$1
  if [ -L "$1" ]; then
    folder=$(readlink -f "$1" || true)
    if [ ! -e "$folder/$2" ]; then
      echo "purge \"$1\": it is a link to \"$folder\", which has no $2: both stay" >&2
      return 0
    fi
  fi
  [ -d "$folder" ] || return 0
  if ! delete_inside "$folder"; then
    echo "purge \"$folder\": what is named above is still there: make it deletable, and purge again" >&2
    exit 1
  fi
  rmdir "$folder" 2>/dev/null || true
  if [ -L "$1" ]; then rm -f "$1"; fi
}

delete_inside() {
  top=$1 mounts=/proc/self/mountinfo
  set --
  [ -r "$mounts" ] || mounts=/dev/null
  while read -r _ _ _ _ place _; do
    case $place in "$top"/*) ;; *) continue ;; esac
    # Spaces and the like are octal there: proc_pid_mountinfo(5).
    place=$(printf '%b' "$(printf '%s' "$place" | sed 's/\\\([0-7]\)/\\0\1/g')")
    echo "purge \"$top\": \"$place\" is mounted there, and stays" >&2
    pattern=$(printf '%s' "$place" | sed 's/[][*?\\]/\\&/g')
    set -- "$@" ! -path "$pattern" ! -path "$pattern/*"
  done <"$mounts"
  find "$top" -xdev -mindepth 1 "$@" ! -type d -delete || return 1
  find "$top" -xdev -depth -mindepth 1 "$@" -type d -empty -delete
}
