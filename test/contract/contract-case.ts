import type { Operation } from '@plexd/protocol'
import type { EventStream } from '@plexd/runtime/testing'
import type { RawAnswer, RawRequest, System, TestNode } from '../support/system.ts'

/** What all cases share: a control plane, and two nodes that see each other. */
export interface Stage {
  readonly system: System
  readonly web: TestNode
  readonly db: TestNode
}

/** One answer of one operation, as the specification promises it. */
export interface ContractCase {
  status: number
  /** Completes "answers STATUS". */
  when: string
  answer(stage: Stage): Promise<RawAnswer>
  /** The exact text of a failure, where one is promised. */
  error?: string
  /** The seed's example: every field of it is in the answer. */
  example?: unknown
  /** Fields beside those of the example, as paths; others are a surprise. */
  extensions?: readonly string[]
  /** What else must be true of the answer, or afterwards. */
  check?(answer: RawAnswer, stage: Stage): Promise<void> | void
}

/** What every operation of a node owes to callers that may not: decided before the body is read. */
export function callerCases(operation: Operation): ContractCase[] {
  if (operation.auth !== 'node') return []
  const ask = (
    request: (stage: Stage) => RawRequest & { node_id?: string },
  ): ContractCase['answer'] => {
    return (stage) => {
      const { node_id = stage.web.node_id, ...rest } = request(stage)
      return answerOf(stage, operation, { ...rest, params: { ...anyParams, node_id } })
    }
  }
  const inPath = operation.path.includes('{node_id}')
  return [
    { status: 401, when: 'without a token', error: 'unauthorized', answer: ask(() => ({})) },
    {
      status: 401,
      when: 'for a token that nobody has',
      error: 'unauthorized',
      answer: ask(() => ({ token: 'plx_node_00000000000000000000000000000000' })),
    },
    ...(inPath
      ? [
          {
            status: 403,
            when: "for another node's token",
            answer: ask(({ db }) => ({ token: db.token })),
          },
          {
            status: 404,
            when: 'for a node that is unknown',
            answer: ask(({ web }) => ({ token: web.token, node_id: 'n_nobody' })),
          },
        ]
      : []),
  ]
}

const anyParams = {
  key: 'any',
  execution_id: 'exec_any',
  session_id: 'any',
  chunk: '0',
  version: '1.0.0',
  os: 'linux',
  arch: 'amd64',
}

/** A stream's answer counts as its status, headers and refusal. */
function answerOf(stage: Stage, operation: Operation, request: RawRequest): Promise<RawAnswer> {
  if (operation.responseKind !== 'event-stream') return stage.system.call(operation, request)
  return stage.system.stream(request.params?.node_id ?? '', request.token).then(rawAnswerOf)
}

export function rawAnswerOf(stream: EventStream): RawAnswer {
  stream[Symbol.dispose]()
  const headers = Object.entries(stream.headers).map(([name, value]) => [name, String(value)])
  return {
    status: stream.status,
    headers: Object.fromEntries(headers),
    text: stream.body,
    json: () => JSON.parse(stream.body),
  }
}
