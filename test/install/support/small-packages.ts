import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageKinds } from '../../../scripts/build/packages.ts'

/** A service that starts, unless `/etc/plexd/broken` is there, and an undoing that leaves a line in `/var/told`. */
const program = `#!/bin/sh
case $1 in
  up) [ ! -e /etc/plexd/broken ] && systemd-notify --ready && exec sleep infinity ;;
  down) echo down >>/var/told ;;
esac
`

/** Debian's packages of these versions, whole but for their programs, in \`out\`: what is looked at is how they come and go. */
export async function makeSmallPackages(out: string, versions: readonly string[]): Promise<void> {
  await mkdir(out, { recursive: true })
  const path = join(out, 'program')
  await writeFile(path, program, { mode: 0o755 })
  const programs = { plexd: path, plexctl: path, 'control-plane': path }
  const kinds = packageKinds.filter(({ name }) => name.endsWith('.deb'))
  for (const version of versions)
    for (const { make } of kinds)
      await make({ version, programs, arch: 'amd64', licences: '', out, epochSeconds: 0 })
}
