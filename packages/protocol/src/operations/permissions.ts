/** The permissions of each role, as noun and verb. A new permission is a line here, and a row that requires it. */

const viewer = [
  'self.read',
  'tokens.read',
  'nodes.read',
  'mesh_ranges.read',
  'data.read',
  'secrets.read',
  'reports.read',
  'policies.read',
  'executions.read',
  'runs.read',
  'schedules.read',
  'signing_keys.read',
  'authorities.read',
  'move.read',
  'events.read',
  'telemetry.read',
  'alerts.read',
  'artifacts.read',
  'admin_tokens.read',
  'sessions.read',
  'settings.read',
] as const

const owner = [
  ...viewer,
  'tokens.write',
  'nodes.write',
  'mesh_ranges.write',
  'data.write',
  'secrets.write',
  'policies.write',
  'executions.write',
  'runs.write',
  'schedules.write',
  'signing_keys.write',
  'authorities.write',
  'move.write',
  'master_key.write',
  'alerts.write',
  'artifacts.write',
  'admin_tokens.write',
  'sessions.open',
  /** To open one as root. */
  'sessions.root',
  /** To open one with forwards. */
  'sessions.forward',
  /** To open one that is not recorded. */
  'sessions.unrecorded',
  'sessions.revoke',
  'sessions.play',
] as const

export type Permission = (typeof owner)[number]

export const roleNames = ['owner', 'viewer'] as const
export type RoleName = (typeof roleNames)[number]

export const roles: Readonly<
  Record<RoleName, { says: string; permissions: ReadonlySet<Permission> }>
> = {
  owner: { says: 'may change everything', permissions: new Set(owner) },
  viewer: { says: 'may read only', permissions: new Set(viewer) },
}

export function rolesWith(permission: Permission): RoleName[] {
  return roleNames.filter((name) => roles[name].permissions.has(permission))
}
