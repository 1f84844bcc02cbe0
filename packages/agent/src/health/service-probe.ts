import {
  type Client,
  createClient,
  type DaemonStatus,
  type LocalApi,
  localApi,
} from '@plexd/protocol'
import { createUnixTransport, type ServiceProbe } from '@plexd/runtime'
import type { Static } from 'typebox'

type Status = Static<typeof DaemonStatus>

/** Asks by the Local Node API, as the programs of this machine do. `pid` is the daemon's: an earlier one may still answer there. */
export function probeSocket(socketPath: string, pid: () => number | undefined): ServiceProbe {
  const client: Client<LocalApi> = createClient(localApi, createUnixTransport(socketPath))
  return async (signal) => {
    const { body } = await client.getStatus({ signal })
    if (body.pid !== pid()) throw new Error(`process ${body.pid} answers at "${socketPath}"`)
    return describeService(body)
  }
}

/** For `systemctl status`, on one line. */
export function describeService(status: Status): string {
  const { version, hostname, node_id, control_plane, mesh, problems } = status
  const [problem, ...more] = problems
  const facts = [
    node_id === '' ? 'not registered yet' : `${hostname} (${node_id})`,
    `event stream ${control_plane.stream}`,
    ...(mesh.enabled ? [`${mesh.peers} ${mesh.peers === 1 ? 'peer' : 'peers'}`] : ['no mesh']),
    ...(status.upgrade?.status === 'on_trial' ? [`version ${version} is on trial`] : []),
    ...(status.needs_restart ? [`the next start changes ${status.needs_restart.join(' ')}`] : []),
    ...(problem === undefined ? [] : [`${countOf(more.length + 1)}: ${problem}`]),
  ]
  return facts.join(', ')
}

function countOf(problems: number): string {
  return problems === 1 ? 'a problem' : `${problems} problems, the first`
}
