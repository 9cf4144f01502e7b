// Passkeys: only a script can ask the browser for one. What it sends and gets is in docs/api.md.

const BYTES = /^(?:challenge|id)$/

/** The answer of a request of ours, or an error with the sentence to show. */
async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const content = await answer.json()
  if (answer.ok) return content
  const { message, advice } = content.error
  throw new Error(`${message.charAt(0).toUpperCase()}${message.slice(1)}. ${advice}`)
}

function toBytes(text) {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function toText(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer))
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** Options come as JSON; the browser wants bytes where they hold base64url. */
function fromJson(options) {
  return JSON.parse(JSON.stringify(options), (name, value) =>
    BYTES.test(name) && typeof value === 'string' ? toBytes(value) : value,
  )
}

async function addPasskey() {
  // The name of the portal is an `id` too, but a text.
  const { rp, ...options } = await post('/api/passkeys/options', {})
  const publicKey = { ...fromJson(options), rp }
  const { id, response } = await navigator.credentials.create({ publicKey })
  const { clientDataJSON, attestationObject } = response
  await post('/api/passkeys', {
    id,
    response: { clientDataJSON: toText(clientDataJSON), attestationObject: toText(attestationObject) },
  })
}

/** Confirms the next act with a passkey. Somebody who has none is told by the act itself whether it needs one. */
async function stepUp(purpose) {
  const { options } = await post('/api/step-up/options', { purpose })
  if (options === null) return
  const { id, response } = await navigator.credentials.get({ publicKey: fromJson(options) })
  const { clientDataJSON, authenticatorData, signature } = response
  await post('/api/step-up', {
    purpose,
    id,
    response: {
      clientDataJSON: toText(clientDataJSON),
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
    },
  })
}

/** Approves one grant: the challenge that the passkey signs is the grant's own hash. */
async function approve(grant) {
  const answer = await fetch(`/api/grants/${grant}/approval-options`)
  if (!answer.ok) throw new Error('This grant can’t be approved any more. Load the page again.')
  const { rpId, ...options } = await answer.json()
  const { id, response } = await navigator.credentials.get({ publicKey: { ...fromJson(options), rpId } })
  const { clientDataJSON, authenticatorData, signature } = response
  await post(`/api/grants/${grant}/approvals`, {
    assertion: {
      credential: id,
      clientDataJSON: toText(clientDataJSON),
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
    },
  })
}

/** What to tell. A browser doesn't say more than this when a person cancels, takes too long or has no such passkey. */
function sentenceFor(error) {
  if (error.name === 'InvalidStateError') return 'This phone, computer or key fob is added already.'
  if (error.name === 'NotAllowedError') return 'The browser did not get an answer from a passkey. Nothing was changed.'
  return error.message
}

function onPress(button, work) {
  const status = document.querySelector('[data-passkey-status]')
  button.hidden = false
  button.addEventListener('click', async () => {
    button.setAttribute('aria-disabled', 'true')
    try {
      await work()
      location.reload()
    } catch (error) {
      status.textContent = sentenceFor(error)
      button.removeAttribute('aria-disabled')
    }
  })
}

for (const button of document.querySelectorAll('[data-passkey-add]')) {
  onPress(button, async () => {
    if (button.dataset.passkeyAdd === 'vouched') await stepUp('change-passkeys')
    await addPasskey()
  })
}

for (const button of document.querySelectorAll('[data-passkey-remove]')) {
  onPress(button, async () => {
    await stepUp('change-passkeys')
    await post('/api/passkeys/remove', { id: button.dataset.passkeyRemove })
  })
}

for (const button of document.querySelectorAll('[data-grant-approve]')) {
  onPress(button, () => approve(button.dataset.grantApprove))
}

for (const button of document.querySelectorAll('[data-own-data]')) {
  const { ownData, challenge, rp, credentials } = button.dataset
  button.hidden = false
  button.addEventListener('click', async () => {
    const status = document.querySelector('[data-passkey-status]')
    const allowCredentials = credentials.split(' ').map((id) => ({ id: toBytes(id), type: 'public-key' }))
    const publicKey = { challenge: toBytes(challenge), rpId: rp, userVerification: 'required', allowCredentials }
    try {
      const { id, response } = await navigator.credentials.get({ publicKey })
      const { clientDataJSON, authenticatorData, signature } = response
      await post('/api/me/data/openings', {
        request: JSON.parse(ownData),
        assertion: {
          credential: id,
          clientDataJSON: toText(clientDataJSON),
          authenticatorData: toText(authenticatorData),
          signature: toText(signature),
        },
      })
      button.hidden = true
      status.textContent = 'Confirmed. Go back to the program that asked; you can close this page.'
    } catch (error) {
      status.textContent = sentenceFor(error)
    }
  })
}

// A form that needs a passkey's word gets it first and is sent then.
for (const form of document.querySelectorAll('form[data-step-up]')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      await stepUp(form.dataset.stepUp)
      form.submit()
    } catch (error) {
      const alert = form.querySelector('[role=alert]') ?? form.appendChild(document.createElement('p'))
      alert.setAttribute('role', 'alert')
      alert.textContent = sentenceFor(error)
      for (const button of form.querySelectorAll('button')) button.removeAttribute('aria-disabled')
    }
  })
}
