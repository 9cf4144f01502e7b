/** Tables of releases beyond the first: who is in which and with how much of what, under digests that only the builder can make. */

export const releaseSql = `
-- One row a person and release. person: HMAC of the pseudonym under the builder's key; nobody else can tell whose it is, or whether
-- two rows are one person's and which. contributions: how often each type (a keyed digest too) is theirs. Goes with the person.
create table release.members (
  release text not null,
  person text not null,
  contributions jsonb not null,
  primary key (release, person)
);
create index on release.members (person);
-- How many people a release was made of, exactly; its manifest says it in steps of k. Whoever was erased is counted here still.
create table release.member_counts (
  release text primary key,
  people int not null
);
`

export const releaseGrantsSql = `
grant delete on release.members to fairtrace_builder;
`
