import type { AdminApi } from '@plexd/protocol'
import type { Handlers } from '../handle.ts'
import { deleteArtifact } from './artifacts/delete-artifact.ts'
import { listArtifacts } from './artifacts/list-artifacts.ts'
import { putArtifact } from './artifacts/put-artifact.ts'
import { deleteData, deleteSecret } from './entries/delete-entry.ts'
import { getData } from './entries/get-data.ts'
import { listData } from './entries/list-data.ts'
import { listSecrets } from './entries/list-secrets.ts'
import { putData } from './entries/put-data.ts'
import { putSecret } from './entries/put-secret.ts'
import { tailEvents } from './events/tail-events.ts'
import { getExecution } from './executions/get-execution.ts'
import { listExecutions } from './executions/list-executions.ts'
import { runAction } from './executions/run-action.ts'
import { listSigningKeys } from './keys/list-signing-keys.ts'
import { rotateMasterKey } from './keys/rotate-master-key.ts'
import { rotateSigningKey } from './keys/rotate-signing-key.ts'
import { addMeshRange } from './mesh-ranges/add-mesh-range.ts'
import { listMeshRanges } from './mesh-ranges/list-mesh-ranges.ts'
import { removeMeshRange } from './mesh-ranges/remove-mesh-range.ts'
import { getNode } from './nodes/get-node.ts'
import { listNodes } from './nodes/list-nodes.ts'
import { listUnconfirmedLabels } from './nodes/list-unconfirmed-labels.ts'
import { removeNode } from './nodes/remove-node.ts'
import { renameNode } from './nodes/rename-node.ts'
import { requestKeyRotation } from './nodes/request-key-rotation.ts'
import { setNodeMetadata } from './nodes/set-node-metadata.ts'
import { confirmLabels, dropLabels } from './nodes/settle-labels.ts'
import { createAdminToken } from './operators/create-admin-token.ts'
import { listAdminTokens } from './operators/list-admin-tokens.ts'
import { revokeAdminToken } from './operators/revoke-admin-token.ts'
import { whoAmI } from './operators/who-am-i.ts'
import { deletePolicy } from './policies/delete-policy.ts'
import { getPolicy } from './policies/get-policy.ts'
import { listPolicies } from './policies/list-policies.ts'
import { putPolicy } from './policies/put-policy.ts'
import { getReport } from './reports/get-report.ts'
import { listReports } from './reports/list-reports.ts'
import { listTelemetry } from './telemetry/list-telemetry.ts'
import { createToken } from './tokens/create-token.ts'
import { listTokens } from './tokens/list-tokens.ts'
import { revokeToken } from './tokens/revoke-token.ts'

/** The handler of each row of the admin API. */
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
