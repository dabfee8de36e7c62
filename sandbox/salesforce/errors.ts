/** An error as Salesforce's REST API answers it: an array with one entry, and a status. */
export class SalesforceError extends Error {
  readonly status: number
  readonly code: string
  readonly fields: string[] | undefined
  /** Further keys of the entry, e.g. `duplicateResult`. */
  readonly extra: Record<string, unknown> | undefined

  constructor(
    code: string,
    message: string,
    options: { status?: number; fields?: string[]; extra?: Record<string, unknown> } = {},
  ) {
    super(message)
    this.code = code
    this.status = options.status ?? 400
    this.fields = options.fields
    this.extra = options.extra
  }

  /** The body of a single-record answer. */
  toBody() {
    return [
      {
        ...this.extra,
        message: this.message,
        errorCode: this.code,
        ...(this.fields && { fields: this.fields }),
      },
    ]
  }

  /** The result of one record in a collection: the key is `statusCode` there. */
  toResult() {
    return {
      success: false,
      errors: [{ ...this.extra, statusCode: this.code, message: this.message, fields: this.fields ?? [] }],
    }
  }
}
