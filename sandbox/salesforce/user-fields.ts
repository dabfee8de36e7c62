/** The fields of User beside the few that matter: every org has them, and `GET /sobjects/User/{id}` shows them all. */

const words = (text: string) => text.trim().split(/\s+/)

const TEXTS = words(`
    CompanyName Division Department Title Street City State PostalCode Country StateCode CountryCode
    GeocodeAccuracy SenderEmail SenderName Signature StayInTouchSubject StayInTouchSignature StayInTouchNote
    Phone Fax MobilePhone Alias CommunityNickname BadgeText UserRoleId LocaleSidKey EmailEncodingKey StartDay
    EndDay LanguageLocaleKey EmployeeNumber DelegatedApproverId CallCenterId Extension FederationIdentifier
    AboutMe FullPhotoUrl SmallPhotoUrl OutOfOfficeMessage MediumPhotoUrl DigestFrequency
    DefaultGroupNotificationFrequency BannerPhotoUrl SmallBannerPhotoUrl MediumBannerPhotoUrl IndividualId`)

const PERMISSIONS = words(`
    MarketingUser OfflineUser CallCenterAutoLogin SFContentUser KnowledgeUser InteractionUser SupportUser
    JigsawProspectingUser SiteforceContributorUser SiteforcePublisherUser WorkDotComUserFeature`)

const PREFERENCES = words(`
    ActivityRemindersPopup EventRemindersCheckboxDefault TaskRemindersCheckboxDefault ReminderSoundOff
    DisableAllFeedsEmail DisableFollowersEmail DisableProfilePostEmail DisableChangeCommentEmail
    DisableLaterCommentEmail DisProfPostCommentEmail ContentNoEmail ContentEmailAsAndWhen
    ApexPagesDeveloperMode ReceiveNoNotificationsAsApprover ReceiveNotificationsAsDelegatedApprover
    HideCSNGetChatterMobileTask DisableMentionsPostEmail DisMentionsCommentEmail HideCSNDesktopTask
    HideChatterOnboardingSplash HideSecondChatterOnboardingSplash DisCommentAfterLikeEmail DisableLikeEmail
    SortFeedByComment DisableMessageEmail JigsawListUser DisableBookmarkEmail DisableSharePostEmail
    EnableAutoSubForFeeds DisableFileShareNotificationsForApi ShowTitleToExternalUsers
    ShowManagerToExternalUsers ShowEmailToExternalUsers ShowWorkPhoneToExternalUsers
    ShowMobilePhoneToExternalUsers ShowFaxToExternalUsers ShowStreetAddressToExternalUsers
    ShowCityToExternalUsers ShowStateToExternalUsers ShowPostalCodeToExternalUsers ShowCountryToExternalUsers
    ShowProfilePicToGuestUsers ShowTitleToGuestUsers ShowCityToGuestUsers ShowStateToGuestUsers
    ShowPostalCodeToGuestUsers ShowCountryToGuestUsers ShowForecastingChangeSignals
    LiveAgentMiawSetupDeflection HideS1BrowserUI DisableEndorsementEmail PathAssistantCollapsed
    CacheDiagnostics ShowEmailToGuestUsers ShowManagerToGuestUsers ShowWorkPhoneToGuestUsers
    ShowMobilePhoneToGuestUsers ShowFaxToGuestUsers ShowStreetAddressToGuestUsers LightningExperiencePreferred
    PreviewLightning HideEndUserOnboardingAssistantModal HideLightningMigrationModal HideSfxWelcomeMat
    HideBiggerPhotoCallout GlobalNavBarWTShown GlobalNavGridMenuWTShown CreateLEXAppsWTShown FavoritesWTShown
    RecordHomeSectionCollapseWTShown RecordHomeReservedWTShown FavoritesShowTopFavorites
    ExcludeMailAppAttachments SuppressTaskSFXReminders SuppressEventSFXReminders PreviewCustomTheme
    HasCelebrationBadge UserDebugModePref SRHOverrideActivities NewLightningReportRunPageEnabled
    ReverseOpenActivitiesView ShowTerritoryTimeZoneShifts HasSentWarningEmail HasSentWarningEmail238
    HasSentWarningEmail240 NativeEmailClient ShowForecastingRoundedAmounts`)

export const USER_FIELDS = [
  'Latitude double(18,15)',
  'Longitude double(18,15)',
  'Address address ro',
  'EmailPreferencesAutoBcc boolean',
  'EmailPreferencesAutoBccStayInTouch boolean',
  'EmailPreferencesStayInTouchReminder boolean',
  'ReceivesInfoEmails boolean',
  'ReceivesAdminInfoEmails boolean',
  'ManagerId reference >User:Manager',
  'LastLoginDate datetime ro',
  'LastPasswordChangeDate datetime ro',
  'PasswordExpirationDate datetime ro',
  'NumberOfFailedLogins int(8,0)',
  'SuAccessExpirationDate datetime ro',
  'OfflineTrialExpirationDate datetime ro',
  'OfflinePdaTrialExpirationDate datetime ro',
  'ForecastEnabled boolean',
  'ContactId reference >Contact:Contact',
  'AccountId reference >Account:Account',
  'IsExtIndicatorVisible boolean',
  'JigsawImportLimitOverride int(8,0)',
  'LastViewedDate datetime ro',
  'LastReferencedDate datetime ro',
  'IsProfilePhotoActive boolean',
  ...TEXTS.map((name) => `${name} string(255)`),
  ...PERMISSIONS.map((name) => `UserPermissions${name} boolean =false`),
  ...PREFERENCES.map((name) => `UserPreferences${name} boolean =false`),
].join('\n')
