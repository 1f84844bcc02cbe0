import { AlertSeverity, ApiError, BinaryState } from '@plexd/protocol'
import { countAlerts } from '../alerts/alerting.ts'
import type { State } from '../app.ts'
import { failureOf } from '../backup/records.ts'
import { type Handlers, handle } from '../handle.ts'
import { prepare } from '../http/compress.ts'
import { docsPage } from '../http/docs/docs-page.ts'
import { countBinaries } from '../rows/fleet/node-binaries.ts'
import { createDamageCheck } from './damage-check.ts'
import { createDiskCheck } from './disk-check.ts'
import { apiDocument } from './document.ts'
import { type OpsApi, opsApi } from './table.ts'

/** Answered also while nothing is served: whoever asks wants to know whether the process lives. */
export const livenessHandlers = {
  health: handle<OpsApi['health'], unknown>(opsApi.health, async () => ({ status: 'ok' })),
  healthz: handle<OpsApi['healthz'], unknown>(opsApi.healthz, async () => ({ status: 'ok' })),
}

/** The handler of each row of table.ts. */
export const opsHandlers: Handlers<OpsApi> = {
  ...livenessHandlers,
  readyz: (app) => {
    const disk = createDiskCheck(app)
    const damage = createDamageCheck(app)
    return handle(opsApi.readyz, async (_call, { store, backups, reloads }) => {
      try {
        await store.ping()
      } catch (cause) {
        throw new ApiError('unavailable', 'the database does not answer', { cause })
      }
      await disk()
      // Reasons may name paths, and anybody may ask.
      const warnings = [
        ...(failureOf(backups.records()) ? ['the last backup failed'] : []),
        ...(reloads.error === undefined ? [] : ['the settings could not be read again']),
        ...damage().map((name) => `"${name}" is damaged`),
      ].map((what) => `${what}: plexd-control-plane doctor says why`)
      const { needsRestart } = reloads
      return {
        status: 'ready',
        ...(warnings.length === 0 ? {} : { warnings }),
        ...(needsRestart.length === 0 ? {} : { needs_restart: [...needsRestart] }),
      }
    })(app)
  },
  authority: handle(opsApi.authority, async ({ reply }, { trusted }) => {
    const pem = trusted()
    if (pem === undefined)
      throw new ApiError('not_found', 'this control plane has a certificate of another authority')
    reply.type('application/pem-certificate-chain')
    return pem
  }),
  metrics: handle(opsApi.metrics, async ({ reply }, app) => {
    const { contentType, text } = await app.metrics.render({
      streams: app.streams.count,
      relays: app.relay.open,
      nodes: () => nodesByStatus(app),
      alerts: () => new Map([...noAlerts, ...countAlerts(app.alerting)]),
      binaries: async () => new Map([...noBinaries, ...(await countBinaries(app.store.reader))]),
    })
    reply.type(contentType)
    return text
  }),
  openapi: (app) => {
    const document = prepare('application/json; charset=utf-8', () =>
      JSON.stringify(apiDocument(app.publicUrl())),
    )
    return handle(opsApi.openapi, async ({ request, reply }) => document(request, reply))(app)
  },
  docs: (app) => {
    const page = prepare('text/html; charset=utf-8', () => docsPage(apiDocument(app.publicUrl())))
    return handle(opsApi.docs, async ({ request, reply }) => {
      // The page has no scripts and loads nothing, so nothing may be injected either.
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      return page(request, reply)
    })(app)
  },
}

const noAlerts = ['pending', 'firing'].flatMap((state) =>
  AlertSeverity.enum.map((severity) => [`${state} ${severity}`, 0] as const),
)
const noBinaries = BinaryState.enum.map((state) => [state, 0] as const)

function nodesByStatus({ fleet }: State): Map<string, number> {
  const counts = new Map(['pending', 'online', 'unreachable', 'offline'].map((name) => [name, 0]))
  for (const { status } of fleet.allNodes()) counts.set(status, (counts.get(status) ?? 0) + 1)
  return counts
}
