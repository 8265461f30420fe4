/** Instead of pouchdb-json: every browser that the app supports reads deep JSON without running out of stack. */
export const safeJsonParse = (text: string): unknown => JSON.parse(text);
export const safeJsonStringify = (value: unknown): string => JSON.stringify(value);
