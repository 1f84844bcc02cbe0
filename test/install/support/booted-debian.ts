import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@plexd/runtime/testing'
import { cache } from '../../../scripts/programs/build.ts'
import { type Output, runToEnd } from '../../../scripts/programs/program.ts'

/** Those that a machine has before plexd comes: with them, no test needs the network. */
const packages =
  'systemd,systemd-sysv,dbus,passwd,wireguard-tools,nftables,iproute2,wireguard-go,libatomic1,libstdc++6'

/** Why there can be none here, if so. */
export async function whyNoDebian(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root'
  for (const [tool, from] of [
    ['systemd-nspawn', 'systemd-container'],
    ['mmdebstrap', 'mmdebstrap'],
  ])
    if ((await runToEnd('sh', ['-c', `command -v ${tool}`])).code !== 0)
      return `it needs ${tool}: apt-get install ${from}`
  return existsSync('/dev/net/tun') ? undefined : 'it needs /dev/net/tun'
}

/** A Debian 12 in a folder of its own; the first makes an archive for the next ones, from the network. */
export async function unpackDebian(root: string): Promise<void> {
  const archive = join(cache, 'bookworm.tar')
  if (!existsSync(archive)) {
    await mkdir(cache, { recursive: true })
    const draft = `${archive}.${process.pid}.tar`
    const form = ['--variant=minbase', `--include=${packages}`]
    await orThrow(runToEnd('mmdebstrap', [...form, 'bookworm', draft]))
    await rename(draft, archive)
  }
  await mkdir(root, { recursive: true })
  await orThrow(runToEnd('tar', ['-C', root, '--exclude=./dev/*', '-xf', archive]))
}

export interface BootedDebian extends AsyncDisposable {
  /** Runs a line of shell in it, and resolves to what it printed; rejects unless it ends with 0. */
  run(line: string): Promise<string>
}

/** systemd as process 1, with a network of its own. */
export async function bootDebian(root: string): Promise<BootedDebian> {
  const child = spawn(
    'systemd-nspawn',
    [
      ...['--quiet', '--boot', '--register=no', '--keep-unit', '--private-network'],
      ...['--bind=/dev/net/tun', '--capability=all', '--console=pipe', '-D', root],
    ],
    { stdio: 'ignore' },
  )
  const pid = await until('process 1 of the container', () => childOf(child))
  const enter = ['-t', `${pid}`, ...'-m -u -i -n -p -C'.split(' ')]
  const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8']
  const attempt = (line: string): Promise<Output> =>
    runToEnd('nsenter', [...enter, ...env, 'bash', '-c', line])
  const isUp = async (): Promise<boolean> =>
    /^(running|degraded)$/m.test((await attempt('systemctl is-system-running')).stdout)
  await until('a machine that has booted', isUp, 60_000, 200)
  return {
    run: (line) => orThrow(attempt(line), line),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const hasEnded = () => child.exitCode !== null || child.signalCode !== null
      await until('a machine that is off', hasEnded, 30_000).catch(() => child.kill('SIGKILL'))
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** nspawn starts others before, which end. */
function childOf({ pid }: ChildProcess): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`
  const children = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
  const found = children.find(
    (one) =>
      one !== '' && /^\S*\/(systemd|init)\0/.test(readFileSync(`/proc/${one}/cmdline`, 'utf8')),
  )
  return found === undefined ? undefined : Number(found)
}

export async function orThrow(running: Promise<Output>, what = ''): Promise<string> {
  const { code, stdout, stderr } = await running
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stdout}${stderr}`)
  return stdout
}
