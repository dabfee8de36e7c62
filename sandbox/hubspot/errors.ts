export interface HubspotErrorDetail {
  message: string
  code?: string
  in?: string
  context?: Record<string, string[]>
}

/** An error as HubSpot answers it. */
export class HubspotError extends Error {
  readonly status: number
  readonly category: string | undefined
  readonly detail: {
    subCategory?: string
    context?: Record<string, string[]>
    errors?: HubspotErrorDetail[]
    [key: string]: unknown
  }

  constructor(status: number, category: string | undefined, message: string, detail: HubspotError['detail'] = {}) {
    super(message)
    this.status = status
    this.category = category
    this.detail = detail
  }

  toBody(correlationId: string) {
    return {
      status: 'error',
      message: this.message,
      correlationId,
      ...this.detail,
      ...(this.category && { category: this.category }),
    }
  }

  /** The entry of one record in a 207 answer. */
  toEntry() {
    return {
      status: 'error',
      category: this.category ?? 'VALIDATION_ERROR',
      message: this.message,
      ...(this.detail.context && { context: this.detail.context }),
      ...(this.detail.subCategory && { subCategory: this.detail.subCategory }),
    }
  }
}
