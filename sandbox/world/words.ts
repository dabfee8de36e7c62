/** Word lists of the demo world. All invented or everyday; no row of anybody's data. */

const split = (text: string) => text.trim().split(/\s+/)

export const NAME_HEADS = split(`
  Alder Amber Anchor Apex Arbor Arctic Argon Aster Atlas Aurora Avon Azure Basalt Beacon Birch Blue Bolt Bramble Bridge Bright
  Cairn Canyon Cedar Chalk Cinder Cirrus Clear Cliff Clover Cobalt Comet Copper Coral Crane Crest Crimson Crown Crystal Cypress
  Dawn Delta Drift Dune Eagle East Echo Elm Ember Emerald Falcon Fern Field Fjord Flint Forge Fox Frost Garnet Glacier Glen
  Golden Granite Grove Gull Harbor Hawk Hazel Heath Helio Heron Highland Hollow Indigo Iris Iron Isle Ivory Jade Jasper Juniper
  Kestrel Keystone Kite Lantern Larch Laurel Lime Linden Loch Lotus Lunar Lynx Maple Marble Meadow Meridian Mill Mint Moor Moss
  Nimbus North Nova Oak Ocean Olive Onyx Opal Orchard Orion Osprey Otter Palm Pearl Pebble Pine Polar Prairie Quarry Quartz Quill
  Rain Raven Reed Ridge River Robin Rowan Ruby Sable Saffron Sage Sand Sapphire Sierra Silver Slate Solar Spruce Star Steel Stone
  Storm Summit Sun Swan Swift Tern Terra Thistle Thorn Tidal Timber Topaz Torch Trail Umber Upland Vale Valley Velvet Vertex Vine
  Violet Vista Walnut Water West Willow Wind Winter Wolf Wren Yarrow Zenith Zephyr`)

export const NAME_TAILS = split(`
  bank base bay bell berg brook burn castle chain court craft dale den ditch dock fall fast field fold ford forge gate glass
  guard hall ham haven hill house hurst keep land lane leaf light line link lock loft mark mead mere mill mont mount nest path
  peak pier point pool port reach ridge rock root run scape shore side span spring stead stone tide top tower town trail vale
  view wall ward water way well wharf wick wise wood works yard`)

export const NAME_KINDS = [
  'Systems',
  'Logistics',
  'Foods',
  'Energy',
  'Health',
  'Software',
  'Industries',
  'Partners',
  'Consulting',
  'Media',
  'Bank',
  'Insurance',
  'Retail',
  'Pharma',
  'Motors',
  'Airlines',
  'Textiles',
  'Chemicals',
  'Robotics',
  'Networks',
  'Analytics',
  'Engineering',
  'Packaging',
  'Optics',
]

/** Kind of company -> canonical industry, as both CRMs spell it. */
export const INDUSTRY_OF: Record<string, { salesforce: string; hubspot: string }> = {
  Systems: { salesforce: 'Technology', hubspot: 'COMPUTER_SOFTWARE' },
  Logistics: { salesforce: 'Transportation', hubspot: 'LOGISTICS_AND_SUPPLY_CHAIN' },
  Foods: { salesforce: 'Food & Beverage', hubspot: 'FOOD_PRODUCTION' },
  Energy: { salesforce: 'Energy', hubspot: 'OIL_ENERGY' },
  Health: { salesforce: 'Healthcare', hubspot: 'HOSPITAL_HEALTH_CARE' },
  Software: { salesforce: 'Technology', hubspot: 'COMPUTER_SOFTWARE' },
  Industries: { salesforce: 'Manufacturing', hubspot: 'AUTOMOTIVE' },
  Partners: { salesforce: 'Consulting', hubspot: 'MANAGEMENT_CONSULTING' },
  Consulting: { salesforce: 'Consulting', hubspot: 'MANAGEMENT_CONSULTING' },
  Media: { salesforce: 'Media', hubspot: 'BROADCAST_MEDIA' },
  Bank: { salesforce: 'Banking', hubspot: 'BANKING' },
  Insurance: { salesforce: 'Insurance', hubspot: 'INSURANCE' },
  Retail: { salesforce: 'Retail', hubspot: 'RETAIL' },
  Pharma: { salesforce: 'Biotechnology', hubspot: 'PHARMACEUTICALS' },
  Motors: { salesforce: 'Manufacturing', hubspot: 'AUTOMOTIVE' },
  Airlines: { salesforce: 'Transportation', hubspot: 'AIRLINES_AVIATION' },
  Textiles: { salesforce: 'Apparel', hubspot: 'TEXTILES' },
  Chemicals: { salesforce: 'Chemicals', hubspot: 'CHEMICALS' },
  Robotics: { salesforce: 'Engineering', hubspot: 'INDUSTRIAL_AUTOMATION' },
  Networks: { salesforce: 'Telecommunications', hubspot: 'TELECOMMUNICATIONS' },
  Analytics: { salesforce: 'Technology', hubspot: 'INFORMATION_TECHNOLOGY_AND_SERVICES' },
  Engineering: { salesforce: 'Engineering', hubspot: 'MECHANICAL_OR_INDUSTRIAL_ENGINEERING' },
  Packaging: { salesforce: 'Manufacturing', hubspot: 'PACKAGING_AND_CONTAINERS' },
  Optics: { salesforce: 'Electronics', hubspot: 'SEMICONDUCTORS' },
}

