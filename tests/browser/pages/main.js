const byId = (id) => document.getElementById(id)
byId('other').src = new URLSearchParams(location.search).get('other') ?? 'about:blank'
byId('show').onclick = () => {
  byId('password').type = byId('password').type === 'password' ? 'text' : 'password'
}
byId('swap-show').onclick = () => {
  const plain = document.createElement('input')
  plain.id = 'swapped'
  byId('swap').replaceWith(plain)
}
byId('twin-show').onclick = () => {
  byId('twin').hidden = true
  byId('twin-hidden').hidden = false
}
for (const [id, mode] of [
  ['open-host', 'open'],
  ['closed-host', 'closed'],
]) {
  const root = byId(id).attachShadow({ mode })
  root.innerHTML = `<button id="inside">Open</button> <input id="text" aria-label="Inside"> <input id="pass" type="password"> <button id="show">Show</button>`
  root.getElementById('show').onclick = () => {
    root.getElementById('pass').type = 'text'
  }
  window[`${mode}Root`] = root
}
byId('to').addEventListener('dragover', (event) => event.preventDefault())
byId('to').addEventListener('drop', (event) => event.preventDefault())
const canvas = byId('canvas')
canvas.addEventListener('pointerdown', (event) => event.preventDefault())
let route = 0
byId('route').onclick = () => {
  route++
  history.pushState({}, '', `/customers/${route}/wintergreen?secret=wintergreen`)
  byId('view').innerHTML = `<button id="routed">Open</button><input id="routed-text" aria-label="Routed">`
}
