import { spawn } from 'node:child_process'
import { chmod, chown, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before } from 'node:test'
import type { AgentProcess } from '../../../scripts/programs/agent.ts'
import { commandOf, type Output, runProgram } from '../../../scripts/programs/program.ts'
import { openSystem } from '../../support/open-system.ts'
import { follow, type Started } from '../../support/started.ts'
import type { System } from '../../support/system.ts'

/** A control plane and a node without a mesh, on which there are users of its own. */
export interface SessionSystem {
  system: System
  /** Of the user `deploy`. */
  home: string
  agent(): AgentProcess
  /** In which plexctl finds the control plane, and has a folder of its own. */
  environment(): Record<string, string>
  plexctl(args: readonly string[], stdin?: string): Promise<Output>
  /** Left running; its output is collected. */
  start(args: readonly string[]): Started
}

/** Why there can be none, for the `skip` of a test. */
export const sessionSkip = process.getuid?.() !== 0 && 'needs root, to become other users'

/** A number that no user of the machine has. */
const uid = 54_321

/** Starts one before the first test of the `describe` that calls this, and ends it after the last. */
export function openSessionSystem(): SessionSystem {
  const system = openSystem()
  const opened = { system } as SessionSystem // filled before the first test
  before(async () => {
    await chmod(system.folder, 0o711)
    const home = join(system.folder, 'deploy')
    await mkdir(home)
    await chown(home, uid, uid)
    const agent = await system.startAgent('web-01', {
      prefix: await withUsers(system.folder, home),
    })
    Object.assign(opened, { home, agent: () => agent })
  })
  const environment = () => ({
    ...system.controlPlane.environment,
    XDG_CONFIG_HOME: join(system.folder, 'config'),
  })
  opened.environment = environment
  opened.plexctl = (args, stdin) => runProgram('plexctl', args, environment(), stdin)
  opened.start = (args) => startPlexctl(args, environment())
  return opened
}

/** The node's own lists of users, which nobody else of this machine sees. */
async function withUsers(folder: string, home: string): Promise<string[]> {
  const passwd = join(folder, 'passwd')
  const shadow = join(folder, 'shadow')
  await copyFile('/etc/passwd', passwd)
  await writeFile(shadow, 'root:*:19000::::::\n', { mode: 0o600 })
  const add = async (name: string, secret: string, expires: string): Promise<void> => {
    await writeFile(passwd, `${name}:x:${uid}:${uid}::${home}:/bin/sh\n`, { flag: 'a' })
    await writeFile(shadow, `${name}:${secret}:19000:::::${expires}:\n`, { flag: 'a' })
  }
  await add('deploy', '*', '')
  await add('locked', '!', '')
  await add('expired', '*', '1')
  const script =
    'mount --bind "$0" /etc/passwd && mount --bind "$1" /etc/shadow && shift && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, passwd, shadow]
}

function startPlexctl(args: readonly string[], env: Readonly<Record<string, string>>): Started {
  const [command = '', ...rest] = commandOf('plexctl', args)
  return follow(spawn(command, rest, { env: { ...process.env, ...env }, stdio: 'pipe' }))
}
