/** The way out of another app's browser: an address that makes Android open `href` in Chrome; undefined where that is of no use. */
export function chromeAddress(agent: string, href: string): string | undefined {
  const { protocol, host, pathname, hash } = new URL(href);
  if (!/Android/.test(agent) || protocol !== "https:") return undefined;
  return `intent://${host}${pathname}${hash}#Intent;scheme=https;package=com.android.chrome;end`;
}
