import './support/as-single-files.ts'
import assert from 'node:assert/strict'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  controlApi,
  createClient,
  localApi,
  type Session,
  type TelemetryRecord,
} from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { freePort, until } from '@plexd/runtime/testing'
import { runProgram } from '../../scripts/programs/program.ts'
import { openSessionSystem, sessionSkip } from '../sessions/support/session-system.ts'

/** What a single file does in another way than a bundle: it has no files beside it, and starts itself and its threads from within. */
describe('the programs as single files', { skip: sessionSkip }, () => {
  const sessions = openSessionSystem()
  const { system } = sessions
  const plexctl = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await sessions.plexctl(args)
    assert.equal(code, 0, `plexctl ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  it('are what runs, and find nothing that a machine lacks but what it does lack', async () => {
    const { controlPlane } = system
    for (const { pid } of [controlPlane.program(), sessions.agent().program()])
      assert.match(await readlink(`/proc/${pid}/exe`), /\/plexd(-control-plane)?$/)
    const { socket } = sessions.agent()
    for (const [name, args] of [
      ['plexd', ['doctor', '--socket', socket, '--json']],
      ['control-plane', ['doctor', '--data-dir', controlPlane.dataDir, '--json']],
    ] as const) {
      const { stdout, stderr } = await runProgram(name, args)
      assert.deepEqual([stderr, stdout.includes('cannot be checked')], ['', false], stdout)
      assert.ok(Array.isArray(JSON.parse(stdout)) || stdout.startsWith('{'), stdout)
    }
  })

  it('give a node its secrets', async () => {
    const file = join(system.folder, 'value')
    await writeFile(file, 'to be kept')
    await plexctl('secret', 'put', 'db', '--node', 'web-01', '--file', file)
    const local = createClient(localApi, createUnixTransport(sessions.agent().socket))
    const { body } = await until('the secret', () =>
      local.getSecretValue({ params: { key: 'db' } }).catch(() => false as const),
    )
    assert.equal(body.value, 'to be kept')
  })

  it('parse large bodies on a thread, and search telemetry on another', async () => {
    const node = await system.enrol('scripted')
    const line = (index: number) => ({
      timestamp: new Date().toISOString(),
      level: 'info',
      message: `line ${index} ${'x'.repeat(80)}`,
    })
    const body = Array.from({ length: 500 }, (_, index) => line(index))
    const { status, text } = await node.call(controlApi.sendLogs, { body })
    assert.ok(status < 300, text)
    const found = await until('the lines', async () => {
      const text = await plexctl('logs', 'scripted', '--grep', 'line 42 ', '--json')
      return text !== '' && (JSON.parse(text.split('\n')[0] ?? '') as TelemetryRecord)
    })
    assert.match((found.record as { message: string }).message, /^line 42 /)
    const threads = await threadsOf(system.controlPlane.program().pid)
    assert.equal(threads.filter((name) => name === 'WorkerThread\n').length, 2, `${threads}`)
  })

  it('load the client of an artifact store from within', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' })
    const store = `s3://files?endpoint=http://127.0.0.1:${await freePort()}`
    const { dataDir } = system.controlPlane
    const args = ['doctor', '--data-dir', dataDir, '--artifact-store', store]
    const { stdout, stderr } = await runProgram('control-plane', args)
    assert.match(stdout, /"s3:\/\/files": it does not answer: .*ECONNREFUSED/, stderr)
  })

  it('open a session, and record it', async () => {
    const ran = await sessions.plexctl(['ssh', '-t', 'deploy@web-01', '--', 'echo seen; exit 7'])
    assert.deepEqual([ran.code, ran.stdout], [7, 'seen\r\n'], ran.stderr)
    const { items } = JSON.parse(await plexctl('session', 'list', '--json')) as { items: Session[] }
    const played = await until('the recording', async () => {
      const { stdout } = await sessions.plexctl(['session', 'play', items[0]?.id ?? ''])
      return stdout !== '' && stdout
    })
    assert.match(played, /seen\r\n/)
  })
})

/** Names of the threads of a process. */
async function threadsOf(pid: number): Promise<string[]> {
  const ids = await readdir(`/proc/${pid}/task`)
  return Promise.all(ids.map((id) => readFile(`/proc/${pid}/task/${id}/comm`, 'utf8')))
}
