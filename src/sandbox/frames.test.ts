import { expect, test } from 'vitest'
import { decodePng, type Frame, frameReader } from './frames.ts'

function read(chunks: (string | Buffer)[]): { frames: Frame[]; floods: number } {
  const result = { frames: [] as Frame[], floods: 0 }
  const reader = frameReader(
    (frame) => result.frames.push(frame),
    () => {
      result.floods += 1
    },
  )
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string))
  return result
}

test('frames are cut at line ends, wherever the chunks end', () => {
  const text = '{"type":"ready"}\n{"type":"out","cell":1,"text":"é"}\n'
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1))
  const expected = [{ type: 'ready' }, { type: 'out', cell: 1, text: 'é' }]
  expect(read([text]).frames).toEqual(expected)
  expect(read(pieces).frames).toEqual(expected)
})

test('lines that are not frames are dropped', () => {
  const lines = ['', 'x', '[]', 'null', '{"type":"end"}', '{"type":"end","cell":1.5,"status":"ok"}']
  const hostile = ['{"type":"end","cell":-1,"status":"ok"}', '{"type":"out","cell":1,"text":7}']
  expect(read([[...lines, ...hostile].join('\n') + '\n'])).toEqual({ frames: [], floods: 0 })
})

test('a line that is too long is reported once, and the lines after it are read', () => {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const { frames, floods } = read([...Array.from({ length: 17 }, () => chunk), '\n{"type":"ready"}\n'])
  expect(floods).toBe(1)
  expect(frames).toEqual([{ type: 'ready' }])
})

test('only a PNG is a picture', () => {
  const png = Buffer.from('89504e470d0a1a0a0000', 'hex')
  expect(decodePng(png.toString('base64'))).toEqual(png)
  expect(decodePng(Buffer.from('GIF89a').toString('base64'))).toBeUndefined()
  expect(decodePng('')).toBeUndefined()
})
