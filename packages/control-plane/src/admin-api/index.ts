import type { AdminApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { addMeshRange } from './add-mesh-range.ts'
import { createAdminToken } from './create-admin-token.ts'
import { createToken } from './create-token.ts'
import { deleteArtifact } from './delete-artifact.ts'
import { deleteData } from './delete-data.ts'
import { deletePolicy } from './delete-policy.ts'
import { deleteSecret } from './delete-secret.ts'
import { getData } from './get-data.ts'
import { getExecution } from './get-execution.ts'
import { getNode } from './get-node.ts'
import { getPolicy } from './get-policy.ts'
import { getReport } from './get-report.ts'
import { listAdminTokens } from './list-admin-tokens.ts'
import { listArtifacts } from './list-artifacts.ts'
import { listData } from './list-data.ts'
import { listExecutions } from './list-executions.ts'
import { listMeshRanges } from './list-mesh-ranges.ts'
import { listNodes } from './list-nodes.ts'
import { listPolicies } from './list-policies.ts'
import { listReports } from './list-reports.ts'
import { listSecrets } from './list-secrets.ts'
import { listSigningKeys } from './list-signing-keys.ts'
import { listTelemetry } from './list-telemetry.ts'
import { listTokens } from './list-tokens.ts'
import { listUnconfirmedLabels } from './list-unconfirmed-labels.ts'
import { putArtifact } from './put-artifact.ts'
import { putData } from './put-data.ts'
import { putPolicy } from './put-policy.ts'
import { putSecret } from './put-secret.ts'
import { removeMeshRange } from './remove-mesh-range.ts'
import { removeNode } from './remove-node.ts'
import { renameNode } from './rename-node.ts'
import { requestKeyRotation } from './request-key-rotation.ts'
import { revokeAdminToken } from './revoke-admin-token.ts'
import { revokeToken } from './revoke-token.ts'
import { rotateMasterKey } from './rotate-master-key.ts'
import { rotateSigningKey } from './rotate-signing-key.ts'
import { runAction } from './run-action.ts'
import { setNodeMetadata } from './set-node-metadata.ts'
import { confirmLabels, dropLabels } from './settle-labels.ts'
import { tailEvents } from './tail-events.ts'
import { whoAmI } from './who-am-i.ts'

/** What answers each row of the admin API. */
export const adminHandlers: Handlers<AdminApi> = {
  whoAmI,
  createToken,
  listTokens,
  revokeToken,
  listNodes,
  getNode,
  renameNode,
  removeNode,
  requestKeyRotation,
  setNodeMetadata,
  listUnconfirmedLabels,
  confirmLabels,
  dropLabels,
  listMeshRanges,
  addMeshRange,
  removeMeshRange,
  putData,
  listData,
  getData,
  deleteData,
  putSecret,
  listSecrets,
  deleteSecret,
  listReports,
  getReport,
  listPolicies,
  getPolicy,
  putPolicy,
  deletePolicy,
  runAction,
  listExecutions,
  getExecution,
  listSigningKeys,
  rotateSigningKey,
  rotateMasterKey,
  tailEvents,
  listTelemetry,
  putArtifact,
  listArtifacts,
  deleteArtifact,
  createAdminToken,
  listAdminTokens,
  revokeAdminToken,
}
