/** What the browser extension declares as its build; a charter lists the builds that were reviewed. */
export const EXTENSION_BUILD = 'fairtrace-extension-0.1.0'
