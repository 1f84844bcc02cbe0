/** Ways in which a JSON value can be other than what was asked for. */
export interface Mutation {
  what: string
  value: unknown
}

const otherTypes: readonly unknown[] = [null, true, 1.5, -1, 'text', '', [], {}, [[]]]

/** The value with each of its parts in turn missing, or of each other type. */
export function mutations(value: unknown): Mutation[] {
  return [...replaced(value, ''), ...withoutParts(value, '')]
}

function replaced(value: unknown, path: string): Mutation[] {
  const here = otherTypes.map((other) => ({
    what: `${path || 'the body'} is ${JSON.stringify(other)}`,
    value: other,
  }))
  return [...here, ...parts(value, path, replaced)]
}

function withoutParts(value: unknown, path: string): Mutation[] {
  if (!isObject(value)) return parts(value, path, withoutParts)
  const here = Object.keys(value).map((name) => {
    const { [name]: _, ...rest } = value
    return { what: `${path}.${name} is missing`, value: rest }
  })
  return [...here, ...parts(value, path, withoutParts)]
}

/** The mutations of each part, in the place of the part. */
function parts(
  value: unknown,
  path: string,
  mutate: (part: unknown, path: string) => Mutation[],
): Mutation[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) =>
      mutate(item, `${path}[${index}]`).map((one) => ({
        ...one,
        value: value.with(index, one.value),
      })),
    )
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, item]) =>
    mutate(item, `${path}.${name}`).map((one) => ({
      ...one,
      value: { ...value, [name]: one.value },
    })),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
