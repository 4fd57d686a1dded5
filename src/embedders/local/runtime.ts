/** Finds onnxruntime-node, which is installed only by those who want a local embedder. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The version that this driver was tested with. */
const testedVersion = '1.30.0'

export const runtimeMissing =
  `a local embedder needs the package onnxruntime-node, which is not installed: ` +
  `npm install --ignore-scripts onnxruntime-node@${testedVersion} (with --prefix FOLDER for the data folder)`

/** The path of its entry; undefined when it is installed neither beside Spool nor in the data folder. */
export function findRuntime(dataDir: string): string | undefined {
  for (const from of [import.meta.filename, join(dataDir, 'models')]) {
    try {
      return createRequire(from).resolve('onnxruntime-node')
    } catch {
      // The next place.
    }
  }
  return undefined
}
