import type { Architecture } from '../architecture.ts'
import type { ImageRow } from './image-row.ts'

/** What an image says of itself. */
export interface ImageFacts {
  version: string
  arch: Architecture
  epochSeconds: number
  /** The commit, and where the source is published, if that is known. */
  revision?: string | undefined
  source?: string | undefined
}

/** Options of `umoci config`. Pure. */
export function configOptions(row: ImageRow, facts: ImageFacts): string[] {
  const { user, environment, entrypoint, command, ports } = row
  const variables = { PATH: '/usr/sbin:/usr/bin', ...environment }
  const about = Object.entries(annotations(row, facts)).map((pair) => pair.join('='))
  return [
    ...['--no-history', '--created', timeOf(facts), '--os', 'linux', '--architecture', facts.arch],
    // By its number: a cluster that refuses root has to know without reading the image.
    ...['--config.user', `${user.id}:${user.id}`, '--config.workingdir', '/'],
    ...['--config.stopsignal', 'SIGTERM'],
    ...Object.entries(variables).flatMap((pair) => ['--config.env', pair.join('=')]),
    ...entrypoint.flatMap((word) => ['--config.entrypoint', word]),
    ...command.flatMap((word) => ['--config.cmd', word]),
    ...ports.flatMap((port) => ['--config.exposedports', port]),
    ...about.flatMap((pair) => ['--config.label', pair, '--manifest.annotation', pair]),
  ]
}

/** RFC 3339. */
export function timeOf({ epochSeconds }: Pick<ImageFacts, 'epochSeconds'>): string {
  return new Date(epochSeconds * 1_000).toISOString().replace('.000Z', 'Z')
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
function annotations(
  { name, summary }: ImageRow,
  { version, revision, source, ...facts }: ImageFacts,
): Record<string, string> {
  const known = {
    created: timeOf(facts),
    description: summary,
    licenses: 'Apache-2.0',
    ...(revision === undefined ? {} : { revision }),
    ...(source === undefined ? {} : { source }),
    title: name,
    version,
  }
  const keys = Object.entries(known)
  return Object.fromEntries(keys.map(([key, text]) => [`org.opencontainers.image.${key}`, text]))
}
