// Progressive: every page works without it. While Fairtrace starts, it looks whether it has and opens the page.
const LOOK_MS = 1000

async function lookAgain() {
  try {
    const answer = await fetch('/healthz?page', { cache: 'no-store' })
    const { state } = await answer.json()
    if (state === 'ready') return location.reload()
  } catch {
    // Not reachable for the moment; it looks again.
  }
  setTimeout(lookAgain, LOOK_MS)
}

if (document.querySelector('[data-starting]')) setTimeout(lookAgain, LOOK_MS)

// One press is one press: a second one while the first is under way would only be refused.
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', () => {
    for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true')
  })
}
