/** Instead of uuid: every browser that the app supports makes them. */
export const v4 = (): string => crypto.randomUUID();
