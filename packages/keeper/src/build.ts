/** What the keeper declares as its build; a charter lists the builds that were reviewed. */
export const KEEPER_BUILD = 'fairtrace-keeper-0.1.0'
