import type { Org } from '../org.ts'
import { ok, type Route } from './route.ts'

/** `/limits` and `/limits/recordCount`. */

export const routes: Route[] = [
  ['GET', /^\/limits$/, (org, r) => ok(limits(org, r.version))],
  [
    'GET',
    /^\/limits\/recordCount$/,
    (org, r) =>
      ok({
        sObjects: (r.query.get('sObjects')?.split(',') ?? [...org.tables.keys()])
          .map((n) => org.find(n))
          .filter((t) => t !== undefined)
          .map((t) => ({ count: [...t.rows.values()].filter((x) => !x.deleted).length, name: t.def.name }))
          // Objects without rows are left out.
          .filter((x) => x.count > 0),
      }),
  ],
]

const of = (max: number, used = 0) => ({ Max: max, Remaining: max - used })

/** Limits of features that the sandbox does not have: there, and never used. */
const UNUSED = `
  CdpAiInferenceApiMonthlyLimit ConcurrentEinsteinDiscoveryStoryCreation ContentDistBandwidthLimitMB
  ContentDistViewLimit ContentPublicationLimit DailyAnalyticsUploadedFilesSizeMB DailyApexCursorLimit
  DailyApexCursorRowsLimit DailyApexPCursorLimit DailyAsyncApexTests DailyEinsteinDataInsightsStoryCreation
  DailyEinsteinDiscoveryOptimizationJobRuns DailyEinsteinDiscoveryPredictAPICalls
  DailyEinsteinDiscoveryPredictionsByCDC DailyEinsteinDiscoveryStoryCreation DailyFunctionsApiCallLimit
  DailyMetadataRetrievesWithDependencies DailyServiceEmailAgentforceCalls ExternalServicesActiveObjects
  ExternalServicesActiveOperations ExternalServicesObjectProperties ExternalServicesObjects
  ExternalServicesOperations ExternalServicesRegistrations HourlyDashboardResults HourlyDashboardStatuses
  HourlyElevateAsyncReportRuns HourlyElevateSyncReportRuns HourlyLongTermIdMapping
  HourlyManagedContentPublicRequests HourlyShortTermIdMapping MaxContentDocumentsLimit
  MonthlyEinsteinDiscoveryStoryCreation Package2VersionCreates Package2VersionCreatesWithoutValidation
  PrivateConnectOutboundCalloutHourlyLimitMB PublishCallbackUsageInApex ScheduledFlowRunLimit
  ScheduledPathRunLimit`
  .trim()
  .split(/\s+/)

function limits(org: Org, version: string) {
  return {
    AnalyticsExternalDataSizeMB: of(40960),
    ConcurrentAsyncGetReportInstances: of(200),
    ConcurrentEinsteinDataInsightsStoryCreation: of(5),
    ConcurrentSyncReportRuns: of(20),
    DailyAnalyticsDataflowJobExecutions: of(60),
    DailyApiRequests: of(org.calls.limit, Math.min(org.calls.used, org.calls.limit)),
    DailyAsyncApexExecutions: of(250000),
    DailyBulkApiBatches: of(15000),
    DailyBulkV2QueryFileStorageMB: of(976562),
    DailyBulkV2QueryJobs: of(10000),
    DailyDeliveredPlatformEvents: of(10000),
    DailyDurableGenericStreamingApiEvents: of(10000),
    DailyDurableStreamingApiEvents: of(10000),
    DailyGenericStreamingApiEvents: of(10000),
    DailyStandardVolumePlatformEvents: of(10000),
    DailyStreamingApiEvents: of(10000),
    DailyWorkflowEmails: of(500),
    DataStorageMB: of(1024, 12),
    DurableStreamingApiConcurrentClients: of(20),
    FileStorageMB: of(1024, 3),
    HourlyAsyncReportRuns: of(1200),
    HourlyDashboardRefreshes: of(200),
    HourlyODataCallout: of(1000),
    HourlyPublishedPlatformEvents: of(50000),
    HourlyPublishedStandardVolumePlatformEvents: of(1000),
    HourlySyncReportRuns: of(500),
    HourlyTimeBasedWorkflow: of(1000),
    MassEmail: of(5000),
    PermissionSets: { Max: 1500, Remaining: 1490, CreateCustom: of(1000, 5) },
    SingleEmail: of(5000),
    StreamingApiConcurrentClients: of(20),
    ...Object.fromEntries(UNUSED.map((name) => [name, of(1000)])),
    ...(Number(version) >= 58 && { PlatformEventTriggersWithParallelProcessing: of(5) }),
  }
}
