import { operation } from '@plexd/protocol'
import { Type } from 'typebox'

const open = { method: 'GET', auth: 'none', status: 200 } as const
const Health = Type.Object({ status: Type.String() })
/** `warnings`: what does not keep it from serving, and has to be mended; `needs_restart`: settings that the next start changes. */
const Readiness = Type.Object({
  status: Type.String(),
  warnings: Type.Optional(Type.Array(Type.String())),
  needs_restart: Type.Optional(Type.Array(Type.String())),
})

/** For monitors, load balancers and people with a browser; outside the versioned APIs. */
export const opsApi = {
  health: operation({
    ...open,
    path: '/health',
    summary: 'Answer that the process serves',
    response: Health,
  }),
  healthz: operation({
    ...open,
    path: '/healthz',
    summary: 'Answer that the process serves',
    response: Health,
  }),
  readyz: operation({
    ...open,
    path: '/readyz',
    summary: 'Answer whether requests can be served: the database answers',
    response: Readiness,
    errors: [503],
  }),
  authority: operation({
    ...open,
    path: '/ca.crt',
    summary:
      'Read the certificates of the authorities that nodes trust, in PEM; check a fingerprint before trusting one',
    responseKind: 'bytes',
    errors: [404],
  }),
  metrics: operation({
    ...open,
    path: '/metrics',
    summary: 'Metrics in the text format of Prometheus',
    responseKind: 'bytes',
  }),
  openapi: operation({
    ...open,
    path: '/openapi.json',
    summary: 'This document',
    response: Type.Unknown(),
  }),
  docs: operation({
    ...open,
    path: '/docs',
    summary: 'This document as a page',
    responseKind: 'bytes',
  }),
} as const

export type OpsApi = typeof opsApi
