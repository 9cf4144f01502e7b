/** What this server declares as its build; a charter lists the builds that were reviewed, and no other one starts a programme. */
export const SERVER_BUILD = 'fairtrace-server-0.1.0'
