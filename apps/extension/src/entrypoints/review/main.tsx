import { render } from 'preact'
import { Review } from '../../ui/review.tsx'

const root = document.getElementById('root')
if (root !== null) render(<Review />, root)
