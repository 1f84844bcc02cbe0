import { ApiError, adminApi, type UpgradeSpec } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { triggeredByOperator } from '../../executions/request.ts'
import { upgradeAction } from '../../executions/upgrade-parameters.ts'
import { handle } from '../../handle.ts'
import { platformOf } from '../../mesh/platform.ts'
import { readArtifactsOf } from '../../rows/artifacts.ts'
import { readBinariesOf } from '../../rows/fleet/node-binaries.ts'
import { chooseNodes } from '../../runs/choose-nodes.ts'
import { createRun } from '../../runs/create-run.ts'
import { driveRun } from '../../runs/drive.ts'
import { type UpgradeTarget, upgradeRefusal } from '../../runs/upgrade-refusal.ts'
import { runView } from '../../runs/view.ts'
import type { Reader } from '../../store/db.ts'
import { readRunOptions, readRunTarget } from '../wire/run-spec.ts'
import { findRun } from './runs.ts'

/** A download, and a trial until the node is well or goes back. */
const timeout = '15m'
const healthyWithin = '5m'

/** A run of `service.upgrade` in which a node has succeeded when it is well as the new version. */
export const createUpgrade = handle(
  adminApi.createUpgrade,
  async ({ principal, body }, app: State & Waiters & Environment) => {
    const { fleet, config } = app
    const { reader } = app.store
    const { tenant_id: tenantId } = principal
    const target = readRunTarget(app, principal, body)
    const { healthy_within = healthyWithin, version } = body
    const options = readRunOptions(
      { timeout, ...body, healthy_within, action: upgradeAction, parameters: parametersOf(body) },
      config.limits,
    )
    const upgrade = await readUpgrade(reader, body)
    const binaries = await readBinariesOf(reader, tenantId)
    const nodes = await chooseNodes(
      { fleet, reader },
      {
        tenantId,
        action: upgradeAction,
        target,
        most: config.limits.run_nodes,
        refusal(node) {
          const running = binaries.get(node.id)?.version ?? ''
          return upgradeRefusal({ ...platformOf(node), is_go: node.is_go, running }, upgrade)
        },
      },
    )
    const { id } = await createRun(app, {
      ...options,
      criterion: options.criterion && { ...options.criterion, type: 'version', version },
      tenantId,
      selector: 'selector' in target ? target.selector : null,
      nodes,
      triggeredBy: triggeredByOperator(principal),
    })
    await driveRun(app, id)
    return runView(await findRun(reader, principal, id))
  },
)

/** Each node gets the checksum of the build for its platform when its turn comes. */
function parametersOf({ version, allow_downgrade }: UpgradeSpec): Record<string, string> {
  return { version, ...(allow_downgrade ? { allow_downgrade: 'true' } : {}) }
}

async function readUpgrade(
  reader: Reader,
  { version, allow_downgrade: allowDowngrade = false }: UpgradeSpec,
): Promise<UpgradeTarget> {
  const builds = await readArtifactsOf(reader, version)
  if (builds.length > 0) return { version, allowDowngrade, builds }
  throw new ApiError(
    'bad_request',
    `there is no plexd ${version}: upload it first, with "plexctl artifact upload"`,
  )
}
