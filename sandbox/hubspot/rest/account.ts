import { at, ok, type Route } from './route.ts'

/** The account itself: `/account-info/v3` and `/integrations/v1/me`. */

export const routes: Route[] = [
  [
    'GET',
    at('/account-info/v3/details'),
    (p) =>
      ok({
        portalId: p.id,
        accountType: 'SANDBOX',
        timeZone: p.timeZone,
        companyCurrency: p.currency,
        additionalCurrencies: p.currencies.filter((c) => c !== p.currency),
        utcOffset: '+00:00',
        utcOffsetMilliseconds: 0,
        uiDomain: 'app.hubspot.com',
        dataHostingLocation: 'na1',
      }),
  ],
  ['GET', at('/account-info/v3/api-usage/daily(?:/private-apps)?'), () => ok({ results: [] })],
  [
    'GET',
    at('/integrations/v1/me'),
    (p) =>
      ok({
        portalId: p.id,
        timeZone: p.timeZone,
        accountType: 'SANDBOX',
        currency: p.currency,
        utcOffset: '+00:00',
        utcOffsetMilliseconds: 0,
      }),
  ],
]
