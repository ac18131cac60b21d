// Which session a request is of.

/** The query's `sid`, or the path's end: there 0.9 has it. `null`: of none yet. */
export function sidOf(url) {
  const { pathname, searchParams } = new URL(url, "http://any");
  return searchParams.get("sid") ?? /\/socket\.io\/1\/[^/]*\/([^/]+)/.exec(pathname)?.[1] ?? null;
}
