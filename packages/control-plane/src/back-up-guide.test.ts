import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { adminApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { startProcess } from './testing/child.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

const guide = join(import.meta.dirname, '../../../docs/guides/back-up.md')
const main = join(import.meta.dirname, 'main.ts')

it('the guide to backups brings back what was at the copy, without telemetry and recordings.db too', async () => {
  await using folder = await makeTemporaryFolder()
  const dataDir = join(folder.path, 'data')
  const backup = join(folder.path, 'backup')
  const commands = (await readFile(guide, 'utf8'))
    .match(/(?<=^ {4}).*$/gm)
    ?.map((line) =>
      line.replaceAll('/var/lib/plexd-control-plane', dataDir).replaceAll('/backup/plexd', backup),
    )
  const [copy = '', putAway = '', putBack = '', examine = '', serve = '', ...more] = commands ?? []
  assert.deepEqual(more, [])

  await withAdmin(serve, dataDir, (admin) => admin.createToken({ body: { hostname: 'before' } }))
  run(copy)
  for (const name of ['telemetry', 'recordings.db', 'series.db'])
    await rm(join(backup, name), { recursive: true })
  await withAdmin(serve, dataDir, (admin) => admin.createToken({ body: { hostname: 'behind' } }))
  run(putAway)
  run(putBack)
  const states = new Map<string, string>()
  for (const { check, state } of JSON.parse(run(`${examine} --json`))) states.set(check, state)
  assert.deepEqual([states.get('database'), states.get('master key')], ['ok', 'ok'])
  const { body } = await withAdmin(serve, dataDir, (admin) => admin.listTokens({}))
  assert.deepEqual(
    body.items.map(({ hostname }) => hostname),
    ['before'],
  )
})

/** What the command prints; `doctor` ends with 1 as long as nothing runs. */
function run(command: string): string {
  const line = command.replace(/^plexd-control-plane /, `${process.execPath} ${main} `)
  const { stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
  assert.equal(stderr, '', command)
  return stdout
}

/** Serves as the guide says, on a free port, and stops again. */
async function withAdmin<T>(
  serve: string,
  dataDir: string,
  use: (admin: ReturnType<typeof createAdmin>) => Promise<T>,
): Promise<T> {
  const [program, command, ...args] = serve.split(' ')
  assert.deepEqual([program, command], ['plexd-control-plane', 'serve'])
  await using child = await startProcess([
    ...args,
    ...['--listen', '127.0.0.1:0', '--stun-listen', 'off'],
  ])
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  using transport = createHttpTransport({
    baseUrl: child.url,
    caFile: join(dataDir, 'ca.crt'),
    userAgent: 'test',
  })
  const result = await use(createAdmin(transport, token))
  assert.deepEqual(await child.kill('SIGTERM'), { code: 0, signal: null })
  return result
}

function createAdmin(transport: Parameters<typeof createClient>[1], token: string) {
  return createClient(adminApi, transport, () => token)
}
