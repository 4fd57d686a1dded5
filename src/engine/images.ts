/** Loads the images that messages name by file id, as data URLs for the model. */
import type { LoadedImage } from '../domain/files.ts'
import type { ChatContentPart, ChatMessage } from '../models/port.ts'
import type { DraftMessage, DraftPart } from './conversation.ts'
import { RunFailure } from './failure.ts'

/** Reads an image file as a data URL. */
export type LoadImage = (file: { project: string; file_id: string; maxBytes: number }) => Promise<LoadedImage>

/** What providers accept: one image, and all images of a request. */
const maxImageBytes = 20 * 1024 * 1024
const maxRequestBytes = 50 * 1024 * 1024

/** Loads each image once. Throws `RunFailure` when one does not exist or they are too large. */
export async function withImages(
  loadImage: LoadImage,
  project: string,
  messages: readonly DraftMessage[],
): Promise<ChatMessage[]> {
  const urls = new Map<string, string>()
  let bytes = 0
  const urlOf = async (file_id: string): Promise<string> => {
    const known = urls.get(file_id)
    if (known !== undefined) return known
    const image = await loadImage({ project, file_id, maxBytes: maxImageBytes })
    if ('missing' in image) throw unusable(file_id, image.missing)
    bytes += image.bytes
    if (bytes > maxRequestBytes) throw tooMany()
    urls.set(file_id, image.url)
    return image.url
  }
  const loaded: ChatMessage[] = []
  for (const message of messages) {
    if (message.role !== 'user') loaded.push(message)
    else if (typeof message.content === 'string') loaded.push({ role: 'user', content: message.content })
    else {
      const content: ChatContentPart[] = []
      for (const part of message.content) content.push(await loadPart(part, urlOf))
      loaded.push({ role: 'user', content })
    }
  }
  return loaded
}

async function loadPart(
  part: DraftPart,
  urlOf: (file_id: string) => Promise<string>,
): Promise<ChatContentPart> {
  if (part.type !== 'image_file') return part
  const { file_id, detail } = part.image_file
  return { type: 'image_url', image_url: { url: await urlOf(file_id), ...(detail && { detail }) } }
}

function unusable(file_id: string, missing: 'deleted' | 'not imported' | 'too large'): RunFailure {
  const texts = {
    deleted: `The thread shows the model the image '${file_id}', and that file does not exist any more.`,
    'not imported': `The thread shows the model the image '${file_id}', and the content of that file was not imported.`,
    'too large': `The image '${file_id}' is larger than the ${maxImageBytes / 1024 ** 2} MB that a model can be shown.`,
  }
  return new RunFailure('invalid_prompt', texts[missing])
}

function tooMany(): RunFailure {
  return new RunFailure(
    'invalid_prompt',
    `The images of the thread are larger than the ${maxRequestBytes / 1024 ** 2} MB that a model can be shown at once. ` +
      "A truncation_strategy of type 'last_messages' leaves out the older ones.",
  )
}
