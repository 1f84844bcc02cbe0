import type { Operation } from './operation.ts'
import { type RoleName, roles } from './permissions.ts'

/** The callers of the control plane, told apart by the token they send. */
export const callers = {
  nobody: 'no token',
  unknown: 'a token that nobody has',
  node: 'the node in the path',
  departed_node: 'the node in the path, removed',
  other_node: 'another node',
  foreign_node: "another tenant's node",
  viewer: 'a viewer',
  owner: 'an owner',
  foreign_owner: "another tenant's owner",
} as const
export type Caller = keyof typeof callers

/** The status of the refusal, or `yes` if the call is allowed. */
export type Access = 'yes' | 401 | 403 | 404

/** Who may call which operation of the control plane; decided before the body is read. */
export function accessOf(operation: Operation): Record<Caller, Access> {
  const { auth, permission, scope, forDeparted } = operation
  switch (auth) {
    case 'none':
      return everybody('yes')
    case 'node': {
      const departed_node = forDeparted ? 'yes' : 401
      return { ...everybody(401), node: 'yes', departed_node, other_node: 403, foreign_node: 404 }
    }
    case 'operator': {
      const byRole = (role: RoleName): Access =>
        roles[role].permissions.has(permission) ? 'yes' : 403
      const [viewer, owner] = [byRole('viewer'), byRole('owner')]
      const foreign_owner = scope === 'installation' || owner === 403 ? 403 : 404
      return { ...everybody(401), viewer, owner, foreign_owner }
    }
    default:
      // Refused for everyone: a bootstrap token comes in the body, and this row is about calls without one. Local callers do not exist here.
      return everybody(401)
  }
}

function everybody(answer: Access): Record<Caller, Access> {
  const names = Object.keys(callers) as Caller[] // of the literal above
  return Object.fromEntries(names.map((name) => [name, answer])) as Record<Caller, Access>
}

/** What a node says about itself, and how far it is trusted. */
export const claims = {
  node_id:
    'who speaks is told by the token; a body that names another node is refused or not looked at',
  hostname:
    'believed when it is a host name that no node of the tenant has and the bootstrap token is for no other',
  public_key: 'believed when no other node of the tenant has it and WireGuard can use it',
  metadata:
    'kept as reported: selectors of policies and secrets see none of it but the keys that the bootstrap token lets the node choose',
  endpoint:
    'believed when it lies outside the mesh and on no link-local or multicast address, and on loopback only when the control plane does; another is left out, and the rest of the report taken',
  capabilities:
    'decide which actions and sessions may be asked of the node itself, and which host key clients of its sessions expect; another host key than before is on record',
  clock: 'shown as skew; when a node was seen last is what our clock says',
  problems: 'shown, sixteen lines at most, without control characters',
  finished_at:
    'shown as the end of an execution, but never as later than the result came, nor as earlier than it was asked for',
  reports:
    'kept as the own of the node, within report_keys and report_bytes; who wrote an entry is shown as the node says',
} as const
export type Claim = keyof typeof claims
