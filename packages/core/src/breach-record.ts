/**
 * The breach record of an incident (GDPR Art. 33(5)), in the terms of the Data Privacy Vocabulary 2.3, as JSON-LD 1.1.
 *
 * ```json
 * {"@context":{…},"@type":["dpv:DataBreachRecord"],"dct:identifier":["…"],"dct:type":["eu-gdpr:ConfidentialityBreach"],…}
 * ```
 * The context is inside, so that nobody has to fetch one. A rehearsal, or a lockdown in which nothing of anybody's was within reach, is
 * a `dpv:SecurityIncidentRecord`. Whether an authority must be told is a person's judgement and isn't in it.
 */
import type { Charter } from './charter/charter-schema.ts'
import { CONSENT_CONTEXT } from './consent-record.ts'
import { countWords, type IncidentReport, reachOf } from './incident.ts'

export const BREACH_CONTEXT = {
  ...CONSENT_CONTEXT,
  'dct:type': { '@type': '@id' },
  'dpv:hasNotificationStatus': { '@type': '@id' },
} as const

export function breachRecord(report: IncidentReport, charter: Charter): Readonly<Record<string, unknown>> {
  const surfaces = report.surfaces.filter(
    ({ state, surface, kind }) => state !== 'false-alarm' && reachOf(surface, kind) === 'everybody',
  )
  const isBreach = surfaces.length > 0 && !report.isRehearsal
  const at = (ms: number) => new Date(ms).toISOString()
  const { controller, impactAssessment } = charter
  const whose = surfaces[0] === undefined ? [] : [countWords(surfaces[0].couldRead)]
  return {
    '@context': BREACH_CONTEXT,
    '@type': [isBreach ? 'dpv:DataBreachRecord' : 'dpv:SecurityIncidentRecord'],
    'dct:identifier': [report.id],
    'dct:created': [at(report.madeAtMs)],
    'dct:type': isBreach ? ['eu-gdpr:ConfidentialityBreach'] : [],
    'dct:description': [...report.unknowns],
    'dpv:isIndicatedAtTime': [at(report.openedAtMs)],
    'dpv:hasDataController': [
      { '@type': ['dpv:DataController'], 'dpv:hasName': [controller.name], 'dpv:hasContact': [controller.contact] },
    ],
    'dpv:hasJurisdiction': [`loc:${controller.country}`],
    'dpv:hasDataSubject': isBreach
      ? [
          {
            '@type': ['dpv:DataSubject'],
            'dpv:hasDataSubjectScale': [{ '@type': ['dpv:DataSubjectScale'], 'dct:description': whose }],
          },
        ]
      : [],
    'dpv:hasPersonalData': isBreach
      ? charter.capture.categories.map((category) => ({ '@type': ['pd:Interaction'], 'dct:identifier': [category] }))
      : [],
    'dpv:hasRecipient': surfaces.flatMap(({ readers }) =>
      readers.map(({ who }) => ({ '@type': ['dpv:Recipient'], 'dct:title': [who] })),
    ),
    'dpv:hasProcess': surfaces.map(({ surface, foundAtMs, closedAtMs }) => ({
      '@type': ['dpv:Process'],
      'dct:title': [surface],
      'dpv:isIndicatedAtTime': [at(foundAtMs), ...(closedAtMs === null ? [] : [at(closedAtMs)])],
    })),
    'dpv:hasOrganisationalMeasure': (report.cause?.actions ?? []).map(({ what, owner }) => ({
      '@type': ['dpv:OrganisationalMeasure'],
      'dct:description': [what],
      'dct:title': [owner],
    })),
    'dpv:hasImpactAssessment': [
      { '@type': ['dpv:DPIA'], 'dct:identifier': [impactAssessment.reference], 'dct:date': [impactAssessment.date] },
    ],
    'dpv:hasNotice': [
      {
        '@type': ['eu-gdpr:DataSubjectBreachNotice'],
        'dpv:hasNotificationStatus': [
          report.notices.sentAtMs === null ? 'dpv:NotificationPlanned' : 'dpv:NotificationCompleted',
        ],
        'dpv:isIndicatedAtTime': report.notices.sentAtMs === null ? [] : [at(report.notices.sentAtMs)],
      },
    ],
  }
}
