import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startJanitor } from '../programs/janitor.ts'
import { makeNamespace, type Namespace, ownPrefix, sweepNamespaces } from './namespace.ts'
import { type NatKind, natRules } from './nat.ts'
import { runStunServer } from './stun-server.ts'

/** A machine of the laboratory. Its interface is named `eth0`. */
export interface Host extends Omit<Namespace, keyof AsyncDisposable> {
  /** Without prefix length. */
  readonly address: string
}

/** A machine with hosts behind it; its interface to the public network is named `wan`. */
export interface Router extends Host {
  readonly nat: NatKind
}

export interface StunServer extends Host {
  /** It answers on both addresses, ports 3478 and 3479, as RFC 5780 requires. */
  readonly addresses: readonly [string, string]
}

/**
 * Networks on this one machine: hosts on a public network, or behind routers with NAT, separate from the machine's own
 * network. They are removed with all processes in them when disposed, or when this process ends.
 *
 *     await using lab = await createLab()
 *     const home = await lab.router('home', 'symmetric')
 *     const laptop = await lab.host('laptop', { behind: home })
 *     const server = await lab.host('server')
 *     await ping(laptop, server.address)
 */
export interface Lab extends AsyncDisposable {
  /** For files that are removed with it. */
  readonly folder: string
  /** The public network itself: all packets between its hosts pass through it. */
  readonly internet: Namespace
  host(name: string, options?: { behind?: Router }): Promise<Host>
  router(name: string, nat: NatKind): Promise<Router>
  /** A coturn. */
  stunServer(name?: string): Promise<StunServer>
  /** Gives a host another address in its network; resolves to the host with the new one. */
  move(host: Host): Promise<Host>
}

export async function createLab(): Promise<Lab> {
  await sweepNamespaces()
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'plexdlab-'))
  stack.use(startJanitor({ folder, namespaces: ownPrefix }))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  try {
    return await openLab(stack, folder)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function openLab(stack: AsyncDisposableStack, folder: string): Promise<Lab> {
  const make = async (label: string): Promise<Namespace> =>
    stack.use(await makeNamespace(label, folder))

  const internet = {
    namespace: await make('internet'),
    range: '203.0.113',
    prefixLength: 32,
    used: 0,
  }
  await forwardPackets(internet.namespace)
  const networks = new Map<Router, Network>()
  const whereabouts = new Map<string, { network: Network; port: string }>()

  async function settle(namespace: Namespace, network: Network, name: string): Promise<string> {
    const address = nextAddress(network)
    const port = `to${network.used}`
    await connect(namespace, network, { address, port, name })
    whereabouts.set(namespace.name, { network, port })
    return address
  }

  async function host(name: string, { behind }: { behind?: Router } = {}): Promise<Host> {
    const network = behind ? networks.get(behind) : internet
    if (!network) throw new Error(`host "${name}": its router is of another laboratory`)
    const namespace = await make(name)
    return { ...namespace, address: await settle(namespace, network, 'eth0') }
  }

  async function router(name: string, nat: NatKind): Promise<Router> {
    const namespace = await make(name)
    const address = await settle(namespace, internet, 'wan')
    const range = `192.168.${networks.size + 1}`
    const network = { namespace, range, prefixLength: 24, used: 0 }
    await forwardPackets(namespace)
    const rules = natRules(nat, { wan: address, inside: `${network.range}.1` })
    await namespace.exec(['nft', '-f', '-'], { input: rules })
    const made = { ...namespace, address, nat }
    networks.set(made, network)
    return made
  }

  async function stunServer(name = 'stun'): Promise<StunServer> {
    const made = await host(name)
    const second = nextAddress(internet)
    const port = whereabouts.get(made.name)?.port
    await internet.namespace.ip([`route add ${second}/32 dev ${port}`])
    await made.ip([`address add ${second}/32 dev eth0`])
    const addresses = [made.address, second] as const
    await runStunServer(made, addresses)
    return { ...made, addresses }
  }

  async function move(moving: Host): Promise<Host> {
    const place = whereabouts.get(moving.name)
    if (!place) throw new Error(`move "${moving.name}": it is not of this laboratory`)
    const { network, port } = place
    const address = nextAddress(network)
    await network.namespace.ip([
      `route add ${address}/32 dev ${port}`,
      `route delete ${moving.address}/32 dev ${port}`,
    ])
    await moving.ip([
      addressLine('add', address, network, 'eth0'),
      addressLine('delete', moving.address, network, 'eth0'),
      ...routesOf(network, 'eth0').map((line) => line.replace('route add', 'route replace')),
    ])
    return { ...moving, address }
  }

  return {
    folder,
    internet: internet.namespace,
    host,
    router,
    stunServer,
    move,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Hosts joined by a router, which has address `<range>.254` towards each of them. */
interface Network {
  namespace: Namespace
  range: string
  /** Of the hosts' addresses: 24 where they are neighbours, 32 where they are not. */
  prefixLength: number
  used: number
}

function nextAddress(network: Network): string {
  network.used++
  return `${network.range}.${network.used}`
}

/** A veth pair for each host, because not every kernel has bridges. */
async function connect(
  namespace: Namespace,
  network: Network,
  { address, port, name }: { address: string; port: string; name: string },
): Promise<void> {
  const router = network.namespace
  await router.ip([
    `link add ${port} type veth peer name ${name} netns ${namespace.name}`,
    `address add ${network.range}.254/32 dev ${port}`,
    `link set ${port} up`,
    `route add ${address}/32 dev ${port}`,
  ])
  await namespace.ip([
    addressLine('add', address, network, name),
    `link set ${name} up`,
    ...routesOf(network, name),
  ])
}

/** A host reaches even its neighbours through the router, because each has a veth pair of its own. */
function addressLine(
  verb: 'add' | 'delete',
  address: string,
  { prefixLength }: Network,
  name: string,
): string {
  const line = `address ${verb} ${address}/${prefixLength} dev ${name}`
  return verb === 'add' ? `${line} noprefixroute` : line
}

function routesOf({ range }: Network, name: string): string[] {
  return [
    `route add ${range}.254/32 dev ${name} scope link`,
    `route add default via ${range}.254 dev ${name}`,
  ]
}

async function forwardPackets({ exec }: Namespace): Promise<void> {
  await exec(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0'])
}
