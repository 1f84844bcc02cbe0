/** Makes records of the audit events of a Kubernetes API server (audit.k8s.io/v1), one of JSON on each line. Pure. */
import type { AuditRecord } from '@plexd/protocol'
import { cutUtf8 } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { RecordRules } from '../events/audit-record.ts'

const text = Type.Optional(Type.String())

const KubernetesEvent = Type.Object({
  stage: Type.String(),
  verb: Type.String(),
  requestURI: text,
  user: Type.Object({
    username: text,
    uid: text,
    groups: Type.Optional(Type.Array(Type.String())),
  }),
  impersonatedUser: Type.Optional(Type.Object({ username: text })),
  sourceIPs: Type.Optional(Type.Array(Type.String())),
  userAgent: text,
  objectRef: Type.Optional(
    Type.Object({
      ...{ resource: text, namespace: text, name: text, subresource: text, apiGroup: text },
    }),
  ),
  responseStatus: Type.Optional(Type.Object({ code: Type.Optional(Type.Integer()) })),
  requestReceivedTimestamp: text,
  stageTimestamp: text,
})
type KubernetesEvent = Static<typeof KubernetesEvent>

const maxRawBytes = 8 * 1024

/**
 * Undefined for a line that is no event. Bodies of requests and answers stay on the node: they are secrets, if the object is one. A line
 * that was cut in one of them is an event all the same; `nowMs` is its time then, as that follows them.
 */
export function toKubernetesRecord(
  line: string,
  { hostname, redact, nowMs }: RecordRules & { nowMs: number },
): AuditRecord | undefined {
  const head = withoutBodies(line)
  const event = parse(line) ?? parse(head)
  if (!event) return undefined
  const result = resultOf(event)
  return {
    timestamp: timeOf(event) ?? new Date(nowMs).toISOString(),
    source: 'kubernetes',
    event_type: event.stage,
    subject: known({
      username: event.user.username,
      uid: event.user.uid,
      groups: event.user.groups,
      impersonates: event.impersonatedUser?.username,
      addresses: event.sourceIPs,
      user_agent: event.userAgent,
    }),
    object: known({
      namespace: event.objectRef?.namespace,
      resource: event.objectRef?.resource,
      name: event.objectRef?.name,
      subresource: event.objectRef?.subresource,
      api_group: event.objectRef?.apiGroup,
      ...(event.objectRef ? {} : { uri: event.requestURI && redact(event.requestURI) }),
    }),
    action: event.verb,
    ...(result === undefined ? {} : { result }),
    hostname,
    raw: cutUtf8(redact(head), maxRawBytes),
  }
}

/** The server writes the bodies after all that says who did what. A quote in a text is escaped, so this is found in no text. */
function withoutBodies(line: string): string {
  const at = [',"requestObject":', ',"responseObject":']
    .map((key) => line.indexOf(key))
    .filter((index) => index >= 0)
  return at.length === 0 ? line : `${line.slice(0, Math.min(...at))}}`
}

function parse(line: string): KubernetesEvent | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return Value.Check(KubernetesEvent, value) ? value : undefined
  } catch {
    return undefined
  }
}

function timeOf({ stageTimestamp, requestReceivedTimestamp }: KubernetesEvent): string | undefined {
  const ms = Date.parse(stageTimestamp ?? requestReceivedTimestamp ?? '')
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

function resultOf({ responseStatus }: KubernetesEvent): AuditRecord['result'] {
  const code = responseStatus?.code
  if (code === undefined) return undefined
  if (code === 401 || code === 403) return 'denied'
  return code < 400 ? 'success' : 'failure'
}

function known(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
