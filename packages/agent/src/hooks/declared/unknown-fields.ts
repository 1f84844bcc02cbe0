/** As much of a schema as the search for unknown fields needs. */
interface Shape {
  properties?: Readonly<Record<string, Shape>>
  items?: Shape
}

/** The paths of all fields of a value, such as `parameters[0].typ`, that its schema does not know. */
export function unknownFields(value: unknown, schema: object, path = ''): string[] {
  const { properties, items }: Shape = schema
  if (Array.isArray(value) && items)
    return value.flatMap((item, at) => unknownFields(item, items, `${path}[${at}]`))
  if (typeof value !== 'object' || value === null || !properties) return []
  return Object.entries(value).flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`
    return Object.hasOwn(properties, name) ? unknownFields(field, properties[name] ?? {}, at) : [at]
  })
}