export interface Place {
  country: string
  code: string
  forms: string[]
  dial: string
  tld: string
  cities: { city: string; state: string; stateCode: string; postal: string }[]
}

const place = (country: string, code: string, forms: string, dial: string, tld: string, cities: string): Place => ({
  country,
  code,
  forms: forms.split('|'),
  dial,
  tld,
  cities: cities.split('|').map((c) => {
    const [city, state, stateCode, postal] = c.split(':') as [string, string, string, string]
    return { city, state, stateCode, postal }
  }),
})

export const PLACES: Place[] = [
  place(
    'United States',
    'US',
    'Inc.|LLC|Corp.',
    '+1',
    'com',
    'Austin:Texas:TX:787|Denver:Colorado:CO:802|Portland:Oregon:OR:972|Boston:Massachusetts:MA:021|Atlanta:Georgia:GA:303|Seattle:Washington:WA:981',
  ),
  place(
    'Germany',
    'DE',
    'GmbH|AG',
    '+49',
    'de',
    'Hamburg:Hamburg:HH:20|Köln:Nordrhein-Westfalen:NW:50|München:Bayern:BY:80|Leipzig:Sachsen:SN:04',
  ),
  place(
    'United Kingdom',
    'GB',
    'Ltd|PLC',
    '+44',
    'co.uk',
    'Leeds:Leeds:LDS:LS1|Bristol:Bristol, City of:BST:BS1|Manchester:Manchester:MAN:M1',
  ),
  place(
    'France',
    'FR',
    'SAS|SA',
    '+33',
    'fr',
    'Lyon:Auvergne-Rhône-Alpes:ARA:69|Nantes:Pays-de-la-Loire:PDL:44|Lille:Hauts-de-France:HDF:59',
  ),
  place('Netherlands', 'NL', 'BV', '+31', 'nl', 'Utrecht:Utrecht:UT:35|Rotterdam:Zuid-Holland:ZH:30'),
  place('Canada', 'CA', 'Inc.|Ltd', '+1', 'ca', 'Toronto:Ontario:ON:M5|Calgary:Alberta:AB:T2'),
]

export const STREETS = split(
  'Harbour Mill Station Garden Church Market Forest Park King Queen Bridge River Hill Lake Linden School Castle Meadow',
)

export const FIRST_NAMES = split(`
  Ada Adam Agnes Alan Alice Amir Ana Andre Anita Anton Asha Ben Bianca Boris Bruno Carla Carmen Celine Chen Clara Daniel David
  Diana Dora Elena Eli Emil Emma Erik Eva Farid Felix Fiona Frida Gina Greta Hanna Hassan Hugo Ida Igor Ines Ivan Jan Jane Jonas
  Julia Karim Karl Kate Kira Lara Lea Leo Lena Liam Lina Lucas Maja Marc Maria Marta Max Mei Mila Mina Nadia Nils Nina Nora Olga
  Oscar Pablo Paul Petra Pia Rafael Rita Robin Rosa Sara Selma Simon Sofia Sven Tara Theo Tina Tom Uma Vera Viktor Wanda Yara Zoe`)

export const LAST_NAMES = split(`
  Abbott Adler Alvarez Andersen Archer Bauer Becker Bennett Berg Blanc Brandt Brooks Carter Castillo Chandra Cole Conti Cruz
  Dahl Diaz Dubois Egan Eriksen Evans Faber Fischer Fontaine Foster Garcia Gray Greene Hansen Hart Hayes Hoffman Holm Hughes
  Ivanov Jansen Jensen Kaiser Keller Khan Kim Klein Koch Kowalski Kumar Lambert Lang Larsen Lehmann Lindgren Lopez Marsh Martin
  Meyer Mills Moreau Morgan Murphy Nagy Nielsen Novak Olsen Ortiz Owens Palmer Park Patel Perez Petit Porter Quinn Ramos Reed
  Reyes Ricci Richter Roberts Rossi Roth Russo Sanders Santos Schmidt Schulz Shah Silva Simmons Singh Stein Stone Sutter Tanaka
  Thomsen Torres Vance Varga Vogel Wagner Walsh Watts Weber West Winter Wong Wright Young Zhang Ziegler`)

export const JOB_TITLES = [
  'CEO',
  'CFO',
  'CIO',
  'VP Sales',
  'VP Engineering',
  'Head of Procurement',
  'IT Manager',
  'Operations Manager',
  'Buyer',
  'Data Engineer',
  'Controller',
  'Office Manager',
]

export const PRODUCTS = [
  { name: 'Keel Basic', price: 480 },
  { name: 'Keel Pro', price: 4_200 },
  { name: 'Keel Plus', price: 1_150 },
  { name: 'Mast Standard', price: 3_300 },
  { name: 'Mast Fleet', price: 26_000 },
  { name: 'Helm', price: 720 },
  { name: 'Rudder Analytics', price: 5_600 },
]

export const DEAL_TOPICS = [
  'rollout',
  'renewal',
  'pilot',
  'expansion',
  'upgrade',
  'replacement',
  'framework',
  'add-on',
  'phase 2',
  'migration',
  'extension',
  'starter',
]
