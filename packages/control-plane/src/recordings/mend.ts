import type { DatabaseSync } from 'node:sqlite'

/** Recordings that are named in the log; all are counted. */
const maxNamed = 100

/**
 * Of what could be read of a damaged file: counts the chunks of each recording anew, so that a node that still has one that is lost can send it again. What stays
 * lost is shown where the recording is played. Returns how many chunks of which sessions that were counted before are lost.
 */
export function mendRecordings(database: DatabaseSync, nowMs: number) {
  const lost = database
    .prepare(
      `select session_id, chunks - (select count(*) from chunks c where c.session_id = h.session_id) as chunks
       from holdings h where chunks > (select count(*) from chunks c where c.session_id = h.session_id) order by started_at`,
    )
    .all()
  database.exec(`
    update holdings set
      chunks = (select count(*) from chunks c where c.session_id = holdings.session_id),
      bytes = (select coalesce(sum(length(bytes)), 0) from chunks c where c.session_id = holdings.session_id)`)
  // Of these nobody knows any more whose they are; they go when they are old.
  const ownerless = database
    .prepare(
      `insert into holdings select session_id, '', sum(length(bytes)), ?, count(*), null from chunks
       where session_id not in (select session_id from holdings) group by session_id`,
    )
    .run(nowMs).changes
  return {
    lost_chunks: lost.reduce((sum, { chunks }) => sum + Number(chunks), 0),
    lost_of: Object.fromEntries(
      lost.slice(0, maxNamed).map(({ session_id, chunks }) => [session_id, chunks]),
    ),
    recordings_with_lost_chunks: lost.length,
    recordings_not_counted_before: Number(ownerless),
  }
}
