/** JSON's structural characters; the same number as a UTF-8 byte and as a UTF-16 unit. */
export const newline = 0x0a
export const space = 0x20
export const quote = 0x22
export const comma = 0x2c
export const colon = 0x3a
export const bracket = 0x5b
export const backslash = 0x5c
export const endBracket = 0x5d
export const brace = 0x7b
export const endBrace = 0x7d
