import type { Installer } from './installer.ts'

/**
 * Lines for a shell that install plexd and join. The join string is in a here-document, which no list of processes shows, and
 * no history keeps: that of bash is turned off meanwhile, and the space in front is for other shells.
 */
export function installCommand({ from, checksum }: Installer, join: string): string {
  const script = '"$plexd_dir/install.sh"'
  return [
    history('+'),
    ` plexd_dir=$(mktemp -d) && ${fetchInto(script, from)} &&`,
    `   echo "${checksum}  $plexd_dir/install.sh" | sha256sum -c - &&`,
    `   sudo sh ${script} --from ${quoted(from)} --join <<'END'`,
    join,
    'END',
    history('-'),
    '',
  ].join('\n')
}

/** In a line of its own, which has its effect from the next one on; shells that have no such option go on without. */
function history(switched: '+' | '-'): string {
  const line = `set ${switched}o history`
  return ` (${line}) 2>/dev/null && ${line}`
}

/** User data for cloud-init. The join string is in memory only (`/run`), in a file for root, and gone afterwards, even if joining fails. */
export function cloudConfig({ from, checksum }: Installer, join: string): string {
  return `#cloud-config
# Makes one machine a node. Whoever can read this can join until then: the token in it works once.
write_files:
  - path: /run/plexd-install/join
    owner: root:root
    permissions: '0600'
    content: |
      ${join}
runcmd:
  - - sh
    - -c
    - |
      set -eu
      cd /run/plexd-install
      trap 'rm -rf /run/plexd-install' EXIT
      ${fetchInto('install.sh', from)}
      echo '${checksum}  install.sh' | sha256sum -c -
      sh install.sh --from ${quoted(from)} --join < join
`
}

/** As a new machine may have either program. */
function fetchInto(target: string, from: string): string {
  const url = quoted(`${from}/install.sh`)
  return `{ curl -fsSL --retry 5 -o ${target} ${url} || wget -q -O ${target} ${url}; }`
}

/** For a shell, as one word. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
