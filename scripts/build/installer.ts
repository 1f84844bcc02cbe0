import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { undefinedIfMissing } from '@plexd/runtime'
import { root } from '../programs/build.ts'

/** `install.sh` that trusts these keys (in PEM), and has the units of the package for machines without a package manager. */
export async function installerText(releaseKeys: readonly string[]): Promise<string> {
  const script = await readFile(join(root, 'deploy/install/install.sh'), 'utf8')
  const units = await unitsOf(join(root, 'deploy/packages/plexd'))
  return withParts(script, {
    '@RELEASE_KEYS@': releaseKeys.map((pem) => pem.trim()).join('\n'),
    '@UNIT_NAMES@': units.map(({ name }) => name).join(' '),
    '# @UNITS@': units.map(asCase).join('\n    '),
  })
}

interface Unit {
  name: string
  text: string
}

async function unitsOf(folder: string): Promise<Unit[]> {
  const names = (await readdir(folder).catch(undefinedIfMissing)) ?? []
  const units = names.filter((name) => name.endsWith('.service')).sort()
  return Promise.all(
    units.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text: text.replaceAll('/usr/bin/plexd', '/usr/local/bin/plexd') }
    }),
  )
}

function withParts(script: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [mark, part]) => {
    if (text.split(mark).length !== 2)
      throw new Error(`make install.sh: want "${mark}" once in deploy/install/install.sh`)
    return text.replace(mark, () => part)
  }, script)
}

/** What `cat` prints stands at the beginning of its lines. */
function asCase({ name, text }: Unit): string {
  return `${name})\n      cat <<'END_OF_UNIT'\n${text.trimEnd()}\nEND_OF_UNIT\n      ;;`
}
