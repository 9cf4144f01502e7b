/**
 * The card of a release for machines: Croissant 1.1 (http://mlcommons.org/croissant/1.1) with the RAI 1.0 fields, PROV lineage
 * and an ODRL offer. People read the same in `README.md` (see `data-sheet.ts`).
 *
 * ```json
 * {"@context":{…},"@type":"sc:Dataset","dct:conformsTo":["http://mlcommons.org/croissant/1.1","http://mlcommons.org/croissant/RAI/1.0"],
 *  "name":"spring","distribution":[{"@type":"cr:FileObject","sha256":"ab…"}],"recordSet":[{"@type":"cr:RecordSet"}]}
 * ```
 */
import { type Charter, shardBytes, shardFile } from '@fairtrace/core'
import type { CapFacts } from './cap-facts.ts'
import { COMPUTER_USE_FORMATS } from './computer-use.ts'
import type { ReleaseCounts } from './manifest.ts'
import { COLUMNS } from './parquet.ts'
import type { Shard } from './release-files.ts'
import { STATEMENTS } from './statements.ts'

export interface CardFacts {
  readonly charter: Charter
  readonly charterHash: string
  readonly name: string
  readonly publishedAtMs: number
  /** Raw Ed25519 public key, base64url. */
  readonly builder: string
  /** As in the manifest. */
  readonly counts: ReleaseCounts
  readonly shards: readonly Shard[]
  readonly cap: CapFacts
  /** What the risk gate said, or null where none was asked. */
  readonly gate: string | null
  readonly consents: readonly ConsentCount[]
  /** Ids of earlier releases. */
  readonly previous: readonly string[]
}

/** People whose recordings were made under a charter; at least k, in steps of k. */
export interface ConsentCount {
  readonly charterHash: string
  readonly charterVersion: number
  readonly people: number
}

/** The context of the specification's appendix, and the vocabularies that the card uses beyond it. */
const CONTEXT = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  sc: 'https://schema.org/',
  cr: 'http://mlcommons.org/croissant/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  dct: 'http://purl.org/dc/terms/',
  prov: 'http://www.w3.org/ns/prov#',
  odrl: 'http://www.w3.org/ns/odrl/2/',
  dpv: 'https://w3id.org/dpv#',
  annotation: 'cr:annotation',
  arrayShape: 'cr:arrayShape',
  citeAs: 'cr:citeAs',
  column: 'cr:column',
  conformsTo: 'dct:conformsTo',
  containedIn: 'cr:containedIn',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  equivalentProperty: 'cr:equivalentProperty',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  excludes: 'cr:excludes',
  extract: 'cr:extract',
  field: 'cr:field',
  fileProperty: 'cr:fileProperty',
  fileObject: 'cr:fileObject',
  fileSet: 'cr:fileSet',
  format: 'cr:format',
  includes: 'cr:includes',
  isArray: 'cr:isArray',
  isLiveDataset: 'cr:isLiveDataset',
  jsonPath: 'cr:jsonPath',
  key: 'cr:key',
  md5: 'cr:md5',
  parentField: 'cr:parentField',
  path: 'cr:path',
  recordSet: 'cr:recordSet',
  references: 'cr:references',
  regex: 'cr:regex',
  readLines: 'cr:readLines',
  repeated: 'cr:repeated',
  replace: 'cr:replace',
  samplingRate: 'cr:samplingRate',
  sdVersion: 'cr:sdVersion',
  separator: 'cr:separator',
  source: 'cr:source',
  subField: 'cr:subField',
  transform: 'cr:transform',
  unArchive: 'cr:unArchive',
  value: 'cr:value',
} as const

const ENCODINGS = { parquet: 'application/x-parquet', csv: 'text/csv', jsonl: 'application/jsonlines' } as const

export function croissantCard(facts: CardFacts): Record<string, unknown> {
  const { charter, name, shards } = facts
  const trajectories = shards.some((shard) => shard.path.endsWith('.jsonl'))
  return {
    '@context': CONTEXT,
    '@type': 'sc:Dataset',
    'dct:conformsTo': ['http://mlcommons.org/croissant/1.1', 'http://mlcommons.org/croissant/RAI/1.0'],
    '@id': `urn:fairtrace:${charter.programme}:${name}`,
    name,
    description: `${STATEMENTS.summary} Programme: ${charter.title}.${charter.demonstration ? ` ${STATEMENTS.demonstration}` : ''}`,
    url: `urn:fairtrace:${charter.programme}:${name}`,
    license: {
      '@type': 'sc:CreativeWork',
      name: 'Use under the charter of the programme only',
      text: STATEMENTS.licence,
    },
    creator: { '@type': 'sc:Organization', name: charter.controller.name, email: charter.controller.contact },
    datePublished: new Date(facts.publishedAtMs).toISOString().slice(0, 10),
    version: `${charter.version}.0.0`,
    inLanguage: 'en',
    isLiveDataset: false,
    usageInfo: offer(charter),
    'prov:wasDerivedFrom': {
      '@id': `urn:fairtrace:${charter.programme}:recordings`,
      '@type': 'prov:Entity',
      'prov:label': 'Recordings of consenting participants, under the charter whose SHA-256 is in prov:value',
      'prov:value': facts.charterHash,
    },
    'prov:wasGeneratedBy': {
      '@type': 'prov:Activity',
      'prov:label': 'Fairtrace release builder: segments, sample, k-anonymity, shuffle, export',
      'prov:wasAssociatedWith': { '@type': 'prov:SoftwareAgent', 'prov:label': `builder key ${facts.builder}` },
    },
    ...raiFields(facts),
    distribution: [
      ...shards.filter((shard) => kindOf(shard) !== null).map(fileObject),
      fileSet('parquet-files', 'data/*.parquet', ENCODINGS.parquet),
      fileSet('csv-files', 'csv/*.csv', ENCODINGS.csv),
      ...(trajectories
        ? [
            fileSet('trajectory-files', 'agentnet/*.jsonl', ENCODINGS.jsonl),
            ...COMPUTER_USE_FORMATS.map(({ name: format }) =>
              fileSet(`${format}-files`, `${format}/*.jsonl`, ENCODINGS.jsonl),
            ),
            fileSet('schematic-files', 'schematic/*.png', 'image/png'),
          ]
        : []),
    ],
    recordSet: [actionsRecords(), ...(trajectories ? [trajectoryRecords()] : [])],
  }
}

