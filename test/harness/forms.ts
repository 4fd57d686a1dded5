/** Multipart bodies as odd clients write them, which no library would. */

/** Each part is its headers and its content; the boundary is `b`. */
export function formBody(parts: { headers: string[]; content: string | Buffer }[]): Buffer<ArrayBuffer> {
  const pieces = parts.flatMap(({ headers, content }) => [
    Buffer.from(`--b\r\n${headers.join('\r\n')}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return Buffer.from(Buffer.concat([...pieces, Buffer.from('--b--\r\n')]))
}

export const formType = { 'content-type': 'multipart/form-data; boundary=b' }

export function fieldPart(name: string, content: string) {
  return { headers: [`Content-Disposition: form-data; name="${name}"`], content }
}

export function filePart(content: string | Buffer, filename = 'a.txt', name = 'file') {
  const headers = [
    `Content-Disposition: form-data; name="${name}"; filename="${filename}"`,
    'Content-Type: text/plain',
  ]
  return { headers, content }
}
