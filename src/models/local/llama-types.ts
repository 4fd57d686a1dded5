/** The part of node-llama-cpp that we use. The package is optional, so its own types may be missing. */

export interface LlamaLibrary {
  getLlama(options: object): Promise<Llama>
  LlamaChat: new (options: { contextSequence: LlamaSequence }) => LlamaChat
}

export interface Llama {
  loadModel(options: { modelPath: string; gpuLayers?: number | 'auto' }): Promise<LlamaModel>
  createGrammarForJsonSchema(schema: object): Promise<LlamaGrammar>
  getGrammarFor(kind: 'json'): Promise<LlamaGrammar>
}

/** Opaque to us. */
export type LlamaGrammar = object

export interface LlamaModel {
  tokenizer: object
  createContext(options: {
    sequences: number
    contextSize: number | { max: number }
    threads: number
  }): Promise<LlamaContext>
}

export interface LlamaContext {
  contextSize: number
  getSequence(): LlamaSequence
}

export interface TokenCount {
  usedInputTokens: number
  usedOutputTokens: number
}

export interface LlamaSequence {
  contextSize: number
  tokenMeter: { getState(): TokenCount; diff(before: TokenCount): TokenCount }
}

export type HistoryItem =
  | { type: 'system'; text: string }
  | { type: 'user'; text: string }
  | { type: 'model'; response: (string | HistoryCall)[] }

export interface HistoryCall {
  type: 'functionCall'
  name: string
  params: unknown
  result: unknown
  /** Whether this call starts a new group of parallel calls. */
  startsNewChunk?: boolean
}

export type LlamaFunctions = Record<string, { description?: string; params?: object }>

export interface GenerateOptions {
  signal: AbortSignal
  maxTokens: number
  temperature: number
  topP?: number
  grammar?: LlamaGrammar
  functions?: LlamaFunctions
  documentFunctionParams?: boolean
  maxParallelFunctionCalls?: number
  onResponseChunk(chunk: { type?: 'segment'; text: string; tokens: unknown[] }): void
  onFunctionCallParamsChunk?(chunk: {
    callIndex: number
    functionName: string
    paramsChunk: string
    done: boolean
  }): void
}

export interface LlamaChat {
  sequence: LlamaSequence
  chatWrapper: {
    generateContextState(options: {
      chatHistory: HistoryItem[]
      availableFunctions?: LlamaFunctions
      documentFunctionParams?: boolean
    }): { contextText: { tokenize(tokenizer: object): unknown[] } }
  }
  generateResponse(
    history: HistoryItem[],
    options: GenerateOptions,
  ): Promise<{ metadata: { stopReason: string } }>
}
