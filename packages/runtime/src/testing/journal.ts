import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { execAny } from '../process/exec.ts'
import { until } from './until.ts'

const journald = '/lib/systemd/systemd-journald'

/** A journald with a /run of its own, which the machine's programs do not see. */
export interface TestJournal extends AsyncDisposable {
  /** Arguments of journalctl that say where it is, for who is outside. */
  place: readonly string[]
  /** A command that runs another one where the journal is that of the machine. */
  inside: readonly string[]
  /** Logs lines as a program of that name. */
  say(text: string, program: string, priority?: string): Promise<void>
  /** By logger(1), as a warning. */
  log(text: string, tag: string): Promise<void>
}

/** Why there can be none, for the `skip` of a test; false if there can. */
export function journalSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, for a journal of its own'
  if (!existsSync(journald)) return 'needs systemd-journald'
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/run'])
  return status !== 0 && 'needs mounts of its own (CAP_SYS_ADMIN)'
}

export async function openJournal(): Promise<TestJournal> {
  const script = `mount -t tmpfs none /run && mkdir -p /run/systemd/journal && exec ${journald}`
  const child = spawn(
    'unshare',
    ['--mount', '--', 'setpriv', '--pdeathsig', 'KILL', '--', 'sh', '-c', script],
    { stdio: 'ignore' },
  )
  const root = `/proc/${child.pid}/root/run`
  await until(
    'journald',
    () => existsSync(`${root}/systemd/journal/stdout`) && existsSync(`${root}/log/journal`),
  )
  const [machine = ''] = await until('the journal', () => {
    const found = readdirSync(`${root}/log/journal`)
    return found.length > 0 && found
  })
  const inside = ['nsenter', '--target', String(child.pid), '--mount', '--'] as const
  return {
    inside,
    place: [`--directory=${root}/log/journal/${machine}`],
    async say(input, program, priority = 'info') {
      const options = [`--identifier=${program}`, `--priority=${priority}`, '--level-prefix=false']
      await execAny([...inside, 'systemd-cat', ...options, 'cat'], { input })
    },
    async log(text, tag) {
      const to = ['--socket', '/run/systemd/journal/dev-log', '--tag', tag]
      await execAny([...inside, 'logger', ...to, '--priority', 'user.warning', '--', text])
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
