import { render } from 'preact'
import { Options } from '../../ui/options.tsx'

const root = document.getElementById('root')
if (root !== null) render(<Options />, root)
