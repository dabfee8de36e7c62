import { defineObject, type ObjectDef } from '../schema.ts'

/** Events, tasks and campaigns, and groups that own them. */
export const activities = (): ObjectDef[] => [
  defineObject(
    'EventRelation',
    '0RE',
    'EventId reference ! co >Event:Event\nRelationId reference >Contact,Lead:Relation\nStatus picklist [New|Declined|Accepted]',
    ['Event Relation', 'Event Relations'],
  ),
  defineObject('Topic', '0TO', 'Name string(150) ! name\nDescription string(255)\nTalkingAbout int(8,0) ro', ['Topic', 'Topics']),
  defineObject(
    'Event',
    '00U',
    `
      WhoId reference >Contact,Lead:Who
      WhatId reference >Account,Opportunity:What
      Subject string(255)
      Location string(255)
      StartDateTime datetime
      EndDateTime datetime
      DurationInMinutes int(8,0)
      ActivityDate date ro
      ActivityDateTime datetime
      Description textarea(32000)
      ShowAs picklist [Busy|OutOfOffice|Free]
      OwnerId reference >User:Owner`,
    ['Event', 'Events'],
  ),
  defineObject('Group', '00G', 'Name string(40) ! name\nType picklist [Regular|Queue]\nEmail email(255)', ['Group', 'Group']),
  defineObject(
    'Campaign',
    '701',
    'Name string(80) ! name\nIsActive boolean =false\nStatus picklist [Planned|In Progress|Completed|Aborted]',
    ['Campaign', 'Campaigns'],
  ),
  defineObject(
    'Task',
    '00T',
    `
      WhoId reference >Contact,Lead:Who
      WhatId reference >Account,Opportunity:What
      Subject string(255)
      ActivityDate date
      Status picklist [Not Started|In Progress|Completed] ! =Not_Started
      Priority picklist [High|Normal|Low] ! =Normal
      Description textarea(32000)
      OwnerId reference >User:Owner`,
    ['Task', 'Tasks'],
  ),
]
