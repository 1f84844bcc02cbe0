import { recordKinds } from '../packs/kinds.ts'

/**
 * Of all kinds and days. `telemetry_heads` has one row for each kind: whoever writes locks it first, so that ids are committed in the order in
 * which they were given, and knows the newest partition by it. A partition is a table of its own, which goes as a whole.
 */
export const telemetrySchema: readonly string[] = [
  `do $$ begin
    if to_regclass('telemetry_packs') is null then
      create table telemetry_heads (
        kind text collate "C" primary key, number integer not null, began_at bigint not null, last_id bigint not null);
      create table telemetry_partitions (kind text collate "C", number integer, primary key (kind, number));
      create table telemetry_marks (
        kind text collate "C", node_id text collate "C", epoch text collate "C" not null, next bigint not null, number integer not null,
        primary key (kind, node_id));
      create table telemetry_holdings (
        kind text collate "C", number integer, node_id text collate "C", tenant_id text collate "C", bytes bigint not null, records bigint not null,
        primary key (kind, number, node_id, tenant_id));
      create table telemetry_packs (
        last_id bigint, number integer, kind text collate "C", count integer not null, tenant_id text collate "C" not null,
        node_id text collate "C" not null, received_at bigint not null, min_at bigint not null, max_at bigint not null,
        units text collate "C", severities text collate "C", is_escaped integer not null, text_bytes integer not null, bytes integer not null,
        words bytea not null, body bytea not null, primary key (last_id, number, kind)) partition by list (kind);
      -- What is packed already is not packed again.
      alter table telemetry_packs alter column words set storage external, alter column body set storage external;
      create index telemetry_packs_by_node on telemetry_packs (node_id, last_id, min_at, max_at);
      create index telemetry_packs_by_time on telemetry_packs (tenant_id, max_at, min_at);
    end if;
  end $$`,
  ...recordKinds.map(
    (kind) =>
      `create table if not exists telemetry_packs_${kind} partition of telemetry_packs for values in ('${kind}') partition by list (number)`,
  ),
  `insert into telemetry_heads select kind, 0, 0, 0 from unnest(array['${recordKinds.join("','")}']) as kind on conflict do nothing`,
]

/** What a row takes beside its body and its words, with its places in three indexes. */
export const rowBytes = 320
