#!/bin/sh
# Installs plexd from the files of a build: checks its signature and all checksums first, and changes nothing until all are right.
set -eu

# Keys whose builds are trusted, as PEM: "./run build" puts its own here.
release_keys='@RELEASE_KEYS@'
# Units that the program gets where there is no package.
units='@UNIT_NAMES@'

usage() {
  cat <<'END'
usage: sh install.sh --from URL|DIR [options]

Installs or upgrades plexd on this machine, as root. Nothing is changed before signature and checksums are verified.

  --from URL|DIR      where the files of a build are: https://…, or a folder
  --release-key FILE  public key (Ed25519, PEM) that must have signed them, in place of the keys in this script
  --version VERSION   this one and no other, even if it is older than what is installed
  --control-plane     the control plane and plexctl, in place of the agent
  --as KIND           deb, rpm or program; what this system uses when left out
  --join              then run "plexd setup", which reads a join string from stdin or asks for it
  --root DIR          install into the system in this folder, and start nothing
  --dry-run           fetch and verify, and only say what would be done
  --uninstall         remove plexd; its state stays ("plexd deregister --purge" before this removes that too)

A token or join string is never an argument: every user of a machine sees those.

Examples:
  sh install.sh --from https://dl.example.com/plexd --release-key release.pub
  sh install.sh --from /mnt/usb/dist --dry-run
  sh install.sh --from https://dl.example.com/plexd --join < join-string
  sh install.sh --uninstall
END
}

say() { printf 'install.sh: %s\n' "$*" >&2; }

# What is wrong with the arguments, or the machine, or a file.
refuse() {
  say "$*"
  exit 1
}
misused() {
  say "$*: see sh install.sh --help"
  exit 2
}

main() {
  # What is installed is for every user, whatever this shell keeps to itself; and "su" leaves out where groupadd is.
  umask 022
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  read_options "$@"
  if [ "$uninstalls" = yes ]; then
    needs_root
    uninstall
    exit 0
  fi
  [ -n "$from" ] || misused 'where from: give --from URL or --from DIR'
  check_source
  needs_root
  check_tools
  work=''
  trap 'rm -rf "$work" "$root/usr/local/bin/"*".new.$$" "$root/etc/systemd/system/."*".new.$$"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  make_work
  fetch_sums
  choose_file
  fetch_verified "$file"
  if [ "$kind" = program ]; then
    check_program "$product"
    refuse_older
    # In the package it is part of the control plane.
    if [ "$product" = plexd-control-plane ]; then fetch_verified "${file%"$product"}plexctl"; check_program plexctl; fi
  fi
  install_"$kind"
  if [ "$joins" = yes ]; then set_up; else next_step; fi
}

read_options() {
  from='' key_file='' version='' product=plexd kind='' joins=no root='' dry=no uninstalls=no
  while [ $# -gt 0 ]; do
    case $1 in
      --from | --release-key | --version | --as | --root)
        if [ $# -lt 2 ] || [ -z "$2" ]; then misused "$1: want a value"; fi
        ;;
    esac
    case $1 in
      --from) from=${2%/}; shift ;;
      --release-key) key_file=$2; shift ;;
      --version) version=$2; shift ;;
      --as) kind=$2; shift ;;
      --root) root=${2%/}; shift ;;
      --control-plane) product=plexd-control-plane ;;
      --join) joins=yes ;;
      --dry-run) dry=yes ;;
      --uninstall) uninstalls=yes ;;
      --help | -h) usage; exit 0 ;;
      plexd-join-*) misused 'a join string is not an argument, which every user of this machine sees: revoke its token ("plexctl token list", "plexctl token revoke ID"), and give another by --join and stdin' ;;
      *) misused "\"$1\": no such option" ;;
    esac
    shift
  done
  case $version in [!0-9]* | *[!0-9A-Za-z.+-]*) misused "--version \"$version\": want one such as 1.2.3 or 1.2.3-rc.1" ;; esac
  case $kind in '' | deb | rpm | program) ;; *) misused "--as \"$kind\": want deb, rpm or program" ;; esac
  if [ -n "$root" ] && [ ! -d "$root" ]; then misused "--root \"$root\": no such folder"; fi
  if [ "$joins" = yes ] && [ "$product" != plexd ]; then misused '--join: a control plane does not join'; fi
  if [ "$joins" = yes ] && [ -n "$root" ]; then misused '--join: with --root nothing is started; run "plexd setup" on the machine itself'; fi
}

check_source() {
  case $from in
    https://*) ;;
    http://127.0.0.1:* | http://localhost:* | 'http://[::1]:'*) ;;
    *://*) misused "--from \"$from\": want https://…, or a folder" ;;
    *) [ -d "$from" ] || misused "--from \"$from\": no such folder" ;;
  esac
  case $from in *[[:space:]]*) case $from in *://*) misused "--from \"$from\": want no spaces" ;; esac ;; esac
}

