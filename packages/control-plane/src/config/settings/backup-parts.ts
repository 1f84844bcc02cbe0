/** What a backup may have besides the state itself, which is always in it. */
export const optionalParts = ['recordings', 'telemetry', 'master-key'] as const
export type OptionalPart = (typeof optionalParts)[number]
