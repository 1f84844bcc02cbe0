import { until } from '@plexd/runtime/testing'
import type { IPodSpec } from 'kubernetes-models/v1'
import type { Host } from '../../../scripts/laboratory/lab.ts'
import type { Container } from './container.ts'

type Kind = 'startupProbe' | 'readinessProbe' | 'livenessProbe'

/** Asks as a kubelet would, until it is answered; rejects with the log of the container, if that takes two minutes. */
export async function untilProbed(
  kind: Kind,
  pod: IPodSpec,
  { container, host }: { container: Container; host: Host },
): Promise<void> {
  const isAnswered = async (): Promise<boolean> => {
    if (container.hasEnded()) throw new Error(`ask the ${kind}: the container has ended`)
    return probe(kind, pod, { container, host })
  }
  await until(`the ${kind}`, isAnswered, 120_000, 200).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${(await container.log()).slice(-4_000)}`)
  })
}

async function probe(
  kind: Kind,
  pod: IPodSpec,
  { container, host }: { container: Container; host: Host },
): Promise<boolean> {
  const [{ [kind]: wanted, ports = [] } = { name: '' }] = pod.containers
  if (wanted?.exec?.command) return (await container.exec(...wanted.exec.command)).code === 0
  if (!wanted?.httpGet) throw new Error(`ask the ${kind}: the manifest has none`)
  const { path, port: name, scheme = 'HTTP' } = wanted.httpGet
  const port = ports.find((one) => one.name === name)?.containerPort ?? name
  const url = `${scheme.toLowerCase()}://${host.address}:${port}${path}`
  const asking = host.exec(['curl', '--insecure', '--silent', '--fail', url])
  return asking.then(
    () => true,
    () => false,
  )
}
