import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { OpenedSession } from '@plexd/agent'
import { builtPrograms, compileCache, nodeFlags } from '../../scripts/programs/build.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { medianOf } from '../scenarios/figures.ts'
import { timeOf } from './mesh-device.ts'

const run = promisify(execFile)

/** Both speak to one client, with one cipher. */
const cipher = 'aes128-gcm@openssh.com'

/** Copies out of a node over a session, and over a plain sshd beside it, by the same client. */
export const sessionCopy: Bench = {
  name: 'session-copy',
  targets: [],
  summary: '1 GB out of a node by a command and by sftp, over a session and over a plain sshd',
  async run(context) {
    if (process.getuid?.() !== 0) return context.note('not run: sessions need root')
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    stack.defer(() => rm(folder, { recursive: true }))
    const bytes = context.quick ? 16 * 1024 * 1024 : 1024 * 1024 * 1024
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id')])
    await run('truncate', ['-s', String(bytes), join(folder, 'file')])
    const server = stack.use(await startServer(folder))
    const plain = existsSync('/usr/sbin/sshd') ? stack.use(await startSshd(folder)) : undefined
    if (!plain) context.note('no plain sshd beside it: apt-get install openssh-server')

    for (const way of ['a command', 'sftp'] as const) {
      const rates = { session: [] as number[], plain: [] as number[] }
      for (let round = 0; round < (context.rounds ?? (context.quick ? 1 : 3)); round++) {
        const place = { folder, way, bytes }
        rates.session.push(await rateOf({ ...place, port: await server.open() }))
        if (plain) rates.plain.push(await rateOf({ ...place, port: plain.port }))
      }
      report(context, way, rates)
    }
    context.add({
      what: 'memory of the session server, at most',
      unit: 'MB',
      value: await server.peakMb(),
    })
  },
}

type Way = 'a command' | 'sftp'

function report(
  context: BenchContext,
  way: Way,
  { session, plain }: { session: number[]; plain: number[] },
): void {
  const ours = quantiles(session)
  context.add({
    what: `by ${way}, over a session`,
    unit: 'MB/s',
    ...medianOf(ours),
    floor:
      plain.length > 0 ? { what: 'over a plain sshd', value: quantiles(plain).median } : undefined,
  })
}

interface Copy {
  folder: string
  way: Way
  bytes: number
  port: number
}

/** In MB/s. Rejects if the copy fails. */
async function rateOf({ folder, way, bytes, port }: Copy): Promise<number> {
  const options = [
    ...['-F', 'none', '-i', join(folder, 'id'), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-o', 'LogLevel=ERROR', '-o', `Ciphers=${cipher}`, '-o', `Port=${port}`],
  ].map((word) => `'${word}'`)
  const file = join(folder, 'file')
  const command =
    way === 'sftp'
      ? `sftp ${options.join(' ')} root@127.0.0.1:${file} ${join(folder, 'copy')}`
      : `ssh ${options.join(' ')} root@127.0.0.1 cat ${file} | tail -c +${bytes} | wc -c | grep -qx 1`
  const ms = await timeOf(() => run('bash', ['-o', 'pipefail', '-c', command]))
  return bytes / 1_000 / ms
}

interface SessionServer extends AsyncDisposable {
  /** Opens a session, and returns the port at which it waits. */
  open(): Promise<number>
  peakMb(): Promise<number>
}

async function startServer(folder: string): Promise<SessionServer> {
  const { plexd } = await builtPrograms()
  const child = spawn(process.execPath, [...nodeFlags.plexd, plexd, 'session-server'], {
    env: { ...process.env, ...compileCache },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  child.send({
    ...{ type: 'settings', host_key_pem: key, mesh: { ip: '127.0.0.1', port: 0 } },
    control_plane: { url: 'https://127.0.0.1:1', node_id: 'n_1', token: 'none' },
    ...{ data_dir: folder, log_level: 'error' },
  })
  const publicKey = await readFile(join(folder, 'id.pub'), 'utf8')
  let count = 0

  async function open(): Promise<number> {
    const session_id = `bench-${++count}`
    const expires_at_ms = Date.now() + 3_600_000
    const exp = Math.floor(expires_at_ms / 1_000)
    const session: OpenedSession = {
      ...{ session_id, token: 'none', way: 'mesh', expires_at_ms, idle_timeout_ms: 600_000 },
      claims: {
        ...{ iss: 'plexsphere', sub: 'op_1', name: 'bench', email: '', node_id: 'n_1', session_id },
        ...{ login: 'root', actions: [], forward: [], shell: true, recorded: false, iat: 0, exp },
      },
      account: { name: 'root', uid: 0, gid: 0, groups: [], home: '/root', shell: '/bin/bash' },
      authorized_key: publicKey.split(' ').slice(0, 2).join(' '),
    }
    child.send({ type: 'open', session })
    for (;;) {
      const [message] = await once(child, 'message')
      if (message.session_id !== session_id) continue
      if (message.type !== 'ready') throw new Error(`open a session: ${message.detail}`)
      return Number(message.listen_addr.split(':').at(-1))
    }
  }

  return {
    open,
    async peakMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

async function startSshd(folder: string): Promise<AsyncDisposable & { port: number }> {
  await mkdir('/run/sshd', { recursive: true }) // sshd insists on it
  const hostKey = join(folder, 'host')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey])
  const port = 20_000 + (process.pid % 10_000)
  const config = join(folder, 'sshd_config')
  await writeFile(
    config,
    [
      ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${hostKey}`, 'PidFile none', 'UsePAM no'],
      ...[`AuthorizedKeysFile ${join(folder, 'id.pub')}`, 'StrictModes no'],
      ...['PermitRootLogin yes', 'Subsystem sftp /usr/lib/openssh/sftp-server', ''],
    ].join('\n'),
  )
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', config], { stdio: 'ignore' })
  while (!(await answers(port))) await delay(50)
  return {
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
