import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withoutBrokenCharacters } from '../../connectors/answer-text.ts'

test('NUL and halves of surrogate pairs become the replacement character; everything else is left as it is', () => {
  expect(JSON.parse(withoutBrokenCharacters(JSON.stringify('a\0b \ud83d c \ude00 😀')))).toBe('a\ufffdb \ufffd c \ufffd 😀')
  expect(withoutBrokenCharacters(String.raw`"\\u0000 \ud83d\ude00"`)).toBe(String.raw`"\\u0000 \ud83d\ude00"`)
})

test('whatever the text, the result is text that PostgreSQL keeps, and whole text is not changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // JSON may escape any character; so does a CRM.
      const json = JSON.stringify(text).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
      const read = JSON.parse(withoutBrokenCharacters(json)) as string
      expect(read.isWellFormed() && !read.includes('\0')).toBe(true)
      if (text.isWellFormed() && !text.includes('\0')) expect(read).toBe(text)
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 6 }), (units) => {
      const read = JSON.parse(withoutBrokenCharacters(JSON.stringify(String.fromCharCode(...units)))) as string
      expect(read.isWellFormed()).toBe(true)
    }),
  )
})
