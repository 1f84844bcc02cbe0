/**
 * The opaque texts of the entity tags in `If-None-Match`. Weak or strong makes no difference to it (RFC 9110, section
 * 13.1.2); `*` proves no knowledge of any.
 */
export function entityTags(header = ''): string[] {
  return Array.from(header.matchAll(/(?:W\/)?"([^"]*)"/g), ([, text]) => text ?? '')
}
