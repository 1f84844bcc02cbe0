import { type Kysely, sql } from 'kysely'

/** What a node was given to replace its NSK and its token, until it shows that it has it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['next_token_hash', 'next_nsk_hash', 'next_secrets_sealed'])
    await sql`alter table nodes add column ${sql.ref(column)} text`.execute(db)
}
