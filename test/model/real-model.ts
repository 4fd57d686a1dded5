/** Where `npm run test:model` put the real model. */

export interface RealModel {
  /** A GGUF file. */
  path: string
  /** The folder whose node_modules holds node-llama-cpp. */
  library: string
}

export function realModel(): RealModel {
  const { SPOOL_TEST_GGUF: path, SPOOL_TEST_LLAMA: library } = process.env
  if (path === undefined || library === undefined) throw new Error('Run these tests with: npm run test:model')
  return { path, library }
}
