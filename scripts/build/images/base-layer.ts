import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { extract } from 'tar-stream'
import { type Architecture, architectures } from '../architecture.ts'
import type { ImageRow } from './image-row.ts'
import type { LayerEntry } from './layer.ts'

/** What an image has of Debian: libraries, the programs that are named, licences, and what scanners read of versions. */
export async function baseLayer(
  { packages }: Pick<ImageRow, 'packages'>,
  arch: Architecture,
  debs: ReadonlyMap<string, string>,
): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [...mergedFolders]
  const authorities: LayerEntry[] = []
  for (const [name, programs] of Object.entries(packages)) {
    const deb = debs.get(name)
    if (deb === undefined)
      throw new Error(`take "${name}" into an image: Debian has no such package`)
    const keeps = keepOf(programs, arch)
    for (const entry of await entriesOf(deb)) {
      if (isAuthority(entry.path)) authorities.push(entry)
      else if (keeps(entry.path)) entries.push(entry)
    }
    const { stdout } = await promisify(execFile)('dpkg-deb', ['--field', deb])
    entries.push(textEntry(`var/lib/dpkg/status.d/${name}`, stdout))
  }
  return [...entries, bundleOf(authorities)]
}

/** As in every Debian: /bin is a link to /usr/bin. */
const mergedFolders: readonly LayerEntry[] = ['bin', 'sbin', 'lib', 'lib64'].map((path) => ({
  path,
  kind: 'link',
  mode: 0o777,
  target: `usr/${path}`,
}))

/** Which paths of a package are taken, of whose programs only those. Pure. */
export function keepOf(programs: readonly string[], arch: Architecture): (path: string) => boolean {
  const { binutils } = architectures[arch]
  const kept = [
    new RegExp(`^usr/lib/${binutils}/[^/]+\\.so(\\.[^/]+)?$`),
    /^usr\/lib(64)?\/ld-linux-[^/]+$/,
    /^usr\/share\/(doc\/[^/]+(\/copyright)?|common-licenses\/[^/]+)$/,
    /^(usr\/lib|etc)\/os-release$|^etc\/(debian_version|protocols|services)$/,
  ]
  const named = new Set(programs.flatMap((name) => [`usr/bin/${name}`, `usr/sbin/${name}`]))
  return (path) => named.has(path) || kept.some((pattern) => pattern.test(path))
}

function isAuthority(path: string): boolean {
  return /^usr\/share\/ca-certificates\/.*\.crt$/.test(path)
}

/** What update-ca-certificates would write. */
function bundleOf(authorities: readonly LayerEntry[]): LayerEntry {
  const texts = authorities
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ body }) => `${String(body).trimEnd()}\n`)
  return textEntry('etc/ssl/certs/ca-certificates.crt', texts.join(''))
}

export function textEntry(path: string, text: string): LayerEntry {
  return { path, kind: 'file', mode: 0o644, body: Buffer.from(text) }
}

/** All that a package would install, where a merged /usr has it. */
async function entriesOf(deb: string): Promise<LayerEntry[]> {
  const child = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  const complaint = buffer(child.stderr)
  const entries: LayerEntry[] = []
  for await (const entry of child.stdout.pipe(extract())) {
    const { name, type, mode = 0o644, linkname } = entry.header
    const path = inMergedFolder(name)
    const body = await buffer(entry)
    if (type === 'file') entries.push({ path, kind: 'file', mode, body })
    else if (type === 'symlink' && linkname)
      entries.push({ path, kind: 'link', mode: 0o777, target: linkname })
    else if (type !== 'directory') throw new Error(`read "${deb}": "${name}" is a ${type}`)
  }
  const [code] = await ended
  if (code !== 0) throw new Error(`read "${deb}": ${(await complaint).toString().trim()}`)
  return entries
}

/** `./lib/x` is `usr/lib/x`. Pure. */
export function inMergedFolder(name: string): string {
  return name
    .replace(/^\.?\//, '')
    .replace(/^(bin|sbin|lib|lib64)\//, 'usr/$1/')
    .replace(/\/$/, '')
}
