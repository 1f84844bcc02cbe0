/** The programs of a version that is to come: those of now, with a database that has one more step behind it. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../scripts/programs/build.ts'
import { linkLibraries, type OtherVersion, startersIn } from './other-version.ts'

export async function openVersionAfter(): Promise<OtherVersion> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-after-'))
  const filter = (path: string): boolean => !path.endsWith('/node_modules')
  for (const part of ['packages', 'scripts', 'package-lock.json'])
    await cp(join(root, part), join(folder, part), { recursive: true, filter })
  await addMigration(join(folder, 'packages/control-plane/src/store/migrations'))
  await linkLibraries(folder)
  return Object.assign(await startersIn(folder), {
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  })
}

/** Behind all others. */
async function addMigration(folder: string): Promise<void> {
  const tens = (await readdir(folder)).filter((name) => /^\d/.test(name)).sort()
  const last = join(folder, tens.at(-1) ?? '')
  await writeFile(join(last, 'after.ts'), migration)
  const index = join(last, 'index.ts')
  const text = (await readFile(index, 'utf8')).replace('export const migrations', 'const before')
  await writeFile(
    index,
    `import * as after from './after.ts'\n${text}\nexport const migrations = [...before, after]\n`,
  )
}

const migration = `import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw('create table of_the_version_after (id text primary key)').execute(db)
}
`
