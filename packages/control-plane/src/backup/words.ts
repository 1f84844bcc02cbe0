import type { Manifest } from './archive/manifest.ts'

/** Some lines for a person. */
export function describeBackup(manifest: Manifest): string {
  const { created_at, program_version, schema_version, nodes, epoch, sequence, files } = manifest
  const { parts, master_key_id, elsewhere } = manifest
  const has = (part: string, name: string): string =>
    (parts as readonly string[]).includes(part) ? name : `no ${name}`
  const kept = elsewhere.length === 0 ? '' : `, nor what ${elsewhere.join(' and ')} name`
  return [
    `  made ${created_at} by plexd-control-plane ${program_version}, schema version ${schema_version}`,
    `  ${nodes} nodes, event log ${epoch} up to ${sequence}, ${files.length} files`,
    `  ${has('telemetry', 'telemetry')}, ${has('recordings', 'recordings')}, ${has('master-key', `master key ${master_key_id}`)}${kept}`,
    '',
  ].join('\n')
}

/** What remains to be done after a restore. */
export function nextSteps({
  dataDir,
  manifest,
  aside,
}: {
  dataDir: string
  manifest: Manifest
  aside: string | undefined
}): string {
  const steps = [
    ...manifest.elsewhere.map(
      (name) => `put back the file of ${name}: it was kept outside the data folder`,
    ),
    `check it: plexd-control-plane doctor --data-dir ${dataDir}`,
    `start it: systemctl start plexd-control-plane, or plexd-control-plane serve --data-dir ${dataDir}`,
    'on another host: let its name or address be in --tls-san, and the old name lead to it',
    'tokens of operators are those of the backup; if yours is lost: plexd-control-plane admin-token reset',
    ...(aside === undefined ? [] : [`what was there before is in ${aside}: remove it in the end`]),
  ]
  return `restored to ${dataDir}\n${describeBackup(manifest)}Next:\n${steps.map((step) => `  - ${step}\n`).join('')}`
}
