import { render } from 'preact'
import { Popup } from '../../ui/popup.tsx'

const root = document.getElementById('root')
if (root !== null) render(<Popup />, root)
