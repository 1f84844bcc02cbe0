import { gzipSync } from 'node:zlib'
import type { PackageParts } from '../packages/package-parts.ts'
import { fileNames } from '../single-file.ts'
import { textEntry } from './base-layer.ts'
import type { ImageRow } from './image-row.ts'
import type { LayerEntry } from './layer.ts'

/** What an image has of ours: the programs, who may use them, and folders to mount over. */
export function ownLayer(
  row: ImageRow,
  { programs, licences }: Pick<PackageParts, 'programs' | 'licences'>,
): LayerEntry[] {
  return [
    ...row.programs.map((name) => ({
      path: `usr/bin/${fileNames[name]}`,
      kind: 'file' as const,
      mode: 0o755,
      body: programs[name],
    })),
    textEntry('etc/passwd', passwdText(row)),
    textEntry('etc/group', groupText(row)),
    textEntry('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    { ...textEntry(`usr/share/doc/${row.name}/licences.gz`, ''), body: gzipSync(licences) },
    ...row.folders.map((folder) => ({ ...folder, kind: 'folder' as const })),
    ...['dev', 'proc', 'sys'].map((path) => ({ path, kind: 'folder' as const, mode: 0o755 })),
    { path: 'tmp', kind: 'folder', mode: 0o1777 },
    { path: 'var/run', kind: 'link', mode: 0o777, target: '../run' },
  ]
}

function passwdText({ user }: ImageRow): string {
  const users = [{ name: 'root', id: 0, home: '/root' }, ...(user.id === 0 ? [] : [user])]
  return users.map(({ name, id, home }) => `${name}:x:${id}:${id}::${home}:/bin/sh\n`).join('')
}

function groupText({ user, groups }: ImageRow): string {
  const all = { root: 0, [user.name]: user.id, ...groups }
  return Object.entries(all)
    .map(([name, id]) => `${name}:x:${id}:\n`)
    .join('')
}