needs_root() {
  [ "$dry" = yes ] || [ "$(id -u)" = 0 ] || refuse 'install plexd: only root may: run it with sudo'
}

check_tools() {
  for tool in openssl sha256sum awk od mktemp; do
    command -v "$tool" >/dev/null || refuse "\"$tool\" is missing, without which nothing can be verified: install it"
  done
  openssl pkeyutl -help 2>&1 | grep -q -e -rawin ||
    refuse "verify the signature: $(openssl version) cannot check Ed25519 signatures: install OpenSSL 3.0 or newer"
  case $(uname -m) in
    x86_64 | amd64) arch=amd64 rpm_arch=x86_64 machine=62 ;;
    aarch64 | arm64) arch=arm64 rpm_arch=aarch64 machine=183 ;;
    *) refuse "install for \"$(uname -m)\": there are builds for x86_64 and aarch64" ;;
  esac
}

# A program says its version before it is installed, and hardened machines let none run from /tmp. An absolute path, for apt.
make_work() {
  for base in "${TMPDIR:-/tmp}" /var/tmp /root; do
    work=$(CDPATH='' cd -- "$base" && mktemp -d "$PWD/plexd-install.XXXXXX") 2>/dev/null || continue
    if runs_programs "$work" 2>/dev/null; then return; fi
    rm -rf "$work"
  done
  refuse "work in \"${TMPDIR:-/tmp}\", /var/tmp or /root: each is full, missing, or lets no program run: name another folder by TMPDIR"
}

runs_programs() {
  printf '#!/bin/sh\n' >"$1/probe" && chmod 700 "$1/probe" && "$1/probe" </dev/null
}

# NAME TARGET MAX_BYTES: a copy of our own, which nobody changes between looking and using.
fetch() {
  case $from in
    # An answer without an end must not fill the disk. Of 512 bytes or, in some shells, 1024.
    *://*) (ulimit -f "$(($3 / 512 + 1))"; download "$from/$1" "$2") || exit 1 ;;
    *) [ -f "$from/$1" ] || refuse "read \"$from/$1\": no such file"
       head -c "$(($3 + 1))" "$from/$1" >"$2" || refuse "copy \"$from/$1\" to \"$work\": see above; TMPDIR names another folder to work in" ;;
  esac
  [ "$(wc -c <"$2")" -le "$3" ] || refuse "read \"$from/$1\": it has more than $3 bytes"
}

download() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto '=https,http' --proto-redir '=https' --retry 3 \
      --connect-timeout 20 --max-time 1800 --output "$2" "$1" ||
      refuse "download \"$1\": see above; is that where the files of the build are?"
  elif command -v wget >/dev/null && ! wget --help 2>&1 | grep -q -e --max-redirect; then
    # That of BusyBox.
    timeout 1800 wget -q -O "$2" "$1" ||
      refuse "download \"$1\": wget failed with $?; is that where the files of the build are?"
  elif command -v wget >/dev/null; then
    wget --quiet --tries=3 --timeout=60 --max-redirect=5 --output-document="$2" "$1" ||
      refuse "download \"$1\": wget failed with $?; is that where the files of the build are?"
  else
    refuse "download \"$1\": want curl or wget: install one, or copy the files here and give their folder"
  fi
}

fetch_sums() {
  fetch SHA256SUMS "$work/SHA256SUMS" 1048576
  fetch SHA256SUMS.sig "$work/SHA256SUMS.sig" 4096
  write_keys
  for key in "$work"/key.*; do
    [ -s "$key" ] || continue
    if openssl pkeyutl -verify -rawin -pubin -inkey "$key" -sigfile "$work/SHA256SUMS.sig" \
      -in "$work/SHA256SUMS" >/dev/null 2>&1; then
      say 'SHA256SUMS: its signature is valid'
      return
    fi
  done
  refuse "verify \"$from/SHA256SUMS\": it is not signed by a trusted key, or was changed: nothing was installed"
}

# One file for each key.
write_keys() {
  if [ -n "$key_file" ]; then
    [ -f "$key_file" ] || misused "--release-key \"$key_file\": no such file"
    keys=$(cat "$key_file")
  else
    keys=$release_keys
  fi
  case $keys in
    *'BEGIN PUBLIC KEY'*) ;;
    *) [ -z "$key_file" ] || misused "--release-key \"$key_file\": want a public key in PEM"
       misused 'no key of a build is known here: give --release-key FILE' ;;
  esac
  printf '%s\n' "$keys" | stem="$work/key." awk '/BEGIN PUBLIC KEY/ { n++ } n { print > (ENVIRON["stem"] n) }'
}

