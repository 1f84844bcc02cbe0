import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtempDisposable, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cache } from '../../programs/build.ts'
import type { Architecture } from '../architecture.ts'
import { stagingFolder } from '../packages/staging.ts'
import { checksumOf } from '../release-key.ts'

const suite = 'bookworm'
/** deb.debian.org, which a proxy or a mirror of the settings of apt may stand for. */
const sources = [
  ['debian', suite],
  ['debian', `${suite}-updates`],
  ['debian-security', `${suite}-security`],
].map(([part, name]) => `http://deb.debian.org/${part} ${name} main`)

/**
 * Downloads those packages as they are now, with the signatures checked by apt, and resolves to the file of each. Runs
 * nothing of them, so that any architecture will do; no package comes along that is not named.
 */
export async function downloadPackages(
  arch: Architecture,
  names: readonly string[],
): Promise<Map<string, string>> {
  await using folder = await stagingFolder()
  const options = await prepareApt(folder.path, arch)
  await runApt([...options, 'update'], `read what packages "${suite}" of Debian has for ${arch}`)
  const listed = await runApt(
    [...options, '--print-uris', 'download', ...names],
    `find packages of Debian for ${arch}`,
  )
  const wanted = wantedOf(listed)
  const store = join(cache, `debian-${arch}`)
  await mkdir(store, { recursive: true })
  const missing: Wanted[] = []
  for (const one of wanted) if (!(await isWhole(join(store, one.file), one))) missing.push(one)
  if (missing.length > 0) await fetchInto(store, missing, { options, arch })
  return new Map(wanted.map(({ name, file }) => [name, join(store, file)]))
}

interface Wanted {
  name: string
  file: string
  /** `sha256:` and hex, from a list that is signed. */
  checksum: string
}

/** Of what `apt-get --print-uris` says. Pure. */
export function wantedOf(listed: string): Wanted[] {
  const lines = listed.matchAll(/^'\S+' (([^_\s]+)_\S+\.deb) \d+ SHA256:([0-9a-f]{64})$/gm)
  return [...lines].map(([, file = '', name = '', hex]) => ({
    name,
    file,
    checksum: `sha256:${hex}`,
  }))
}

async function isWhole(path: string, { checksum }: Wanted): Promise<boolean> {
  return existsSync(path) && (await checksumOf(path)) === checksum
}

/** In a folder of its own first: another build may want the same. */
async function fetchInto(
  store: string,
  missing: readonly Wanted[],
  { options, arch }: { options: readonly string[]; arch: Architecture },
): Promise<void> {
  await using draft = await mkdtempDisposable(join(store, 'draft-'))
  const names = missing.map(({ name }) => name)
  const title = `download packages of Debian for ${arch}`
  await runApt([...options, 'download', ...names], title, draft.path)
  for (const one of missing) {
    const file = join(draft.path, one.file)
    if (!(await isWhole(file, one)))
      throw new Error(`${title}: "${one.file}" is not the file that Debian's list has`)
    await rename(file, join(store, one.file))
  }
}

/** Its state in a folder of its own, and nothing of what this machine has installed or reads packages from. */
async function prepareApt(folder: string, arch: Architecture): Promise<string[]> {
  for (const part of ['state/lists/partial', 'cache/archives/partial'])
    await mkdir(join(folder, part), { recursive: true })
  const list = join(folder, 'sources.list')
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  await writeFile(list, sources.map((source) => `deb [signed-by=${keyring}] ${source}\n`).join(''))
  await writeFile(join(folder, 'status'), '')
  const settings = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '/nonexistent',
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Architecture': arch,
    'APT::Architectures': arch,
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::http::Timeout': '30',
  }
  return ['-q', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
}

async function runApt(args: readonly string[], title: string, cwd = '/'): Promise<string> {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' }
    const { stdout } = await promisify(execFile)('apt-get', args, {
      cwd,
      env,
      timeout: 600_000,
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string } // of execFile
    const why =
      code === 'ENOENT' ? 'there is no "apt-get" here' : stderr.trim().replace(/\s*\n\s*/g, '; ')
    throw new Error(
      `${title}: ${why}: images are built on Debian, from its archive, or leave --images out`,
    )
  }
}
