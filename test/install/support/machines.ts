import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execAny } from '@plexd/runtime'
import { createLab, type Lab } from '../../../scripts/laboratory/lab.ts'
import type { Namespace } from '../../../scripts/laboratory/namespace.ts'
import { type BootedDebian, bootDebian } from './booted-debian.ts'
import { type ImageKind, unpackDebian } from './debian-image.ts'

/** A Debian on the public network of a laboratory. */
export interface Machine extends BootedDebian {
  readonly name: string
  readonly address: string
  /** Runs programs of this machine in its network. */
  readonly network: Pick<Namespace, 'exec' | 'spawn'>
}

export interface Machines extends AsyncDisposable {
  readonly lab: Lab
  /** The root that all of them have in common, to be changed before the first one is booted. */
  readonly image: string
  /** A folder of this machine that all of them see as `seen`. */
  readonly shared: string
  /** Boots one; `prepare` is called with the folder that lies over the image. */
  boot(name: string, prepare?: (upper: string) => Promise<void>): Promise<Machine>
}

/** Where machines see `shared`. */
export const seen = '/srv/shared'

export interface MachinesOptions {
  kind?: ImageKind
  /** Addresses in the network of the laboratory by the names under which machines know them, their own too. */
  names: Readonly<Record<string, string>>
}

export async function openMachines(options: MachinesOptions): Promise<Machines> {
  const { kind = 'minimal', names } = options
  await using stack = new AsyncDisposableStack()
  const lab = stack.use(await createLab())
  const image = join(lab.folder, 'image')
  const shared = join(lab.folder, 'shared')
  await mkdir(shared)
  await unpackDebian(image, kind)
  const plug = createCables(lab.internet)
  const hosts = Object.entries(names).map(([name, address]) => `${address} ${name}\n`)
  const machines = stack.move()

  async function boot(name: string, prepare?: (upper: string) => Promise<void>): Promise<Machine> {
    const address = names[name]
    if (address === undefined) throw new Error(`boot "${name}": it has no address`)
    const root = join(lab.folder, 'machines', name)
    const etc = join(root, 'upper/etc')
    await mkdir(etc, { recursive: true })
    await writeFile(join(etc, 'hostname'), `${name.split('.')[0]}\n`)
    await writeFile(join(etc, 'hosts'), `127.0.0.1 localhost\n${hosts.join('')}`)
    await prepare?.(join(root, 'upper'))
    const onBoot = (pid: number): Promise<void> => plug(pid, address)
    const debian = await bootDebian(root, { over: image, sees: { [shared]: seen }, onBoot })
    return machines.use(Object.assign(debian, { name, address, network: networkOf(debian) }))
  }

  return { lab, image, shared, boot, [Symbol.asyncDispose]: () => machines.disposeAsync() }
}

function networkOf({ pid }: BootedDebian): Machine['network'] {
  const enter = (): [string, ...string[]] => ['nsenter', '-t', `${pid()}`, '-n']
  return {
    exec: (command, options) => execAny([...enter(), ...command], options),
    spawn: (command, env = {}) => {
      const [first = '', ...rest] = [...enter(), ...command]
      return spawn(first, rest, { env: { ...process.env, ...env } })
    },
  }
}

/** Plugs a machine in at each of its boots: it has a new network then, as after a power cut. */
function createCables(internet: Namespace): (pid: number, address: string) => Promise<void> {
  const router = '203.0.113.254'
  let used = 0
  return async (pid, address) => {
    used++
    const port = `cable${used}`
    await internet.ip([
      `link add ${port} type veth peer name eth0 netns ${pid}`,
      `address add ${router}/32 dev ${port}`,
      `link set ${port} up`,
      `route replace ${address}/32 dev ${port}`,
    ])
    const lines = [
      'link set lo up',
      `address add ${address}/32 dev eth0 noprefixroute`,
      'link set eth0 up',
      `route add ${router}/32 dev eth0 scope link`,
      `route add default via ${router} dev eth0`,
    ]
    const input = `${lines.join('\n')}\n`
    await execAny(['nsenter', '-t', `${pid}`, '-n', 'ip', '-batch', '-'], { input })
  }
}
