import { z } from 'zod'
import type { TaskRequest } from '../connector.ts'
import type { SalesforceClient } from './client.ts'

/** Puts a task on a record, for a person. @returns its id. */
export async function task(client: SalesforceClient, { object, id, subject, body, owner, due }: TaskRequest): Promise<string> {
  // People are what a task is with, everything else is what it is about.
  const on = object === 'Contact' || object === 'Lead' ? 'WhoId' : 'WhatId'
  const { body: answer } = await client.request(
    { kind: 'write', what: `task on ${object} ${id}` },
    {
      method: 'POST',
      url: '/sobjects/Task',
      body: JSON.stringify({
        [on]: id,
        Subject: subject.slice(0, 255),
        Description: body,
        ActivityDate: new Date(due).toISOString().slice(0, 10),
        Status: 'Not Started',
        Priority: 'High',
        ...(owner && { OwnerId: owner }),
      }),
    },
    z.looseObject({ id: z.string() }),
  )
  return answer.id
}
