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

function limits(org: Org, version: string) {
  const of = (max: number, used = 0) => ({ Max: max, Remaining: max - used })
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
    CdpAiInferenceApiMonthlyLimit: of(1000),
    ConcurrentEinsteinDiscoveryStoryCreation: of(1000),
    ContentDistBandwidthLimitMB: of(1000),
    ContentDistViewLimit: of(1000),
    ContentPublicationLimit: of(1000),
    DailyAnalyticsUploadedFilesSizeMB: of(1000),
    DailyApexCursorLimit: of(1000),
    DailyApexCursorRowsLimit: of(1000),
    DailyApexPCursorLimit: of(1000),
    DailyAsyncApexTests: of(1000),
    DailyEinsteinDataInsightsStoryCreation: of(1000),
    DailyEinsteinDiscoveryOptimizationJobRuns: of(1000),
    DailyEinsteinDiscoveryPredictAPICalls: of(1000),
    DailyEinsteinDiscoveryPredictionsByCDC: of(1000),
    DailyEinsteinDiscoveryStoryCreation: of(1000),
    DailyFunctionsApiCallLimit: of(1000),
    DailyMetadataRetrievesWithDependencies: of(1000),
    DailyServiceEmailAgentforceCalls: of(1000),
    ExternalServicesActiveObjects: of(1000),
    ExternalServicesActiveOperations: of(1000),
    ExternalServicesObjectProperties: of(1000),
    ExternalServicesObjects: of(1000),
    ExternalServicesOperations: of(1000),
    ExternalServicesRegistrations: of(1000),
    HourlyDashboardResults: of(1000),
    HourlyDashboardStatuses: of(1000),
    HourlyElevateAsyncReportRuns: of(1000),
    HourlyElevateSyncReportRuns: of(1000),
    HourlyLongTermIdMapping: of(1000),
    HourlyManagedContentPublicRequests: of(1000),
    HourlyShortTermIdMapping: of(1000),
    MaxContentDocumentsLimit: of(1000),
    MonthlyEinsteinDiscoveryStoryCreation: of(1000),
    Package2VersionCreates: of(1000),
    Package2VersionCreatesWithoutValidation: of(1000),
    PrivateConnectOutboundCalloutHourlyLimitMB: of(1000),
    PublishCallbackUsageInApex: of(1000),
    ScheduledFlowRunLimit: of(1000),
    ScheduledPathRunLimit: of(1000),
    StreamingApiConcurrentClients: of(20),
    ...(Number(version) >= 58 && { PlatformEventTriggersWithParallelProcessing: of(5) }),
  }
}
