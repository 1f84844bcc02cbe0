/** Statements of the tables in PostgreSQL; as in the file, with a version of the progress. */
export const seriesTables: readonly string[] = [
  `create table if not exists series_hours (
    node_id text collate "C" not null, start_ms bigint not null, data bytea not null, primary key (node_id, start_ms))`,
  'create index if not exists series_hours_by_start on series_hours (start_ms)',
  'create table if not exists series_holdings (node_id text collate "C" primary key, bytes bigint not null)',
  // One row; `version` is another after each write.
  'create table if not exists series_progress (id integer primary key, version uuid not null, last_id bigint not null)',
  'create table if not exists series_marks (node_id text collate "C" primary key, last_id bigint not null)',
]

/** The advisory lock of whoever changes them; of its transaction. */
export const seriesLock = 7_036_874_430
