import '@mantine/core/styles.css'
import './styles.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'

const root = document.querySelector('#root')
if (!root) throw new Error('expected the page to have #root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
