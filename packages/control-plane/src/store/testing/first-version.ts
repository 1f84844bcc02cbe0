import { sql } from 'kysely'
import * as init from '../migrations/0001-0010/0001-init.ts'
import { openKysely } from '../sqlite.ts'

/** A tenant with two nodes and the rule that anybody may talk to anybody, as version 1 wrote them. */
export async function makeFirstVersion(
  path: string,
  changes: readonly string[] = [],
): Promise<void> {
  const db = openKysely<unknown>(path)
  await init.up(db, 'sqlite')
  for (const statement of [
    'create table schema_version (version bigint not null)',
    'insert into schema_version values (1)',
    "insert into tenants values ('ten_1', 'default', '10.100.0.0/16', 0, 1000)",
    `insert into policies values ('pol_1', 'ten_1', 'allow-all', 1, 1, '[{"from":"*","to":"*","action":"allow"}]', 1000)`,
    ...['motd', '', 'k'.repeat(513)].map(
      (
        key,
        at,
      ) => `insert into data_entries (id, tenant_id, key, target, version, updated_at, content_type, payload)
        values ('ent_${at}', 'ten_1', '${key}', 'selector:*', 1, 1000, 'text/plain', '"x"')`,
    ),
    ...['web', 'db'].map(
      (name, at) => `insert into nodes
        (id, tenant_id, hostname, mesh_ip, public_key, key_epoch, token_hash, nsk_hash, nsk_sealed, nsk_format,
         metadata, endpoint, nat_type, user_agent, status, rotate_keys, registered_at)
        values ('n_${name}', 'ten_1', '${name}', '10.100.0.${at + 1}', 'key-${name}', 1, 'token-${name}',
          'nsk-${name}', 'sealed', 'base64', '{}', '', '', '', 'online', 0, 2000)`,
    ),
    ...changes,
  ]) {
    await sql.raw(statement).execute(db)
  }
  await db.destroy()
}
