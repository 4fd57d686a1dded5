/** Keeps a fault in one view from taking the whole page. */
import { Component, type ReactNode } from 'react'
import { Failed } from './states.tsx'

interface State {
  error: unknown
}

export class Crash extends Component<{ children: ReactNode }, State> {
  override state: State = { error: undefined }

  static getDerivedStateFromError(error: unknown): State {
    return { error: error ?? new Error('unknown') }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return <Failed error={error} retry={() => this.setState({ error: undefined })} />
  }
}
