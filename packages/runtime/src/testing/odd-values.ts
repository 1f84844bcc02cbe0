/** What people and programs write by mistake where a setting wants a number, a duration or a text. */
export const oddValues: readonly unknown[] = [
  ...['-1', '-1s', '-0', '1e300', '1e300h', '99999999999999999999', '9999999h', '0.5', '0x10'],
  ...['NaN', 'Infinity', '1ns', '1 s', 's', ' ', '\0', 'a\u001b[31mb', 'x'.repeat(300)],
  ...[-1, 0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, {}, [[]], [{}], [1]],
]
