// Takes the token out of the address before anything else can see it, and exchanges it for a session.
const token = location.hash.slice(1)
history.replaceState(null, '', '/')
const said = document.getElementById('said')
if (token === '') {
  said.textContent = 'Open this page with “fairtrace-agent open”, or from the indicator on your desktop.'
} else {
  fetch('/enter', { method: 'POST', body: token })
    .then(async (answer) => {
      if (!answer.ok) throw new Error('refused')
      location.replace(await answer.text())
    })
    .catch(() => {
      said.textContent =
        'This address was used before, or is too old. “fairtrace-agent open” makes a new one. If it was not you who used it, somebody else on this computer did: what it opened is closed again.'
    })
}
