import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { adminApi, createClient } from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { startProcess } from '../testing/child.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

const guide = join(import.meta.dirname, '../../../../docs/guides/back-up.md')
const main = join(import.meta.dirname, '../main.ts')

it('the guide to backups brings back what was there before the backup, while the control plane ran on', async (t) => {
  if (spawnSync('age', ['--version']).error) return t.skip('age is not installed')
  await using folder = await makeTemporaryFolder()
  const dataDir = join(folder.path, 'data')
  let recipient = ''
  const here = (text: string): string =>
    text
      .replaceAll('/var/lib/plexd-control-plane', dataDir)
      .replaceAll('/var/backups/plexd', folder.path)
      .replaceAll('-o plexd-control-plane', `-o ${process.getuid?.()}`)
      .replaceAll(/\b(backup|master)\.key/g, join(folder.path, '$1.key'))
      .replaceAll('age1...', recipient)
  const text = await readFile(guide, 'utf8')
  const [
    makeKey = '',
    makeFolder = '',
    create = '',
    verify = '',
    look = '',
    makeHome = '',
    restore = '',
    makeToken = '',
    examine = '',
    start = '',
    follow = '',
    ...more
  ] = text.match(/(?<=^ {4}).*$/gm) ?? []
  assert.deepEqual(more, [])
  // A node's, which has its own tests.
  assert.match(follow, /^plexd up --api \S+ --ca-file \S+$/)
  // The operator has kept his.
  assert.equal(makeToken, 'plexd-control-plane admin-token reset')
  assert.equal(start, 'systemctl enable --now plexd-control-plane')
  const run = (command: string): string => runLine(here(command), dataDir)

  recipient = /age1\w+/.exec(run(`${makeKey} 2>&1`))?.[0] ?? ''
  await withAdmin(dataDir, async (admin) => {
    await admin.createToken({ body: { hostname: 'before' } })
    run(makeFolder)
    run(create)
    await admin.createToken({ body: { hostname: 'behind' } })
  })
  await copyFile(join(dataDir, 'master.key'), join(folder.path, 'master.key'))
  assert.match(run(verify), /can be restored[\s\S]*The master key opens it\./)
  assert.match(run(look), / control-plane\.db\n/)
  // The machine is lost; the operator has kept his token.
  await rename(dataDir, join(folder.path, 'lost'))
  run(makeHome)
  assert.match(run(restore), /^restored to [\s\S]*\nNext:\n/)
  await copyFile(join(folder.path, 'lost/admin-token'), join(dataDir, 'admin-token'))
  const states = new Map<string, string>()
  for (const { check, state } of JSON.parse(run(`${examine} --json`))) states.set(check, state)
  assert.deepEqual([states.get('database'), states.get('master key')], ['ok', 'ok'])
  const { body } = await withAdmin(dataDir, (admin) => admin.listTokens({}))
  assert.deepEqual(
    body.items.map(({ hostname }) => hostname),
    ['before'],
  )

  const [settings = ''] = /(?<=```yaml\n)backup_folder[\s\S]*?(?=```)/.exec(text) ?? []
  const file = join(folder.path, 'control-plane.yaml')
  await writeFile(file, here(settings))
  assert.match(run(`plexd-control-plane config check ${file}`), /\S/)
})

/** What the command prints; `doctor` ends with 1 as long as nothing runs. */
function runLine(command: string, dataDir: string): string {
  const line = command.replace(/^plexd-control-plane /, `${process.execPath} ${main} `)
  const { stdout, stderr } = spawnSync('sh', ['-c', line], {
    encoding: 'utf8',
    // The packages' settings file, by which commands find it, is this here.
    env: { ...process.env, PLEXD_CP_DATA_DIR: dataDir },
  })
  assert.equal(stderr, '', command)
  return stdout
}

/** Serves on a free port, in place of the service, and stops again. */
async function withAdmin<T>(
  dataDir: string,
  use: (admin: ReturnType<typeof createAdmin>) => Promise<T>,
): Promise<T> {
  const listen = ['--listen', '127.0.0.1:0', '--stun-listen', 'off']
  await using child = await startProcess(['--data-dir', dataDir, ...listen])
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
