/**
 * Where a release comes from, as W3C PROV in JSON-LD (PROV-O): consents → recordings → the build → the release and each shard.
 *
 * Consents stand in it as numbers of people by version of the charter, none below k; nobody as themselves.
 */
import { shardFile } from '@fairtrace/core'
import type { CardFacts } from './croissant.ts'
import { BUILDER_VERSION } from './manifest.ts'

const CONTEXT = {
  prov: 'http://www.w3.org/ns/prov#',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
  fairtrace: 'urn:fairtrace:vocabulary:',
  label: { '@id': 'http://www.w3.org/2000/01/rdf-schema#label' },
} as const

export function lineage(facts: CardFacts): Record<string, unknown> {
  const { charter, name } = facts
  const urn = (what: string) => `urn:fairtrace:${charter.programme}:${what}`
  const ref = (id: string) => ({ '@id': id })
  const release = urn(name)
  const build = urn(`${name}:build`)
  const consents = facts.consents.map(({ charterVersion, charterHash, people }) => ({
    '@id': urn(`consents:${charterHash}`),
    '@type': ['prov:Entity', 'prov:Collection'],
    label: 'Consents to this version of the charter, in steps of k people',
    'fairtrace:charter': charterHash,
    'fairtrace:charterVersion': charterVersion,
    'fairtrace:people': people,
  }))
  return {
    '@context': CONTEXT,
    '@graph': [
      {
        '@id': urn(`charter:${facts.charterHash}`),
        '@type': ['prov:Entity', 'prov:Plan'],
        label: `Charter version ${charter.version}`,
        'prov:value': facts.charterHash,
      },
      ...consents,
      {
        '@id': urn('recordings'),
        '@type': ['prov:Entity', 'prov:Collection'],
        label: 'Shielded recordings in the scope of the grant',
        'prov:wasDerivedFrom': consents.map((consent) => ref(consent['@id'])),
      },
      {
        '@id': urn(`builder:${facts.builder}`),
        '@type': ['prov:Agent', 'prov:SoftwareAgent'],
        label: BUILDER_VERSION,
        'prov:actedOnBehalfOf': ref(urn('controller')),
      },
      { '@id': urn('controller'), '@type': ['prov:Agent', 'prov:Organization'], label: charter.controller.name },
      {
        '@id': build,
        '@type': 'prov:Activity',
        label: 'Segments, draw, k-anonymity, contribution cap, shuffle, export, encryption',
        'prov:used': [ref(urn('recordings')), ref(urn(`charter:${facts.charterHash}`))],
        'prov:wasAssociatedWith': ref(urn(`builder:${facts.builder}`)),
        'prov:qualifiedAssociation': {
          '@type': 'prov:Association',
          'prov:agent': ref(urn(`builder:${facts.builder}`)),
          'prov:hadPlan': ref(urn(`charter:${facts.charterHash}`)),
        },
        'prov:endedAtTime': {
          '@type': 'xsd:date',
          '@value': new Date(facts.publishedAtMs).toISOString().slice(0, 10),
        },
      },
      {
        '@id': release,
        '@type': ['prov:Entity', 'prov:Collection'],
        label: name,
        'prov:wasGeneratedBy': ref(build),
        'prov:wasDerivedFrom': ref(urn('recordings')),
        'prov:wasAttributedTo': ref(urn('controller')),
        ...(facts.previous.length > 0
          ? { 'prov:wasInfluencedBy': facts.previous.map((id) => ref(urn(`release:${id}`))) }
          : {}),
        'prov:hadMember': facts.shards.map(({ path }) => ref(`${release}/${path}`)),
      },
      ...facts.shards.map(({ path, sha256 }) => ({
        '@id': `${release}/${path}`,
        '@type': 'prov:Entity',
        'prov:atLocation': { '@type': 'prov:Location', 'prov:value': shardFile(sha256) },
        'prov:wasGeneratedBy': ref(build),
      })),
    ],
  }
}
