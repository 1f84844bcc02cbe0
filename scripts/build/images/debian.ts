import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cache } from '../../programs/build.ts'
import type { Architecture } from '../architecture.ts'
import { stagingFolder } from '../packages/staging.ts'

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
  const store = join(cache, `debian-${arch}`)
  await mkdir(store, { recursive: true })
  const wanted = await runApt(
    [...options, '--print-uris', 'download', ...names],
    `find packages of Debian for ${arch}`,
  )
  const files = [...wanted.matchAll(/^'\S+' (([^_\s]+)_\S+\.deb) /gm)]
  const byName = new Map(files.map(([, file = '', name = '']) => [name, file]))
  const there = new Set(await readdir(store))
  const missing = names.filter((name) => !there.has(byName.get(name) ?? ''))
  if (missing.length > 0)
    await runApt(
      [...options, 'download', ...missing],
      `download packages of Debian for ${arch}`,
      store,
    )
  return new Map([...byName].map(([name, file]) => [name, join(store, file)]))
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
