import { type Execution, formatNode, type Run, type RunNode } from '@plexd/protocol'
import { jsonText, printable } from '@plexd/runtime'
import type { Admin } from '../../command.ts'
import { allPages } from '../../context.ts'
import type { Io } from '../../terminal/io.ts'
import { formatLabels, printItem, printList, printText } from '../../terminal/output.ts'
import { requesterOf } from './requester.ts'

/** `12 of 40 done, 10 running, 1 failed, 18 waiting`. */
export function progressOf({ counts, state, reason }: Run): string {
  const { total, waiting, running, succeeded, failed, cancelled, skipped, not_started } = counts
  const parts = [
    `${total - waiting - running - not_started} of ${total} done`,
    ...counted({ running, failed, cancelled, skipped, waiting, not_started }),
  ]
  const note = state === 'paused' ? 'paused' : reason
  return `${parts.join(', ')}${succeeded === total || note === '' ? '' : `; ${note}`}`
}

function counted(counts: Record<string, number>): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word.replace('_', ' ')}`)
}

function describeRun(run: Run): Record<string, string> {
  const { counts, triggered_by } = run
  return {
    id: run.id,
    action: run.action,
    parameters: formatLabels(run.parameters),
    selector: run.selector ?? '',
    state: run.state,
    reason: run.reason,
    nodes: [`${counts.total} in all`, ...counted({ ...counts, total: 0 })].join(', '),
    'max parallel': String(run.max_parallel),
    'max failures': String(run.max_failures),
    canary: run.canary === 0 ? '' : String(run.canary),
    timeout: run.timeout ?? '',
    expires: run.expires ?? '',
    'healthy within': run.healthy_within ?? '',
    'retry of': run.retry_of ?? '',
    schedule: run.schedule ?? '',
    'triggered by': requesterOf(triggered_by),
    created: run.created_at,
    'run expires': run.ended_at === null ? run.run_expires_at : '',
    ended: run.ended_at ?? '',
  }
}

export function allNodes(admin: Admin, run_id: string): Promise<RunNode[]> {
  return allPages((query) => admin.listRunNodes({ params: { run_id }, query }))
}

/** A run and a line for each of its nodes. */
export function printRun(io: Io, run: Run & { nodes: RunNode[] }, json: boolean | undefined): void {
  printItem(io, run, { json, lines: describeRun })
  if (json) return
  io.stdout.write('\n')
  printList(io, run.nodes, {
    json,
    columns: [
      ['node', ({ node_hostname, node_id }) => node_hostname || node_id],
      'status',
      ['exit', ({ exit_code }) => String(exit_code ?? '-')],
      ['execution', ({ execution_id }) => execution_id ?? '-'],
      'reason',
    ],
  })
}

/** Executions asked for at a time: one after another, a thousand nodes would take long. */
const atOnce = 8

/**
 * A run that has ended, with all that its nodes said, in the order in which they began. Written node by node: all of it may
 * be longer than a string can be.
 */
export async function printOutputs(
  { io, admin }: { io: Io; admin: Admin },
  run: Run,
  json: boolean | undefined,
): Promise<void> {
  const nodes = await allNodes(admin, run.id)
  if (json) io.stdout.write(`${jsonText(run, 2).replace(/\n\}$/, '')},\n  "nodes": [`)
  for (let at = 0; at < nodes.length; at += atOnce) {
    const some = nodes.slice(at, at + atOnce)
    const executions = await Promise.all(some.map((node) => executionOf(admin, node)))
    for (const [index, node] of some.entries()) {
      const execution = executions[index] ?? null
      if (json) printNodeJson(io, { ...node, execution }, at + index === 0)
      else printNode(io, node, execution)
    }
  }
  if (json) io.stdout.write('\n  ]\n}\n')
  else printItem(io, run, { json, lines: ({ state, reason }) => ({ state, reason }) })
}

async function executionOf(
  admin: Admin,
  { execution_id }: RunNode,
): Promise<Execution | undefined> {
  if (execution_id === null) return undefined
  return (await admin.getExecution({ params: { execution_id } })).body
}

function printNodeJson({ stdout }: Io, node: object, isFirst: boolean): void {
  const text = jsonText(node, 2).replaceAll('\n', '\n    ')
  stdout.write(`${isFirst ? '' : ','}\n    ${text}`)
}

function printNode(io: Io, node: RunNode, execution: Execution | null): void {
  const name = formatNode(node.node_id, node.node_hostname)
  const why = node.reason === '' ? '' : `: ${node.reason}`
  io.stdout.write(`${printable(`--- ${name}: ${node.status}${why}`)}\n`)
  if (!execution) return
  if (execution.stdout !== '') printText(io, execution.stdout)
  if (execution.stderr === '') return
  io.stdout.write('stderr:\n')
  printText(io, execution.stderr)
}