choose_file() {
  wanted=$kind
  kind=${kind:-$(kind_here)}
  file=$(listed)
  if [ -z "$file" ] && [ -z "$wanted" ] && [ "$kind" != program ]; then
    packaged=$kind
    kind=program
    file=$(listed)
    [ -z "$file" ] || say "this build has no $packaged for $arch, so the program itself is installed"
  fi
  [ -n "$file" ] || refuse "\"$from\" has no $product${version:+ $version} as $kind for $arch"
  [ "$(printf '%s\n' "$file" | wc -l)" = 1 ] ||
    refuse "\"$from\" has several: $(printf '%s' "$file" | tr '\n' ' '): give one of them by --version"
}

kind_here() {
  id=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' "$root/etc/os-release" 2>/dev/null | tr -d \"\' | tr '\n' ' ') || id=''
  case " $id " in
    *' debian '* | *' ubuntu '*) echo deb ;;
    *' fedora '* | *' rhel '* | *' suse '* | *' opensuse'*) echo rpm ;;
    *) echo program ;;
  esac
}

# The names in SHA256SUMS that are what is wanted. No other characters than those of versions are taken.
listed() {
  v='[0-9][0-9A-Za-z.+~-]*'
  if [ -n "$version" ]; then v=$(printf '%s' "$version" | sed 's/-/~/g; s/[.+]/[&]/g'); fi
  case $kind in
    deb) pattern="^${product}_${v}_${arch}[.]deb\$" ;;
    rpm) pattern="^${product}-${v}-1[.]${rpm_arch}[.]rpm\$" ;;
    program) pattern="^($arch/)?$product\$" ;;
  esac
  names=$(awk '{ print $2 }' "$work/SHA256SUMS" | grep -E "$pattern" || true)
  # Those of other machines than the builder's are in a folder.
  if [ "$kind" = program ]; then names=$(printf '%s\n' "$names" | sort -r | tail -n 1); fi
  printf '%s' "$names"
}

fetch_verified() {
  sum=$(awk -v name="$1" '$2 == name { print $1 }' "$work/SHA256SUMS")
  case $sum in *[!0-9a-f]* | '') refuse "SHA256SUMS has no checksum of \"$1\", or several" ;; esac
  target=$work/${1##*/}
  fetch "$1" "$target" 1073741824
  found=$(sha256sum <"$target" | cut -d' ' -f1)
  [ "$found" = "$sum" ] ||
    refuse "verify \"$from/$1\": its SHA-256 is $found, and $sum is signed: it was changed or is not whole; nothing was installed"
  say "$1: its checksum is the signed one"
}

# NAME: of a program that was fetched.
check_program() {
  refuse_folder "$root/usr/local/bin/$1"
  found=$(od -An -tu2 -j18 -N2 "$work/$1" | tr -d ' ')
  [ "$found" = "$machine" ] || refuse "\"$1\" is not for $arch: this build is for other machines"
  chmod 700 "$work/$1"
  found=$(version_of "$work/$1") || refuse "run \"$1\": see above"
  [ -z "$version" ] || [ "$found" = "$version" ] || refuse "\"$1\" is \"$found\", and $version is wanted"
}

# "mv" would put a file into it, and succeed.
refuse_folder() {
  [ ! -d "$1" ] || refuse "install \"$1\": a folder is there, or a link to one: move it away; nothing was installed"
}

# As package managers do; what is there and does not run is no obstacle.
refuse_older() {
  here=$root/usr/local/bin/$product
  [ -z "$version" ] && [ -x "$here" ] && old=$(version_of "$here" 2>/dev/null) || return 0
  # A pre-release, 1.0.0-rc.1, is older than 1.0.0, which "~" says.
  newest=$(printf '%s\n' "$old" "$found" | sed 's/-/~/' | sort -V | tail -n 1) || refuse 'compare versions: see above'
  [ "$newest" = "$(printf '%s' "$found" | sed 's/-/~/')" ] ||
    refuse "install $product $found: $old is here, which is newer: to go back, give --version $found"
}

version_of() {
  told=$("$1" --version) || return 1
  printf '%s\n' "$told" | awk 'NR == 1 { print $NF }'
}

# Says it, and does it unless this is a dry run.
run() {
  if [ "$dry" = yes ]; then
    say "would run: $*"
  else
    say "$*"
    # What comes in is for "plexd setup".
    "$@" >&2 </dev/null || refuse "\"$*\" failed with $?: see above"
  fi
}

# An older version only when it is asked for: whoever keeps the files could offer one with a known hole.
install_deb() {
  if [ -n "$root" ]; then
    run dpkg --root="$root" --refuse-downgrade ${version:+--force-downgrade} --install "$target"
  elif command -v apt-get >/dev/null; then
    run env DEBIAN_FRONTEND=noninteractive apt-get install --yes ${version:+--allow-downgrades} \
      -o Dpkg::Options::=--force-confold "$target"
  else
    run dpkg --refuse-downgrade ${version:+--force-downgrade} --install "$target"
  fi
}

