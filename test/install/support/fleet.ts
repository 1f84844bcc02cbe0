import assert from 'node:assert/strict'
import { untilAllPing } from '../../../scripts/laboratory/probes.ts'
import type { Machine } from './machines.ts'

/** A control plane and its nodes, each a Debian of its own. */
export interface Fleet {
  readonly control: Machine
  readonly nodes: readonly FleetNode[]
  /** As the first operator, on the control plane's machine; resolves to what it prints. */
  plexctl(line: string): Promise<string>
  /** Until each of the nodes answers each other over the mesh. */
  untilMeshed(): Promise<void>
}

export interface FleetNode extends Machine {
  readonly meshIp: string
}

/** The name of the machine of the control plane. */
export const controlName = 'cp.example.com'

/** Installs packages that lie in a folder that the machines see, and joins, as the guides say. */
export async function installFleet(
  control: Machine,
  machines: readonly Machine[],
  { folder, config }: { folder: string; config: string },
): Promise<Fleet> {
  await installControlPlane(control, folder)
  const plexctl = (line: string): Promise<string> => control.run(`plexctl ${line}`)
  const nodes = await Promise.all(
    machines.map(async (machine) => {
      await machine.run(`apt install --yes ${folder}/plexd_*.deb`)
      await machine.run('cat >>/etc/plexd/config.yaml', config)
      const meshIp = await setUp(machine, await plexctl('token create --join'))
      return Object.assign(machine, { meshIp })
    }),
  )
  async function untilMeshed(): Promise<void> {
    for (const { network } of nodes)
      await untilAllPing(
        network,
        nodes.map(({ meshIp }) => meshIp),
        60_000,
      )
  }
  return { control, nodes, plexctl, untilMeshed }
}

async function installControlPlane({ run }: Machine, folder: string): Promise<void> {
  await run(`apt install --yes ${folder}/plexd-control-plane_*.deb`)
  const settings = `public_url: https://${controlName}:8443\ntls_san: [${controlName}]\n`
  await run('cat >>/etc/plexd/control-plane.yaml', settings)
  await run('systemctl enable --now plexd-control-plane')
}

/** Resolves to its mesh address. */
async function setUp({ name, run }: Machine, join: string): Promise<string> {
  await run('umask 077; cat >/run/join', join)
  const told = await run('plexd setup --yes --join-file /run/join')
  assert.match(told, /^service: plexd.service is started, now and at every boot$/m)
  assert.ok(told.endsWith(`\nnext: plexctl node show ${name} (where plexctl is)\n`), told)
  assert.equal(await run('ls /run/join 2>/dev/null || systemctl is-enabled plexd'), 'enabled\n')
  const [, meshIp = ''] = /^mesh_ip: (.+)$/m.exec(told) ?? []
  return meshIp
}
