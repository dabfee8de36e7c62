import { same } from '../../mappings/model/value.ts'
import type { linksView, RecordView } from '../../store/queries.ts'

/**
 * A record as the API shows it: plain values, and per link whether each field agrees.
 *
 * @param writes whether a field is kept in agreement on a connection, or only read from it.
 */
export function projectRecord(
  record: RecordView,
  links?: Awaited<ReturnType<typeof linksView>>,
  writes: (connection: string, field: string) => boolean = () => true,
) {
  return {
    id: record.id,
    entity: record.entity,
    version: record.version,
    deleted: record.deleted,
    frozen: record.frozen,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    fields: Object.fromEntries(Object.entries(record.fields).map(([name, f]) => [name, f.v])),
    ...(links && {
      links: links.map((l) => ({
        id: l.id,
        connection: l.connection,
        object: l.object,
        externalId: l.externalId,
        state: l.state,
        agreement: Object.fromEntries(
          Object.entries(l.base)
            .filter(([name]) => writes(l.connection, name))
            .map(([name, b]) => [
              name,
              same(b.c as never, (record.fields[name]?.v ?? null) as never)
                ? 'agrees'
                : b.n === (record.fields[name]?.n ?? 0)
                  ? 'adjusted'
                  : l.confirming
                    ? 'confirming'
                    : 'differs',
            ]),
        ),
      })),
    }),
  }
}