function raiFields(facts: CardFacts): Record<string, unknown> {
  const { charter } = facts
  return {
    'rai:dataCollection': STATEMENTS.collection,
    'rai:dataCollectionType': 'Direct measurement on the devices of consenting participants',
    'rai:dataCollectionTimeframe': STATEMENTS.timeframe,
    'rai:dataCollectionRawData': STATEMENTS.rawData,
    'rai:dataCollectionMissingData': STATEMENTS.missing,
    'rai:dataPreprocessingProtocol': [
      ...STATEMENTS.preprocessing(charter),
      STATEMENTS.bound(facts.cap),
      STATEMENTS.gate(facts.gate),
    ],
    'rai:personalSensitiveInformation': STATEMENTS.personal(charter),
    'rai:dataBiases': STATEMENTS.biases,
    'rai:dataLimitations': STATEMENTS.limitations,
    'rai:dataUseCases': [charter.purpose.sentence],
    'rai:dataSocialImpact': STATEMENTS.socialImpact,
    'rai:dataReleaseMaintenancePlan': STATEMENTS.maintenance,
  }
}

function offer(charter: Charter): Record<string, unknown> {
  return {
    '@type': ['sc:CreativeWork', 'odrl:Offer'],
    name: 'What this release may be used for',
    'odrl:permission': {
      '@type': 'odrl:Permission',
      'odrl:action': { '@id': 'odrl:use' },
      'odrl:constraint': constraint(charter.purpose.term),
    },
    'odrl:prohibition': charter.forbiddenPurposes.map((term) => ({
      '@type': 'odrl:Prohibition',
      'odrl:action': { '@id': 'odrl:use' },
      'odrl:constraint': constraint(term),
    })),
  }
}

function constraint(purpose: string): Record<string, unknown> {
  return {
    '@type': 'odrl:Constraint',
    'odrl:leftOperand': { '@id': 'odrl:purpose' },
    'odrl:operator': { '@id': 'odrl:eq' },
    'odrl:rightOperand': { '@id': purpose },
  }
}

function kindOf(shard: Shard): keyof typeof ENCODINGS | null {
  if (shard.path.endsWith('.parquet')) return 'parquet'
  if (shard.path.endsWith('.csv')) return 'csv'
  return shard.path.endsWith('.jsonl') ? 'jsonl' : null
}

function fileObject(shard: Shard): Record<string, unknown> {
  return {
    '@type': 'cr:FileObject',
    '@id': shard.path,
    name: shard.path,
    description: 'Encrypted; it has this name once a training room or an export has opened it.',
    contentUrl: shardFile(shard.sha256),
    contentSize: `${shardBytes(shard.bytes)} B`,
    encodingFormat: 'application/octet-stream',
    sha256: shard.sha256,
  }
}

function fileSet(id: string, includes: string, encodingFormat: string): Record<string, unknown> {
  return { '@type': 'cr:FileSet', '@id': id, name: id, encodingFormat, includes }
}

function actionsRecords(): Record<string, unknown> {
  return {
    '@type': 'cr:RecordSet',
    '@id': 'actions',
    name: 'actions',
    description: 'One record for each action; the actions of a segment in order.',
    key: [{ '@id': 'actions/segment' }, { '@id': 'actions/step' }],
    field: COLUMNS.map((column) => ({
      '@type': 'cr:Field',
      '@id': `actions/${column.name}`,
      name: column.name,
      description: column.meaning,
      dataType: column.type === 'text' ? 'sc:Text' : 'sc:Integer',
      source: { fileSet: { '@id': 'parquet-files' }, extract: { column: column.name } },
    })),
  }
}

function trajectoryRecords(): Record<string, unknown> {
  const field = (name: string, description: string, dataType: string, jsonPath: string, isArray = false) => ({
    '@type': 'cr:Field',
    '@id': `trajectories/${name}`,
    name,
    description,
    dataType,
    ...(isArray ? { repeated: true } : {}),
    source: { fileSet: { '@id': 'trajectory-files' }, extract: { jsonPath } },
  })
  return {
    '@type': 'cr:RecordSet',
    '@id': 'trajectories',
    name: 'trajectories',
    description: 'One AgentNet (OpenCUA) trajectory for each segment whose task may be named.',
    key: { '@id': 'trajectories/task_id' },
    field: [
      field('task_id', 'Name of the segment, the same as in the actions.', 'sc:Text', '$.task_id'),
      field('instruction', "Instruction text of the charter's task.", 'sc:Text', '$.instruction'),
      field('image', 'The schematic of each step.', 'sc:Text', '$.traj[*].image', true),
      field(
        'code',
        'The step in pyautogui, coordinates relative to the schematic.',
        'sc:Text',
        '$.traj[*].value.code',
        true,
      ),
    ],
  }
}
