/** What is done to a fleet, and must hold then. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { parseDuration } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import { ping, startPing, untilPing } from '../../../scripts/laboratory/probes.ts'
import type { Fleet, FleetNode } from './fleet.ts'
import { seen } from './machines.ts'

/** Of 200 packets a second. */
const mayBeLost = 2

export const versionOf = async ({ run }: FleetNode): Promise<string> =>
  JSON.parse(await run('plexd status --json')).version

export async function untilOnline({ plexctl }: Fleet): Promise<void> {
  await until(
    'all nodes are online',
    async () => {
      const nodes: { status: string }[] = JSON.parse(await plexctl('node list --json'))
      return nodes.length === 3 && nodes.every(({ status }) => status === 'online')
    },
    60_000,
    500,
  )
}

const deny = `name: first
rules:
  - { from: node:web, to: node:db, protocol: icmp, action: deny }
  - { from: '*', to: '*', protocol: any, action: allow }
`

export async function keepsPolicy(
  { control, plexctl, untilMeshed }: Fleet,
  web: FleetNode,
  db: FleetNode,
) {
  await untilMeshed()
  assert.doesNotMatch(await plexctl('policy list'), /first/)
  await control.run('plexctl policy put --yes -', deny)
  await until('the policy has its effect', async () => (await ping(web.network, db.meshIp)) === 0)
  await plexctl('policy remove --yes first')
  await untilPing(web.network, db.meshIp)
}

const hook = `#!/bin/sh
set -e
echo by a hook >/usr/local/share/hooked
systemctl restart other
grep NoNewPrivs /proc/self/status
`

export async function isFree({ plexctl }: Fleet, { run }: FleetNode) {
  const unit = '[Service]\nExecStart=/bin/sleep infinity\n'
  await run('cat >/etc/systemd/system/other.service; systemctl start other', unit)
  const pid = () => run('systemctl show -p MainPID --value other')
  const old = await pid()
  await run('umask 022; cat >/tmp/hook; install -m 755 /tmp/hook /etc/plexd/hooks.d/other', hook)
  await run('until plexd hooks list | grep -w ready; do sleep 0.3; done')
  await run('plexd hooks reload')
  assert.match(await plexctl('action run web other --wait'), /NoNewPrivs:\t0/)
  assert.notEqual(await pid(), old)
  assert.equal(await run('cat /usr/local/share/hooked'), 'by a hook\n')

  const line =
    'touch /usr/local/share/hooked && systemctl is-active other && grep NoNewPrivs /proc/self/status'
  assert.match(await plexctl(`ssh root@web -- '${line}'`), /^active\r?\nNoNewPrivs:\t0/)
  await run(
    'rm /usr/local/share/hooked /etc/plexd/hooks.d/other; systemctl stop other; rm /etc/systemd/system/other.service; systemctl daemon-reload',
  )
}

export async function restarts({ plexctl }: Fleet, { run }: FleetNode) {
  const unit = () => run('systemctl show -p MainPID,NRestarts,ActiveEnterTimestampMonotonic plexd')
  const uptimeMs = async () => parseDuration(JSON.parse(await run('plexd status --json')).uptime)
  const [before, oldMs] = [await unit(), await uptimeMs()]
  await plexctl('action run web service.restart --wait')
  await until('plexd has begun anew', async () => (await uptimeMs().catch(() => oldMs)) < oldMs)
  assert.equal(await unit(), before)
}

export async function isUpgraded(t: TestContext, node: FleetNode, from: FleetNode) {
  const outliving =
    'systemctl show -p MainPID --value plexd-wireguard@plexd0; systemctl list-units --no-legend "run-*.scope"'
  const before = await node.run(outliving)
  const running = startPing(from.network, node.meshIp)
  await running.untilSent(100)
  await node.run(`apt install --yes ${seen}/1.0.1/plexd_*.deb`)
  assert.equal(await versionOf(node), '1.0.1')
  await running.untilSent(1_000)
  const { sent, received } = await running.stop()
  t.diagnostic(`${node.name}: lost ${sent - received} of ${sent}`)
  assert.ok(sent - received <= mayBeLost, `${node.name}: lost ${sent - received} of ${sent}`)
  assert.equal(await node.run(outliving), before)
}

/** The identity has stayed. */
export async function comesBack({ untilMeshed }: Fleet, { run }: FleetNode, packages: string) {
  const identity = 'cat /var/lib/plexd/identity.json'
  const before = await run(identity)
  await run('apt remove --yes plexd')
  await run(`apt install --yes ${packages}/plexd_*.deb && systemctl start plexd`)
  await untilMeshed()
  assert.equal(await run(identity), before)
}

export async function goes({ plexctl }: Fleet, { name, run }: FleetNode) {
  await run('apt remove --yes plexd')
  assert.doesNotMatch(await run('ip link; nft list tables; systemctl list-units "run-*"'), /plexd/)
  assert.match(await run('cat /var/lib/plexd/identity.json'), /"node_id"/)
  const told = await run('apt purge --yes plexd')
  const [, command = ''] = /plexctl (node remove .+)\r?\n/.exec(told) ?? []
  assert.equal(command, `node remove ${name}`)
  await plexctl(`${command} --yes`)
}
