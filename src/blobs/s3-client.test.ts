import { expect, test } from 'vitest'
import { objectUrl, parseRefusal } from './s3-client.ts'
import { BlobStoreSettings, type S3BlobSettings } from './settings.ts'

const settings: S3BlobSettings = {
  type: 's3',
  endpoint: 'http://minio:9000',
  bucket: 'files',
  region: 'us-east-1',
  access_key_id: 'key',
  secret_access_key: 'secret',
}

test('the bucket is part of the path, except on Amazon and where the settings say so', () => {
  expect(objectUrl(settings, 'a/b').href).toBe('http://minio:9000/files/a/b')
  expect(objectUrl({ ...settings, endpoint: 'http://minio:9000/s3/' }, 'a').href).toBe(
    'http://minio:9000/s3/files/a',
  )
  expect(objectUrl({ ...settings, path_style: false }, 'a').href).toBe('http://files.minio:9000/a')
  const amazon = { ...settings, endpoint: 'https://s3.eu-west-1.amazonaws.com' }
  expect(objectUrl(amazon, 'a').href).toBe('https://files.s3.eu-west-1.amazonaws.com/a')
  expect(objectUrl({ ...amazon, path_style: true }, 'a').href).toBe(
    'https://s3.eu-west-1.amazonaws.com/files/a',
  )
})

test('an error document gives its code and message, and anything else gives none', () => {
  expect(parseRefusal('<Error><Code>NoSuchKey</Code>\n<Message> gone </Message></Error>')).toEqual({
    code: 'NoSuchKey',
    message: 'gone',
  })
  expect(parseRefusal('<html>502 Bad Gateway</html>')).toEqual({ code: '', message: '' })
})

test('settings with an unknown key or a value that cannot work are refused', () => {
  expect(BlobStoreSettings.safeParse(settings).success).toBe(true)
  expect(BlobStoreSettings.safeParse({ type: 'disk', folder: '/data/blobs' }).success).toBe(true)
  const wrong = [
    { type: 'disk' },
    { type: 'disk', folder: '' },
    { type: 'disk', folder: 'x', bucket: 'y' },
    { type: 'tape' },
    { ...settings, endpoint: 'minio:9000' },
    { ...settings, endpoint: 'ftp://minio' },
    { ...settings, bucket: 'a/b' },
    { ...settings, prefix: '/a' },
    { ...settings, prefix: 'a/../b' },
    { ...settings, prefix: 'with space' },
    { ...settings, secret_access_key: '' },
    { ...settings, acl: 'public' },
  ]
  for (const each of wrong) expect(BlobStoreSettings.safeParse(each).success).toBe(false)
})
