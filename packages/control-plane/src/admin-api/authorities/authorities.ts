import { ApiError, adminApi, newId } from '@plexd/protocol'
import type { Environment, Installation, Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import {
  activateAuthority as activate,
  prepareAuthority as prepare,
  retireAuthority as retire,
} from '../../installation/replace-authority.ts'
import type { Step } from '../../installation/stage.ts'
import { removeCaKey } from '../../tls/authority.ts'
import { readObstacles, readStatus } from './status.ts'

type Needs = State & Seals & Installation & Environment

export const getAuthorities = handle(adminApi.getAuthorities, ({ principal }, app: Needs) =>
  readStatus(app, principal.tenant_id),
)

export const prepareAuthority = handle(
  adminApi.prepareAuthority,
  async ({ principal }, app: Needs) => {
    const current = (await app.ownAuthority()) ?? refuse('prepare', app)
    const ids = { current: newId('authority'), next: newId('authority') }
    const isNew = await prepare(app, current, { ids, nowMs: app.clock.now() })
    await app.refreshCertificate()
    if (isNew) app.log.info('next authority prepared, and nodes told')
    const warnings =
      current.key === undefined
        ? [
            'the key of the authority in use is not there, so join strings from now until "plexctl authority activate" will not work after it',
          ]
        : []
    return { ...(await readStatus(app, principal.tenant_id)), warnings }
  },
)

export const activateAuthority = handle(
  adminApi.activateAuthority,
  async ({ principal, query }, app: Needs) => {
    if (app.noAuthority() !== undefined) refuse('activate', app)
    const obstacles = await readObstacles(app, principal.tenant_id)
    const isNew = await activate(app, { ...obstacles, force: query.force === 'true' })
    // Also when it has been done: the last attempt may have been cut off in front of this.
    await app.refreshCertificate()
    const left = isNew ? obstacles.behind.length + obstacles.elsewhere.behind : 0
    if (isNew) app.log.info('next authority activated', { left_behind: left })
    const warnings = obstacles.behind
      .slice(0, isNew ? maxNamed : 0)
      .map(({ hostname, reason }) => `"${hostname}" is left behind: ${reason}`)
    return { ...(await readStatus(app, principal.tenant_id)), warnings }
  },
)

export const retireAuthority = handle(
  adminApi.retireAuthority,
  async ({ principal, query }, app: Needs) => {
    if (app.noAuthority() !== undefined) refuse('retire', app)
    const obstacles = await readObstacles(app, principal.tenant_id)
    // First: nodes must not drop an authority whose certificate is still shown, as when the disk was full at the activation.
    await app.refreshCertificate()
    if (await retire(app, { ...obstacles, force: query.force === 'true' }))
      app.log.info('previous authority retired, and nodes told')
    await app.refreshCertificate()
    await removeCaKey(app.config)
    const { caKeyFile } = app.config
    const warnings =
      caKeyFile === undefined
        ? []
        : [`"${caKeyFile}" has the key of an authority that nobody trusts any more: remove it`]
    return { ...(await readStatus(app, principal.tenant_id)), warnings }
  },
)

const maxNamed = 100

function refuse(step: Step, { noAuthority }: Needs): never {
  throw new ApiError('conflict', `${step} authority: it would have no effect: ${noAuthority()}`)
}