install_rpm() {
  if [ -n "$root" ]; then
    run rpm --root "$root" --upgrade ${version:+--oldpackage} "$target"
  elif command -v dnf >/dev/null; then
    run dnf install --assumeyes "$target"
  elif command -v zypper >/dev/null; then
    run zypper --non-interactive install --allow-unsigned-rpm ${version:+--oldpackage} "$target"
  else
    run rpm --upgrade ${version:+--oldpackage} "$target"
  fi
}

# Without a package manager: the program, its groups, and units.
install_program() {
  run mkdir -p "$root/usr/local/bin"
  place_program "$product"
  if [ "$product" = plexd ]; then
    make_groups
    write_units
  else
    place_program plexctl
  fi
}

# A program that runs cannot be written to, but its name can be given to another file. Another run may be at it.
place_program() {
  fresh=$root/usr/local/bin/$1.new.$$
  run cp "$work/$1" "$fresh"
  run chmod 0755 "$fresh"
  run mv -f "$fresh" "$root/usr/local/bin/$1"
}

make_groups() {
  [ -z "$root" ] || return 0
  command -v groupadd >/dev/null || { say 'groups plexd and plexd-secrets: make them by hand, groupadd is missing'; return 0; }
  for group in plexd plexd-secrets; do
    if ! grep -q "^$group:" /etc/group; then run groupadd --system "$group"; fi
  done
}

write_units() {
  folder=$root/etc/systemd/system
  [ -d "$folder" ] || return 0
  for unit in $units; do
    if [ "$dry" = yes ]; then
      say "would write $folder/$unit"
      continue
    fi
    if is_masked "$unit"; then
      say "$folder/$unit is masked, and stays so"
      continue
    fi
    refuse_folder "$folder/$unit"
    unit_text "$unit" >"$folder/.$unit.new.$$"
    mv -f "$folder/.$unit.new.$$" "$folder/$unit"
    say "wrote $folder/$unit"
  done
  if is_booted; then
    run systemctl daemon-reload
    is_masked plexd.service || run systemctl try-restart plexd.service
  fi
}

is_masked() { [ "$(readlink "$root/etc/systemd/system/$1")" = /dev/null ]; }

# Those of the package, as they were when this script was built.
unit_text() {
  case $1 in
    # @UNITS@
    *) refuse "write \"$1\": this script has no such unit" ;;
  esac
}

is_booted() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

set_up() {
  if [ "$dry" = yes ]; then
    say 'would run: plexd setup'
    return
  fi
  say 'plexd setup'
  if [ -t 0 ]; then plexd_here setup; else plexd_here setup --yes --join-file -; fi
}

# By its path: a shell that has no /usr/local/bin, as that of sudo may, would not find it.
plexd_here() {
  case $kind in program) /usr/local/bin/plexd "$@" ;; *) /usr/bin/plexd "$@" ;; esac
}

next_step() {
  if [ "$dry" = yes ]; then
    say 'nothing was changed'
  elif [ "$product" = plexd ] && [ ! -e "$root/var/lib/plexd/identity.json" ]; then
    say 'next, to make this machine a node, as root: plexd setup'
  fi
}

uninstall() {
  if [ -z "$root" ] && dpkg-query -W -f '${Status}' "$product" 2>/dev/null | grep -q ' installed'; then
    run apt-get remove --yes "$product"
  elif [ -z "$root" ] && rpm -q "$product" >/dev/null 2>&1; then
    run rpm --erase "$product"
  elif [ -e "$root/usr/local/bin/$product" ]; then
    uninstall_program
  else
    refuse "uninstall $product: it is not installed here"
  fi
  if [ "$product" = plexd ] && [ -e "$root/var/lib/plexd" ]; then
    say "its state stays in $root/var/lib/plexd; the control plane still knows this node: \"plexctl node remove NAME\""
  fi
}

uninstall_program() {
  if [ "$product" = plexd ] && [ -z "$root" ]; then
    # Otherwise interface, rules and their processes would stay, with nothing to remove them.
    if is_booted && [ -e /etc/systemd/system/plexd.service ]; then run systemctl disable --now plexd.service; fi
    if [ -e /var/lib/plexd/identity.json ]; then run /usr/local/bin/plexd down; fi
  fi
  run rm -f "$root/usr/local/bin/$product"
  if [ "$product" = plexd-control-plane ]; then run rm -f "$root/usr/local/bin/plexctl"; fi
  if [ "$product" = plexd ]; then
    for unit in $units; do run rm -f "$root/etc/systemd/system/$unit"; done
  fi
  if is_booted; then run systemctl daemon-reload; fi
}

main "$@"
