import assert from 'node:assert/strict'
import { copyFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort, until } from '@plexd/runtime/testing'
import {
  type ControlPlaneProcess,
  startControlPlaneProcess,
} from '../../scripts/programs/control-plane.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { commandsOf } from '../support/guide.ts'
import { createRandom } from '../support/random.ts'
import { allTrust, callAdmin, startChanging, startFleet } from './installation.ts'

const count = Number(process.env.PLEXD_MOVE_AGENTS ?? 12)
const seed = Number(process.env.PLEXD_KILL_SEED ?? Date.now() % 1_000_000)
/** At how many of the four commands that change something the control plane is killed. */
const kills = Number(process.env.PLEXD_MOVE_KILLS ?? 1)
const patienceMs = 180_000

it(`${count} agents lose neither their control plane nor a change while its authority is replaced and it moves, as the guides say`, {
  timeout: 600_000,
}, async (t) => {
  // The last command of each is for a node that was left behind.
  const replacing = (await commandsOf('replace-the-authority')).slice(0, -1)
  const moving = (await commandsOf('move-the-control-plane')).slice(0, -1)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'plexd-move-'))
  await using old = await startControlPlaneProcess(folder.path)
  await using operator = openOperator(t, old, join(folder.path, 'new'))
  operator.killAt([...replacing, ...moving])
  await using fleet = await startFleet(folder.path, old, count)
  const ids = fleet.agents.map((one) => one.agent().nodeId)
  const changing = startChanging(operator.plane)
  const status = async () => await callAdmin(operator.plane(), (admin) => admin.getMove({}))

  for (const line of replacing) {
    if (line === 'plexctl authority status')
      await until('all trust the next authority', () => allTrust(operator.plane()), patienceMs, 250)
    await operator.type(line)
  }

  for (const line of moving) {
    const hasMoved = operator.plane() !== old
    if (line === 'plexctl move status' && hasMoved)
      await until(
        'all are there',
        async () => (await status()).there_count === count,
        patienceMs,
        250,
      )
    else if (line === 'plexctl move status')
      await until('all know', async () => (await status()).told_count === count, patienceMs, 250)
    await operator.type(line)
  }

  await changing.end()
  assert.ok(changing.acknowledged.size > 0)
  const wanted = await callAdmin(operator.plane(), (admin) =>
    admin.listData({ query: { limit: '100' } }),
  )
  const versions = new Map(wanted.items.map(({ key, version }) => [key, version]))
  for (const [key, version] of changing.acknowledged)
    assert.ok((versions.get(key) ?? 0) >= version, `"${key}" is of version ${versions.get(key)}`)
  for (const one of fleet.agents)
    await until(
      'it has every change',
      () => one.agent().status().counts.data === versions.size,
      patienceMs,
    )
  const { items } = await callAdmin(operator.plane(), (admin) =>
    admin.listNodes({ query: { limit: '1000' } }),
  )
  assert.deepEqual(items.map(({ id }) => id).sort(), ids.toSorted())
  assert.deepEqual([...new Set(fleet.agents.map((one) => one.url()))], [operator.plane().url])
  assert.deepEqual([...new Set(fleet.agents.flatMap((one) => one.agent().status().problems))], [])
})

/** Types what a guide says, on either host. */
function openOperator(t: TestContext, old: ControlPlaneProcess, newFolder: string) {
  const random = createRandom(seed)
  const killed = new Set<string>()
  let plane = old
  let newUrl = ''

  const here = (line: string): string[] =>
    line
      .replaceAll('https://new.example.com:8443', newUrl)
      .replaceAll('/var/lib/plexd-control-plane', join(newFolder, 'control-plane'))
      .replaceAll('/var/backups/plexd', join(newFolder, '..'))
      .replace(/ backup create\b/, `$& --data-dir ${old.dataDir}`)
      .replace(/ > \S+$/, '')
      .split(' ')
      .slice(1)

  async function type(line: string): Promise<void> {
    newUrl ||= `https://127.0.0.1:${await freePort()}`
    // Folders of the packages, a token that this operator has kept, and a look that others test.
    if (/^install |admin-token reset$| doctor$/.test(line)) return
    const args = here(line)
    if (line.startsWith('systemctl disable')) return await old.end()
    if (line.startsWith('systemctl enable')) {
      plane = await startControlPlaneProcess(newFolder, {
        listen: new URL(newUrl).host,
        args: ['--tls-san', '127.0.0.1', '--public-url', newUrl],
      })
      return
    }
    const name = line.startsWith('plexctl ') ? 'plexctl' : 'control-plane'
    const run = () => runProgram(name, args, plane.environment)
    if (killed.delete(line)) await killDuring(line, run)
    const { code, stderr } = await run()
    assert.equal(code, 0, `${line}: ${stderr}`)
    // The operator has kept the token, which is in no backup.
    if (line.includes(' restore '))
      await copyFile(old.adminTokenFile, join(newFolder, 'control-plane/admin-token'))
  }

  async function killDuring(line: string, run: () => Promise<{ code: number }>): Promise<void> {
    const kill = delay(random.below(500)).then(() => plane.end('SIGKILL'))
    const [{ code }] = await Promise.all([run(), kill])
    t.diagnostic(`PLEXD_KILL_SEED=${seed}: killed at "${line}", which ended with ${code}`)
    await plane.start()
  }

  return {
    plane: () => plane,
    type,
    killAt(lines: readonly string[]) {
      const steps = lines.filter((line) =>
        /^plexctl \w+ (prepare|activate|retire|announce)\b/.test(line),
      )
      assert.equal(steps.length, 4)
      while (killed.size < Math.min(kills, steps.length))
        killed.add(steps[random.below(steps.length)] ?? '')
    },
    [Symbol.asyncDispose]: () => plane.end(),
  }
}
